"""Edits laid over a dataset: values set, rows excluded, notes. The source files are never written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from ..errors import DataError, StoreError
from ..recipe import DataSpec
from ..store.atomic import write_atomic
from .fields import check_fields
from .freeze import number_copies
from .table import load_table

_VERSION = 1
_FILE = "edits.json"


class Edit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person changed about one row."""

    values: dict[str, Any] = {}
    """New values by column of the source."""
    excluded: bool = False
    note: str = ""

    @property
    def changes_data(self) -> bool:
        return bool(self.values) or self.excluded


class Overlay(msgspec.Struct, frozen=True):
    """All edits of a workspace, by row key: the row's hash, with `.2`, `.3` … for further copies of a row."""

    edits: dict[str, Edit] = {}

    @property
    def hash(self) -> str:
        """16 hex digits over everything that changes data (notes do not); empty when nothing does."""
        changes = {key: edit for key, edit in self.edits.items() if edit.changes_data}
        if not changes:
            return ""
        content = {key: (edit.values, edit.excluded) for key, edit in changes.items()}
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]

    def apply(self, key: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """The row's values with its edits; None for an excluded row."""
        edit = self.edits.get(key)
        if edit is None:
            return values
        return None if edit.excluded else {**values, **edit.values}


class _Stored(msgspec.Struct, frozen=True):
    version: int
    edits: dict[str, Edit]


def load_overlay(state_dir: Path | None) -> Overlay:
    """The workspace's edits. Raises `StoreError` for a damaged file; no file is no edits."""
    if state_dir is None:
        return Overlay()
    path = state_dir / _FILE
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    except FileNotFoundError:
        return Overlay()
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"the edits of the data cannot be read: {error}",
            where=str(path),
            fix="mend the file or move it away",
        ) from None
    return Overlay(stored.edits)


def overlay_hash(state_dir: Path | None) -> str:
    """What a recipe's hash takes in of the edits; empty when there are none."""
    return load_overlay(state_dir).hash


def set_values(state_dir: Path, key: str, values: Mapping[str, Any]) -> Edit:
    """Gives columns of a row new values (a label, a fix), on top of earlier edits."""
    return _change(state_dir, key, lambda edit: _replace(edit, values={**edit.values, **values}))


def exclude_row(state_dir: Path, key: str, *, excluded: bool = True) -> Edit:
    """Leaves a row out of every part, or takes it back in."""
    return _change(state_dir, key, lambda edit: _replace(edit, excluded=excluded))


def note_row(state_dir: Path, key: str, note: str) -> Edit:
    """Puts a note on a row; an empty note takes it away."""
    return _change(state_dir, key, lambda edit: _replace(edit, note=note))


def revert_row(state_dir: Path, key: str, columns: Sequence[str] | None = None) -> Edit:
    """Takes back the new values of some columns, or every edit of the row."""
    if columns is None:
        return _change(state_dir, key, lambda edit: Edit())
    return _change(
        state_dir,
        key,
        lambda edit: _replace(edit, values={k: v for k, v in edit.values.items() if k not in columns}),
    )


def _replace(edit: Edit, **changes: Any) -> Edit:
    return msgspec.structs.replace(edit, **changes)


def _change(state_dir: Path, key: str, change: Callable[[Edit], Edit]) -> Edit:
    with lock_state(state_dir, _FILE):
        edits = dict(load_overlay(state_dir).edits)
        edit = change(edits.get(key, Edit()))
        if edit == Edit():
            edits.pop(key, None)
        else:
            edits[key] = edit
        write_atomic(state_dir / _FILE, msgspec.json.encode(_Stored(_VERSION, edits)))
    return edit


@contextmanager
def lock_state(state_dir: Path, name: str) -> Iterator[None]:
    """Holds the lock over reading, changing and writing one file of the state folder, across processes.

    Raises `StoreError`.
    """
    from filelock import FileLock

    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(state_dir / f".{name}.lock", mode=0o600)
        lock.acquire()
    except OSError as error:
        raise StoreError(
            f"the state folder cannot be written: {error.strerror or error}",
            where=str(state_dir),
            fix="make the folder writable, or copy the workspace to one that is",
        ) from error
    try:
        yield
    finally:
        lock.release()


def edit_row(
    spec: DataSpec,
    root: Path,
    state_dir: Path,
    number: int,
    *,
    file: str | None = None,
    values: Mapping[str, Any] = MappingProxyType({}),
    excluded: bool | None = None,
    note: str | None = None,
    revert: bool = False,
) -> tuple[str, Edit]:
    """Edits the row with that number in the recipe's data (`file`, where it has several); gives its key.

    Raises `DataError` when there is no such row or column.
    """
    text = file or spec.path or spec.train or ""
    table = load_table(text, root, format=spec.format, encoding=spec.encoding)
    if not 0 <= number < len(table.records):
        raise DataError(
            f"there is no row {number}", where=text, fix=f"rows go from 0 to {len(table.records) - 1}"
        )
    check_fields(values, [column.name for column in table.columns], where=text, field="set")
    key = number_copies(record.hash for record in table.records)[number]

    def change(edit: Edit) -> Edit:
        if revert:
            edit = Edit()
        return Edit(
            values={**edit.values, **values},
            excluded=edit.excluded if excluded is None else excluded,
            note=edit.note if note is None else note,
        )

    return key, _change(state_dir, key, change)
