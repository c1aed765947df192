"""What the program remembers: a TinyDB file that survives crashes, full disks and two writers.

TinyDB's own JSON storage writes in place. Here the whole document is read under a lock, changed in memory
and put back in one atomic step, with the version before kept as a hard-linked `.bak`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinydb import TinyDB
from tinydb.storages import Storage

from ..errors import StoreError
from .atomic import remove_quietly, storage_error, sync_folder, write_atomic, write_temporary

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from tinydb.table import Table

VERSION = 1
"""Of the document's shape. A reader of an older one belongs beside a raise of this number."""

_LOG = logging.getLogger("compilot")
_LOCK_SECONDS = 20.0

Tables = dict[str, dict[str, Any]]


class _Snapshot(Storage):
    """The tables in memory: nothing reaches the disk before the transaction ends."""

    def __init__(self, tables: Tables, writable: bool) -> None:
        self.tables = tables
        self.changed = False
        self._writable = writable

    def read(self) -> Tables | None:
        return self.tables or None

    def write(self, data: Tables) -> None:
        if not self._writable:
            raise TypeError("this view of the store is read-only: change it inside store.transaction()")
        self.tables = data
        self.changed = True


class Store:
    """A TinyDB document file. One object may serve many threads, many objects one file."""

    def __init__(self, path: Path, lock_seconds: float = _LOCK_SECONDS) -> None:
        self.path = path
        self.backup = path.with_name(path.name + ".bak")
        self.notices: list[str] = []
        """What a person must be told: a damaged file set aside, a backup restored."""
        self._lock_seconds = lock_seconds
        self._turn = threading.Lock()
        self._owner: int | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[TinyDB]:
        """Read, change, write as one step: all of it is kept, or, when the block raises, none of it.

        Raises `StoreError` when the lock is not to be had or the disk refuses. Not to be nested.
        """
        with self._exclusive():
            storage = _Snapshot(self._load(), writable=True)
            yield _open(storage)
            if storage.changed:
                self._save(storage.tables)

    def read(self) -> TinyDB:
        """The tables as they are now, for reading only. Takes no lock."""
        try:
            tables = _parse(self.path)
            lost = tables is None and self.backup.exists()
        except _Damaged:
            tables, lost = None, True
        if lost:
            with self._exclusive():
                tables = self._load()
        return _open(_Snapshot(tables or {}, writable=False))

    @cached_property
    def _lock(self) -> BaseFileLock:
        # Imported late: filelock brings asyncio along, and most commands never write here.
        from filelock import FileLock

        return FileLock(self.path.with_name(self.path.name + ".lock"), timeout=self._lock_seconds, mode=0o600)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        if self._owner == threading.get_ident():
            raise RuntimeError("a store transaction inside another one would lose its changes")
        from filelock import Timeout

        with self._turn:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock.acquire()
            except Timeout as error:
                raise StoreError(
                    "another process has been holding the workspace's store for too long",
                    where=str(self._lock.lock_file),
                    fix="close other Compilot windows on this workspace, or wait, and do it again",
                ) from error
            except OSError as error:
                raise storage_error("cannot lock the workspace's store", self.path, error) from error
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None
                self._lock.release()

    def _load(self) -> Tables:
        """The tables; a damaged file is set aside and the backup put in its place. Under the lock."""
        damage = ""
        try:
            tables = _parse(self.path)
            if tables is not None:
                return tables
        except _Damaged as error:
            damage = f"{self.path.name} was damaged ({error}) and is kept as {self._set_aside(self.path)}"
        try:
            tables = _parse(self.backup)
        except _Damaged as error:
            kept = self._set_aside(self.backup)
            damage = "; ".join(filter(None, [damage, f"its backup too ({error}), kept as {kept}"]))
            tables = None
        if tables is None:
            if damage:
                remove_quietly(self.path)
                remove_quietly(self.backup)
                self._tell(f"{damage}; starting empty. Runs are files of their own and are not lost")
            return {}
        # The backup is only written once the file exists, so a missing file was lost.
        damage = damage or f"{self.path.name} was missing"
        # A copy, not a link: whatever damages the file in place must not reach the backup.
        write_atomic(self.path, self.backup.read_bytes())
        self._tell(f"{damage}; the version before the last change was restored")
        return tables

    def _save(self, tables: Tables) -> None:
        try:
            text = json.dumps({"version": VERSION, "tables": tables}, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(
                f"a value cannot be remembered: {error}",
                where=str(self.path),
                fix="store plain JSON values only: text, finite numbers, true, false, null, lists, objects",
            ) from error
        if not self.path.exists():
            write_atomic(self.path, text)
            return
        try:
            self._put_in_place(self.path, self.backup)
        except OSError as error:
            raise storage_error(f"cannot back up {self.path.name}", self.path, error) from error
        write_atomic(self.path, text)

    def _put_in_place(self, source: Path, destination: Path) -> None:
        """Give `source`'s content the name `destination` too, in one step."""
        temporary = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.tmp")
        try:
            try:
                os.link(source, temporary)
            except OSError:
                # Some file systems know no hard links.
                temporary = write_temporary(destination, source.read_bytes(), 0o600)
            os.replace(temporary, destination)
        finally:
            # Renaming one link of a file over another link of the same file leaves both names.
            temporary.unlink(missing_ok=True)
        sync_folder(destination.parent)

    def _set_aside(self, damaged: Path) -> str:
        kept = damaged.with_name(
            f"{damaged.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06d}"
        )
        try:
            self._put_in_place(damaged, kept)
        except OSError as error:
            raise storage_error(f"cannot set the damaged {damaged.name} aside", damaged, error) from error
        return kept.name

    def _tell(self, notice: str) -> None:
        self.notices.append(notice)
        _LOG.warning("%s", notice)


def open_store(path: str | os.PathLike[str]) -> Store:
    """The store in the file `path`; it and its folder are made by the first transaction."""
    return Store(Path(path))


class _Damaged(Exception):
    """The file is there and is not a document of ours."""


class _Database(TinyDB):
    """TinyDB without its query cache, which would hand out the documents of an earlier state."""

    def table(self, name: str, **options: Any) -> Table:
        return super().table(name, **{"cache_size": 0, **options})


def _open(storage: _Snapshot) -> TinyDB:
    return _Database(storage=lambda: storage)


def _parse(path: Path) -> Tables | None:
    """The tables in `path`, or None where there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(f"cannot read {path.name}", path, error) from error
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _Damaged("empty" if not content.strip(b"\0 \n") else f"not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise _Damaged("not a document of Compilot")
    if document["version"] > VERSION:
        raise StoreError(
            f"{path.name} was written by a newer version of Compilot",
            where=str(path),
            fix="upgrade Compilot (pip install -U compilot), or work on a copy of the workspace",
        )
    tables = document.get("tables")
    if not isinstance(tables, dict) or not all(_is_table(table) for table in tables.values()):
        raise _Damaged("its tables are not tables")
    return tables


def _is_table(table: Any) -> bool:
    return isinstance(table, dict) and all(
        number.isdecimal() and isinstance(document, dict) for number, document in table.items()
    )
