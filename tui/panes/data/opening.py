"""Opening a file in a thread: its first lines, its edits, and what tells that it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from core.data.overlay import Overlay, load_overlay
from core.data.paging.table import PagedTable, open_table
from core.errors import DataError

from ...widgets.line_cache import BLOCK
from ...widgets.rows import Line
from .files import AUTO_BYTES, Target
from .marks import RowMarks
from .source import PagedSource


class Opened(NamedTuple):
    """What came of opening a file, or of looking at it again."""

    stamp: object = None
    """Changes when the file is another one, or was written again."""
    needs_trust: bool = False
    """Reading it would run the folder's code: nothing was read."""
    large: bool = False
    table: PagedTable | None = None
    """None when it is open already, as it is."""
    lines: Sequence[Line] = ()
    overlay: Overlay = Overlay()


def open_target(target: Target, known: object, *, trusted: bool) -> Opened:
    """Opens a file unless its stamp is the one known. Raises `DataError`, `StoreError`."""
    job = target.survey_job
    sources = job.find_sources(target.text)
    if not trusted and any(source.format == "python" for source in sources):
        return Opened(needs_trust=True)
    states = [source.path.stat() for source in sources if source.format != "hf"]
    stamp = (
        [(source.path, source.format, source.encoding, source.target) for source in sources],
        [(state.st_ino, state.st_size, state.st_mtime_ns) for state in states],
    )
    overlay = load_overlay(target.state_dir)
    opened = Opened(stamp, large=sum(state.st_size for state in states) > AUTO_BYTES, overlay=overlay)
    if stamp == known:
        return opened
    table = open_table(
        target.text,
        target.root,
        format=target.format,
        encoding=target.encoding,
        state_dir=target.state_dir,
        index=False,
    )
    try:
        lines = PagedSource(table, {}, RowMarks(table, target.text, None, overlay)).lines(0, BLOCK)
    except DataError:
        # A format that gives nothing before it is indexed.
        table.start_index()
        lines = []
    return opened._replace(table=table, lines=lines)


async def open_apart(target: Target, known: object, *, trusted: bool, panes: asyncio.Event) -> Opened:
    """The same in a thread, while the `panes` that will show it are made; a table that comes too late for
    anybody is closed."""
    opening = asyncio.ensure_future(asyncio.to_thread(partial(open_target, target, known, trusted=trusted)))
    try:
        await panes.wait()
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opening: asyncio.Future[Opened]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        table = opening.result().table
        if table is not None:
            table.close()
