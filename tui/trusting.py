"""Asks once whether a folder's Python may run, and remembers the answer for that folder and its content."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CompilotError
from core.wording import plural

if TYPE_CHECKING:
    from .app import CompilotApp


async def ask_trust(app: CompilotApp) -> bool:
    """True when the person said yes, now or before."""
    from core.trust import read_trust

    from .widgets.dialogs import Confirm

    root = app.session.root
    known = await asyncio.to_thread(read_trust, root)
    if known.trusted:
        return True
    since = "Its code has changed since you last said yes. " if known.changed else ""
    files = f"{plural(known.files, 'Python and TOML file')}"
    answer = await app.push_screen_wait(
        Confirm(
            "Run this folder's code?",
            f"{since}{root} holds {files}. The program and the metric are Python of this folder: they run "
            "with your rights, in processes of their own. The answer is remembered until they change.",
            yes="Run it",
        )
    )
    if answer:
        await _remember(app, known.fingerprint)
    return bool(answer)


@contextmanager
def keeping_trust(root: Path) -> Iterator[None]:
    """Around what the person writes through the app: code that was trusted before it stays so. For a thread.

    What others changed meanwhile is not vouched for along with it. Raises `StoreError`.
    """
    from core.trust import read_trust, remember_trust

    trusted = read_trust(root).trusted
    yield
    if trusted:
        remember_trust(root, read_trust(root).fingerprint)


async def _remember(app: CompilotApp, fingerprint: str) -> None:
    from core.trust import remember_trust

    try:
        await asyncio.to_thread(remember_trust, app.session.root, fingerprint)
    except CompilotError as error:
        app.say_error(error)
