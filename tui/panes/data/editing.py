"""Changing rows beside the file, taking changes back, writing rows out. For threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from core.data.cells import ColumnType, value_type
from core.data.export import export_rows
from core.data.overlay import (
    exclude_row,
    load_overlay,
    note_row,
    revert_row,
    set_values,
)
from core.data.paging.table import PagedTable
from core.errors import DataError
from core.workspace import Workspace

from .marks import NO_EDIT, EditStep
from .source import PagedSource

_PAGE = 2000
_BREATH_SECONDS = 0.002
"""Between two pages of an export, so that keys are answered meanwhile."""


def read_value(text: str, kind: ColumnType) -> Any:
    """What a person typed, as a value for a column of that type. Raises `DataError`.

    Text stays text. In any other column it is JSON of the column's type; nothing typed is a missing value.
    """
    if kind in ("text", "empty", "date", "datetime", "time", "bytes"):
        return text
    if not text.strip():
        return None
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        if kind == "mixed":
            return text
        raise DataError(f"not {_article(kind)}: {error}", where=text[:60], fix=_EXAMPLES[kind]) from None
    found = value_type(value)
    if kind != "mixed" and found != kind and (found, kind) != ("integer", "number"):
        raise DataError(f"not {_article(kind)}", where=text[:60], fix=_EXAMPLES[kind])
    return value


_EXAMPLES = {
    "integer": "a whole number, as 12",
    "number": "a number, as 0.5",
    "boolean": "true or false",
    "list": 'JSON, as ["a", "b"]',
    "object": 'JSON, as {"name": "value"}',
}


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def change_row(
    workspace: Workspace,
    table: PagedTable,
    number: int,
    what: str,
    *,
    values: Mapping[str, Any] = MappingProxyType({}),
    excluded: bool | None = None,
    note: str | None = None,
    revert: bool = False,
) -> EditStep:
    """Edits a row of the workspace's data; gives what takes it back. Raises `StoreError`."""
    workspace.prepare()
    key = table.row_key(number)
    before = load_overlay(workspace.state_dir).edits.get(key, NO_EDIT)
    if revert:
        revert_row(workspace.state_dir, key)
    if values:
        set_values(workspace.state_dir, key, values)
    if excluded is not None:
        exclude_row(workspace.state_dir, key, excluded=excluded)
    if note is not None:
        note_row(workspace.state_dir, key, note)
    return EditStep(key, number, before, what)


def take_back(workspace: Workspace, step: EditStep) -> None:
    """Makes the row's edits what they were before a step. Raises `StoreError`."""
    revert_row(workspace.state_dir, step.key)
    if step.before.values:
        set_values(workspace.state_dir, step.key, step.before.values)
    if step.before.excluded:
        exclude_row(workspace.state_dir, step.key)
    if step.before.note:
        note_row(workspace.state_dir, step.key, step.before.note)


def export_view(source: PagedSource, path: Path, *, overwrite: bool) -> tuple[int, int]:
    """Writes the rows in view with their edits; gives how many, and how many excluded ones were left out.

    Raises `DataError` or `StoreError` as `export_rows` does.
    """
    if source.view is not None:
        source.view.wait()
    else:
        state = source.table.wait()
        if state.error is not None:
            raise state.error
    left_out = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal left_out
        for start in range(0, source.count, _PAGE):
            for number, values in source.numbered(start, _PAGE):
                edit = source.marks.edit_of(number)
                if edit.excluded:
                    left_out += 1
                else:
                    yield {**values, **edit.values}
            time.sleep(_BREATH_SECONDS)

    columns = [column.name for column in source.columns]
    written = export_rows(rows(), columns, path, overwrite=overwrite)
    return written, left_out
