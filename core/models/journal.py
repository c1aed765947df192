"""Every answer that was paid for, on disk before it is used: what a resumed run replays."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ..errors import StopRun

FORMAT_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  key TEXT NOT NULL, idx INTEGER NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
  request BLOB NOT NULL, response BLOB NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, usd REAL,
  seconds REAL NOT NULL, t REAL NOT NULL, PRIMARY KEY (key, idx)
) WITHOUT ROWID
"""


class Paid(NamedTuple):
    """What one answer cost. `usd` is None where the price is unknown."""

    role: str
    model: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float


class Journal:
    """Answers by (key of the LM call, index of the completion). Thread-safe; the first writer wins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        self._known: set[tuple[str, int]] = set(self._db.execute("SELECT key, idx FROM calls"))

    def get(self, key: str, index: int) -> dict[str, Any] | None:
        """The recorded response, as plain data."""
        if (key, index) not in self._known:
            return None
        with self._lock:
            row = self._db.execute(
                "SELECT response FROM calls WHERE key=? AND idx=?", (key, index)
            ).fetchone()
        response: dict[str, Any] = orjson.loads(row[0])
        return response

    def put(
        self, key: str, index: int, request: dict[str, Any], response: dict[str, Any], paid: Paid
    ) -> None:
        """On disk when this returns. Raises `StopRun` when it cannot be: no more may be paid for then."""
        body = zlib.compress(orjson.dumps(request, default=repr), 1)
        values = (key, index, paid.role, paid.model, body, orjson.dumps(response, default=repr), *paid[2:])
        try:
            with self._lock:
                self._db.execute(
                    "INSERT OR IGNORE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*values, time.time())
                )
        except sqlite3.Error as error:
            raise StopRun("failed", f"the journal cannot be written ({error}): {self.path}") from error
        self._known.add((key, index))

    def totals(self) -> list[tuple[str, int, int, int, float | None]]:
        """By role: role, answers, input tokens, output tokens, usd (None where any price is unknown)."""
        with self._lock:
            return self._db.execute(
                "SELECT role, COUNT(*), SUM(input_tokens), SUM(output_tokens), "
                "CASE WHEN COUNT(usd) = COUNT(*) THEN SUM(usd) END FROM calls GROUP BY role"
            ).fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def read_calls(path: Path, *, offset: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Recorded calls, newest first, with prompt and answer; readable while the run writes."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = db.execute(
            "SELECT key, idx, role, model, request, response, input_tokens, output_tokens, usd, seconds, t "
            "FROM calls ORDER BY t DESC LIMIT ? OFFSET ?",
            (limit, offset),
        ).fetchall()
    finally:
        db.close()
    names = ("key", "index", "role", "model", "request", "response", "input_tokens", "output_tokens", "usd")
    return [
        {
            **dict(zip((*names, "seconds", "t"), row, strict=True)),
            "request": orjson.loads(zlib.decompress(row[4])),
            "response": orjson.loads(row[5]),
        }
        for row in rows
    ]
