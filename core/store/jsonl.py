"""Append-only logs: one JSON object a line, batched or synced, readable after any crash."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from ..errors import StoreError
from .atomic import storage_error

_LOG = logging.getLogger("compilot")
_BLOCK = 1 << 16


class BadLine(NamedTuple):
    """A line that is not one JSON object."""

    path: Path
    number: int
    """From 1; 0 where the file was read from its end."""
    reason: str
    torn: bool
    """The last line, without its newline: a write that a crash cut short."""


class JsonlWriter:
    """The one writer of a log file. Safe to call from many threads.

    A line reaches the file within `flush_seconds`; with `sync=True` it is on disk before `append` returns.
    When the disk refuses (full, gone), `StoreError` is raised from the call that notices and from every
    `append` after it; what could not be written is kept in order and goes out first once there is room,
    so the failed object must not be appended again.
    """

    def __init__(self, path: str | os.PathLike[str], flush_seconds: float = 0.2, mode: int = 0o600) -> None:
        self.path = Path(path)
        self._flush_seconds = flush_seconds
        self._changed = threading.Condition()
        self._pending = bytearray()
        self._error: StoreError | None = None
        self._closed = False
        self._flusher: threading.Thread | None = None
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
            if _has_torn_tail(self._descriptor):
                self._pending += b"\n"
        except OSError as error:
            raise storage_error(f"cannot open {self.path.name}", self.path, error) from error

    def append(self, obj: Any, sync: bool = False) -> None:
        """Add one object as valid JSON: NaN and infinity become null, lone surrogates `?`."""
        line = encode_line(obj)
        with self._changed:
            if self._closed:
                raise StoreError(f"{self.path.name} is already closed", where=str(self.path))
            self._pending += line
            if sync or self._error is not None:
                self._write_out(sync=True)
            elif self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_often, name="jsonl-flush", daemon=True)
                self._flusher.start()
            else:
                self._changed.notify()

    def flush(self, sync: bool = True) -> None:
        """Write out what is waiting; with `sync`, down to the disk."""
        with self._changed:
            if not self._closed:
                self._write_out(sync)

    def close(self) -> None:
        """Write out, sync and close. The file is closed even when writing fails."""
        with self._changed:
            if self._closed:
                return
            try:
                if self._pending != b"\n":
                    self._write_out(sync=True)
            finally:
                self._closed = True
                os.close(self._descriptor)
                self._changed.notify()
        if self._flusher is not None:
            self._flusher.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush_often(self) -> None:
        """Write out what waits, at most every `flush_seconds`; asleep while nothing does."""
        with self._changed:
            while not self._closed:
                self._changed.wait_for(lambda: self._closed or (bool(self._pending) and self._error is None))
                # Others append meanwhile: this wait gives the lock away.
                self._changed.wait_for(lambda: self._closed, timeout=self._flush_seconds)
                if not self._closed and self._error is None:
                    try:
                        self._write_out(sync=False)
                    except StoreError as error:
                        _LOG.error("%s", error)

    def _write_out(self, sync: bool) -> None:
        try:
            while self._pending:
                written = os.write(self._descriptor, self._pending)
                del self._pending[:written]
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self._error = storage_error(f"cannot write {self.path.name}", self.path, error)
            raise self._error from error
        self._error = None


def encode_line(obj: Any) -> bytes:
    """One JSON object and its newline."""
    try:
        return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        # Lone surrogates and integers beyond 64 bits, which the fast encoder refuses.
        text = json.dumps(_without_nan(obj), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace") + b"\n"


def report_bad_line(line: BadLine) -> None:
    """What `read_jsonl` does with a line it cannot read: a warning in the log."""
    place = f"line {line.number}" if line.number else "near the end"
    _LOG.warning("%s, %s: %s", line.path, place, "cut short by a crash" if line.torn else line.reason)


def read_jsonl(
    path: str | os.PathLike[str], on_bad: Callable[[BadLine], None] = report_bad_line
) -> Iterator[dict[str, Any]]:
    """The objects of a log, in order. Lines that are not one JSON object are told to `on_bad` and skipped.

    A missing file raises `StoreError`.
    """
    source = Path(path)
    try:
        with source.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield from _decode(source, number, line, on_bad)
    except OSError as error:
        raise storage_error(f"cannot read {source.name}", source, error) from error


def tail_jsonl(
    path: str | os.PathLike[str], count: int, on_bad: Callable[[BadLine], None] = report_bad_line
) -> list[dict[str, Any]]:
    """The objects on the last `count` lines, oldest first, without reading the rest of the file."""
    source = Path(path)
    try:
        with source.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            blocks: list[bytes] = []
            newlines = 0
            while position > 0 and newlines <= count:
                size = min(_BLOCK, position)
                position -= size
                file.seek(position)
                blocks.append(file.read(size))
                newlines += blocks[-1].count(b"\n")
    except OSError as error:
        raise storage_error(f"cannot read {source.name}", source, error) from error
    lines = b"".join(reversed(blocks)).splitlines(keepends=True) if count > 0 else []
    # `splitlines` also breaks at a carriage return alone, which JSON text never holds unescaped.
    return [obj for line in lines[-count:] for obj in _decode(source, 0, line, on_bad)]


def _decode(
    path: Path, number: int, line: bytes, on_bad: Callable[[BadLine], None]
) -> Iterator[dict[str, Any]]:
    text = line.strip()
    if not text:
        return
    try:
        obj = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        on_bad(BadLine(path, number, f"not JSON ({error})", torn=not line.endswith(b"\n")))
        return
    if isinstance(obj, dict):
        yield obj
    else:
        on_bad(BadLine(path, number, "not a JSON object", torn=not line.endswith(b"\n")))


def _has_torn_tail(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _without_nan(obj: Any) -> Any:
    if isinstance(obj, dict):
        return {key: _without_nan(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_without_nan(value) for value in obj]
    if isinstance(obj, float) and (obj != obj or obj in (float("inf"), float("-inf"))):
        return None
    return obj
