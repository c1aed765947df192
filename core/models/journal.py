"""The record of every answer a provider produced, on disk before the run goes on. Replayed, never paid twice.

SQLite in WAL mode with `synchronous=FULL`. Callers that write at the same moment share one transaction, so
one sync of the disk serves them all. Anyone may read the file while it is written.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import orjson

from ..errors import StopRun, StoreError
from ..recipe import Role

FORMAT_VERSION = 1
_BUSY_SECONDS = 10.0
_PAGES_BETWEEN_CHECKPOINTS = 4000
_COMPRESS_FROM_BYTES = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    idx INTEGER NOT NULL,
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    request BLOB NOT NULL,
    response BLOB NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_input_tokens INTEGER,
    usd REAL,
    latency REAL NOT NULL,
    at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    UNIQUE (key, idx)
);
CREATE TABLE IF NOT EXISTS waste (
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_input_tokens INTEGER,
    usd REAL,
    at REAL NOT NULL
);
"""
_INSERT = (
    "INSERT INTO calls (key, idx, role, model, request, response, input_tokens, output_tokens,"
    " cached_input_tokens, usd, latency, at, attempts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_INSERT_WASTE = "INSERT INTO waste VALUES (?, ?, ?, ?, ?, ?, ?)"


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and what it cost."""

    key: str
    index: int
    role: Role
    model: str
    request: dict[str, Any]
    response: dict[str, Any]
    input_tokens: int | None
    """Cached ones included; None where the provider did not say."""
    output_tokens: int | None
    """Hidden thinking included."""
    cached_input_tokens: int | None
    usd: float | None
    """None where the price is unknown."""
    latency: float
    """Seconds of the attempt that answered."""
    at: float
    """Unix seconds."""
    attempts: int = 1


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over one role. Answers that were cut off and thrown away count in all but `paid`."""

    paid: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    usd: float = 0.0
    """Over the answers whose price is known."""
    unpriced: int = 0
    """Answers whose price is unknown."""
    without_usage: int = 0
    """Answers whose tokens the provider did not tell."""
    latency: float = 0.0
    latency_max: float = 0.0


class _Ticket:
    """A row on its way to the disk."""

    __slots__ = ("done", "error", "sql", "values")

    def __init__(self, sql: str, values: tuple[Any, ...]) -> None:
        self.sql = sql
        self.values = values
        self.done = False
        self.error: StopRun | None = None


class Journal:
    """Answers by (key, index); the first writer of a pair wins. For many threads of one process.

    Raises `StoreError` when the file cannot be opened, and `StopRun("failed")` from a write that did not
    reach the disk.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._queue: list[_Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._writer = _connect(self.path)
            _prepare(self._writer, self.path)
            self._reader = _connect(self.path)
            self._known = set(self._reader.execute("SELECT key, idx FROM calls"))
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"cannot open the journal: {error}",
                where=str(self.path),
                fix="check that the run folder can be written and the disk has room",
            ) from error

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, pair: tuple[str, int]) -> bool:
        return pair in self._known

    def read(self, key: str, index: int) -> dict[str, Any] | None:
        """The recorded response, or None."""
        if (key, index) not in self._known:
            return None
        with self._read_lock:
            row = self._reader.execute(
                "SELECT response FROM calls WHERE key = ? AND idx = ?", (key, index)
            ).fetchone()
        return _unpack(row[0])

    def write(self, call: Paid) -> None:
        """Record an answer; on disk when this returns."""
        values = (
            call.key,
            call.index,
            call.role,
            call.model,
            _pack(call.request),
            _pack(call.response),
            call.input_tokens,
            call.output_tokens,
            call.cached_input_tokens,
            call.usd,
            call.latency,
            call.at,
            call.attempts,
        )
        self._commit(_Ticket(_INSERT, values))
        self._known.add((call.key, call.index))

    def write_waste(self, call: Paid) -> None:
        """Record what an answer cost that could not be used."""
        tokens = (call.input_tokens, call.output_tokens, call.cached_input_tokens)
        self._commit(_Ticket(_INSERT_WASTE, (call.role, call.model, *tokens, call.usd, call.at)))

    def totals(self) -> dict[str, Totals]:
        """What was paid, by role."""
        with self._read_lock:
            return _totals(self._reader)

    def seal(self) -> None:
        """Record nothing more; what is recorded can still be read."""
        with self._write_lock:
            self._writer.close()

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def _commit(self, ticket: _Ticket) -> None:
        with self._queue_lock:
            self._queue.append(ticket)
        # Whoever holds the write lock commits all that wait; most of them find their row done.
        with self._write_lock:
            if not ticket.done:
                with self._queue_lock:
                    batch, self._queue = self._queue, []
                self._write_batch(batch)
        if ticket.error is not None:
            raise ticket.error

    def _write_batch(self, batch: list[_Ticket]) -> None:
        failure: Exception | None = None
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for ticket in batch:
                    self._writer.execute(ticket.sql, ticket.values)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            failure = error
        for ticket in batch:
            ticket.done = True
            if failure is not None:
                ticket.error = StopRun("failed", self._describe(failure))
                ticket.error.__cause__ = failure

    def _describe(self, error: Exception) -> str:
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or (
            isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        )
        reason = "the disk is full" if full else str(error)
        return (
            f"an answer could not be recorded in {self.path}: {reason}. Free some space, then resume the run"
        )


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded call, for a person to read."""

    seq: int
    key: str
    index: int
    role: Role
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    usd: float | None
    latency: float
    at: float
    attempts: int
    request: dict[str, Any] | None = None
    """`messages`, `system`, `config`; only where it was asked for."""
    response: dict[str, Any] | None = None

    @property
    def prompt(self) -> list[tuple[str, str]]:
        """(role, text) of the system prompt and of each message."""
        request = self.request or {}
        system = request.get("system")
        turns = [("system", _text_of(system))] if system else []
        return turns + [(part["role"], _text_of(part.get("parts"))) for part in request.get("messages", [])]

    @property
    def answer(self) -> str:
        return _text_of(((self.response or {}).get("message") or {}).get("parts"))


_COLUMNS = (
    "seq, key, idx, role, model, input_tokens, output_tokens, cached_input_tokens, usd, latency, at, attempts"
)


def read_calls(
    path: str | os.PathLike[str],
    *,
    role: Role | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int = 100,
    newest_first: bool = False,
    with_text: bool = False,
) -> list[RecordedCall]:
    """A page of the calls of a journal that may be in use, by `seq` (from 1, in the order of recording).

    `with_text` reads requests and responses too. An absent journal has no calls; one that cannot be read
    raises `StoreError`.
    """
    if not Path(path).exists():
        return []
    blobs = "request, response" if with_text else "NULL, NULL"
    order = "DESC" if newest_first else "ASC"
    query = (
        f"SELECT {_COLUMNS}, {blobs} FROM calls WHERE seq > ? AND seq < ? AND (? IS NULL OR role = ?)"
        f" ORDER BY seq {order} LIMIT ?"
    )
    limits = (after, before if before is not None else 1 << 62, role, role, limit)
    try:
        with closing(open_for_reading(path)) as connection:
            rows = connection.execute(query, limits).fetchall()
    except sqlite3.Error as error:
        raise _cannot_read(path, error) from error
    return [_recorded(row) for row in rows]


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_PAGES_BETWEEN_CHECKPOINTS}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT_VERSION:
        raise StoreError(
            "the journal was written by a newer Compilot",
            where=str(path),
            fix="update Compilot, then resume the run",
        )
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")


def open_for_reading(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection that cannot write, to a journal that may be in use; its path may hold any letter."""
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)


def _cannot_read(path: str | os.PathLike[str], error: sqlite3.Error) -> StoreError:
    return StoreError(
        f"cannot read the journal: {error}", where=str(path), fix="check that the file is a run's journal"
    )


def _totals(connection: sqlite3.Connection) -> dict[str, Totals]:
    rows = connection.execute(
        "SELECT role, SUM(paid), SUM(COALESCE(input_tokens, 0)), SUM(COALESCE(output_tokens, 0)),"
        " SUM(COALESCE(cached_input_tokens, 0)), SUM(COALESCE(usd, 0.0)), SUM(usd IS NULL),"
        " SUM(input_tokens IS NULL), SUM(latency), MAX(latency) FROM ("
        "  SELECT role, 1 AS paid, input_tokens, output_tokens, cached_input_tokens, usd, latency FROM calls"
        "  UNION ALL"
        "  SELECT role, 0 AS paid, input_tokens, output_tokens, cached_input_tokens, usd, 0.0 FROM waste"
        ") GROUP BY role"
    )
    return {
        role: Totals(
            paid=paid,
            input_tokens=inputs,
            output_tokens=outputs,
            cached_input_tokens=cached,
            usd=usd,
            unpriced=unpriced,
            without_usage=silent,
            latency=latency,
            latency_max=longest,
        )
        for role, paid, inputs, outputs, cached, usd, unpriced, silent, latency, longest in rows
    }


def _recorded(row: tuple[Any, ...]) -> RecordedCall:
    names = ("seq", "key", "index", *_COLUMNS.split(", ")[3:])
    request, response = (_unpack(blob) if blob is not None else None for blob in row[-2:])
    return RecordedCall(**dict(zip(names, row, strict=False)), request=request, response=response)


def _pack(data: Mapping[str, Any]) -> bytes:
    plain = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    return zlib.compress(plain, 1) if len(plain) >= _COMPRESS_FROM_BYTES else plain


def _unpack(blob: bytes) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(blob if blob.startswith(b"{") else zlib.decompress(blob))
    return data


def _text_of(parts: Any) -> str:
    if isinstance(parts, str):
        return parts
    texts = []
    for part in parts or []:
        if isinstance(part, str):
            texts.append(part)
        elif part.get("text") is not None:
            texts.append(str(part["text"]))
        elif part.get("type") == "tool_call":
            texts.append(f"{part.get('name')}({orjson.dumps(part.get('input')).decode()})")
        elif part.get("content") is not None:
            texts.append(_text_of(part["content"]))
        else:
            texts.append(f"[{part.get('type', 'part')}]")
    return "\n".join(texts)
