"""The rows of a table as far as they are indexed, while a child process indexes the rest."""

from __future__ import annotations

import base64
import bisect
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...bootstrap import command
from ...errors import DataError
from ..sources import Source
from .build_child import Finished, Job, Report, Started, Wrote
from .cache import CacheSlot, Contents, Extent
from .layout import ColumnLayout, decode_batch

if TYPE_CHECKING:
    import pyarrow as pa


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the index is; a snapshot."""

    columns: tuple[ColumnLayout, ...] = ()
    rows: int = 0
    """Rows that can be read now."""
    fraction: float = 0.0
    """Of the files' bytes, from 0 to 1."""
    done: bool = False
    complete: bool = False
    """Every row can be read, and the columns' types are final."""
    contents: Contents | None = None
    error: DataError | None = None


class Index:
    """Opens a table's cache, or has it built. Thread-safe; `close` ends the child and lets the file go."""

    def __init__(self, sources: Sequence[Source], folder: Path) -> None:
        self._sources = list(sources)
        self._slot = CacheSlot(sources, folder)
        self._size = max(sum(source.size for source in sources), 1)
        self._changed = threading.Condition()
        self._state = IndexState()
        self._extents: list[Extent] = []
        self._starts: list[int] = [0]
        self._path: Path | None = None
        self._schema_text = ""
        self._schema: pa.Schema | None = None
        self._map: pa.MemoryMappedFile | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False
        if (contents := self._slot.load()) is not None:
            self._take(contents)
        else:
            threading.Thread(target=self._build, name="table-index", daemon=True).start()

    @property
    def state(self) -> IndexState:
        return self._state

    @property
    def batch_count(self) -> int:
        return len(self._extents)

    def wait(self, rows: int | None = None, timeout: float | None = None) -> IndexState:
        """Waits until that many rows can be read (all, when None), the index is done, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ready(rows), timeout)
            return self._state

    def _is_ready(self, rows: int | None) -> bool:
        return self._state.done or self._closed or (rows is not None and self._state.rows >= rows)

    def wait_for_batch(self, number: int) -> bool:
        """Waits until batch `number` can be read; False when there is none and never will be."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._extents) > number or self._state.done or self._closed)
            return len(self._extents) > number

    def start_of(self, number: int) -> int:
        """The table's row number of a batch's first row."""
        return self._starts[number]

    def batch(self, number: int) -> pa.RecordBatch:
        """An indexed batch, memory-mapped."""
        import pyarrow as pa

        with self._changed:
            extent = self._extents[number]
            if self._schema is None:
                self._schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self._schema_text)))
            end = extent.offset + extent.length
            if self._map is None or self._map.size() < end:
                self._map = self._open_map()
            self._map.seek(extent.offset)
            buffer = self._map.read_buffer(extent.length)
            return pa.ipc.read_record_batch(buffer, self._schema)

    def _open_map(self) -> pa.MemoryMappedFile:
        import pyarrow as pa

        try:
            return pa.memory_map(str(self._path))
        except FileNotFoundError:
            # The child is done and gave the file its last name; we have not read its report yet.
            return pa.memory_map(str(self._slot.data))

    def read(self, start: int, count: int) -> list[dict[str, Any]]:
        """Rows by number, as many as are indexed."""
        rows: list[dict[str, Any]] = []
        state = self._state
        stop = min(start + count, state.rows)
        while start < stop:
            number = bisect.bisect_right(self._starts, start) - 1
            first = self._starts[number]
            piece = self.batch(number).slice(start - first, stop - start)
            rows += decode_batch(piece, state.columns)
            start += piece.num_rows
        return rows

    def read_texts(self, number: int) -> dict[str, Any]:
        """One row of a plain-text table as it stands in the file, before types."""
        columns = [msgspec.structs.replace(column, type="text") for column in self._state.columns]
        place = bisect.bisect_right(self._starts, number) - 1
        return decode_batch(self.batch(place).slice(number - self._starts[place], 1), columns)[0]

    def read_many(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Rows by their numbers, in the order given; each batch is read once."""
        state = self._state
        places: dict[int, list[int]] = {}
        for number in numbers:
            if 0 <= number < state.rows:
                places.setdefault(bisect.bisect_right(self._starts, number) - 1, []).append(number)
        rows: dict[int, dict[str, Any]] = {}
        for place, members in places.items():
            first = self._starts[place]
            piece = self.batch(place).take([number - first for number in members])
            rows.update(zip(members, decode_batch(piece, state.columns), strict=True))
        return [rows[number] for number in numbers if number in rows]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGTERM)

    def _take(self, contents: Contents) -> None:
        self._path = self._slot.data
        self._schema_text = contents.schema
        self._map, self._schema = None, None
        self._set_extents(contents.extents)
        self._state = IndexState(
            columns=tuple(contents.columns),
            rows=self._starts[-1],
            fraction=1.0,
            done=True,
            complete=True,
            contents=contents,
        )

    def _set_extents(self, extents: Sequence[Extent]) -> None:
        self._extents, self._starts = [], [0]
        for extent in extents:
            self._add_extent(extent)

    def _add_extent(self, extent: Extent) -> None:
        self._extents.append(extent)
        self._starts.append(self._starts[-1] + extent.rows)

    def _build(self) -> None:
        what = "the indexing process ended early"
        try:
            self._run_child()
        except Exception as failure:  # noqa: BLE001 - a thread of ours would print it over the screen
            what = f"the table cannot be indexed: {failure}"
        finally:
            with self._changed:
                if not self._state.done:
                    error = DataError(what, where=self._sources[0].name, fix="open the table again")
                    self._state = msgspec.structs.replace(self._state, done=True, error=error)
                self._changed.notify_all()

    def _run_child(self) -> None:
        job = msgspec.json.encode(Job(self._sources, str(self._slot.folder)), enc_hook=str)
        child = subprocess.Popen(
            command("data.paging.build_child"),
            stdin=subprocess.PIPE,  # an argument has at most 128 KiB, fewer than the paths of many files
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._child = child
        import_module("pyarrow")  # while the child starts, so that the first row read does not wait for it
        if self._closed:
            child.kill()
        _send(child, job)
        for report in _read_reports(child):
            with self._changed:
                self._apply(report)
                self._changed.notify_all()
        child.wait()

    def _apply(self, report: Report) -> None:
        if isinstance(report, Started):
            self._path, self._schema_text = Path(report.path), report.schema
            self._map, self._schema = None, None
            self._set_extents(())
            self._state = IndexState(columns=tuple(report.columns))
        elif isinstance(report, Wrote):
            self._add_extent(report.extent)
            self._state = IndexState(
                columns=tuple(report.columns),
                rows=self._starts[-1],
                fraction=min(report.position / self._size, 1.0),
            )
        elif isinstance(report, Finished):
            self._take(report.contents)
            if not self._slot.reusable:
                self._forget()
        else:
            error = DataError(report.what, where=report.where, fix=report.fix)
            self._state = msgspec.structs.replace(self._state, done=True, error=error)

    def _forget(self) -> None:
        """Holds on to a cache that nobody may use again, and takes its name away."""
        import pyarrow as pa

        if self._extents:
            self._map = pa.memory_map(str(self._path))
        self._slot.data.unlink(missing_ok=True)


def _send(child: subprocess.Popen[bytes], job: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:  # one that ended early reads nothing
        pipe.write(job)


def _read_reports(child: subprocess.Popen[bytes]) -> Iterator[Report]:
    decode = msgspec.json.Decoder(Report).decode
    if child.stdout is None:
        return
    with child.stdout as lines:
        for line in lines:
            yield decode(line)
