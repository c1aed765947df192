"""The rows of a paged table as lines on screen: filtered, ordered, with their marks and edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.data.cells import cell_text
from core.data.overlay import Edit
from core.data.paging.table import PagedTable
from core.data.paging.view import View

from ...widgets.rows import Line, TableColumn, Tone, show_text
from .marks import NO_EDIT, RowMarks

_RIGHT = ("integer", "number")
_TONES: Mapping[str, Tone] = {"input": "accent", "label": "success", "ignored": "muted", "id": "muted"}
PARTS = ("train", "val", "test")


class FullRow(NamedTuple):
    """One row with everything that is known of it."""

    number: int
    values: dict[str, Any]
    """As in the file."""
    part: str = ""
    edit: Edit = NO_EDIT

    @property
    def shown(self) -> dict[str, Any]:
        """With its edits."""
        return {**self.values, **self.edit.values}


class PagedSource:
    """Lines of a table, or of a view of it. Reading happens in threads."""

    instant = False

    def __init__(
        self, table: PagedTable, roles: Mapping[str, str], marks: RowMarks, view: View | None = None
    ) -> None:
        self.table = table
        self.view = view
        self.marks = marks
        self._kinds = table.state.columns
        self.columns: Sequence[TableColumn] = [
            TableColumn(column.name, column.type in _RIGHT, _TONES.get(roles.get(column.name, ""), ""))
            for column in self._kinds
        ]

    @property
    def is_stale(self) -> bool:
        """Whether the table has other columns by now than this source was made for."""
        return self.table.state.columns != self._kinds

    @property
    def count(self) -> int:
        return self.table.state.rows if self.view is None else self.view.state.matches

    @property
    def highest(self) -> int:
        return self.table.state.rows - 1

    def lines(self, start: int, count: int) -> list[Line]:
        return [self._line(number, values) for number, values in self.numbered(start, count)]

    def numbered(self, start: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Rows as in the file, with their numbers."""
        if self.view is not None:
            return self.view.page(start, count)
        return list(enumerate(self.table.page(start, count), start))

    def full_row(self, number: int) -> FullRow | None:
        """One row by its number; None where it cannot be read yet."""
        found = self.table.page(number, 1)
        if not found:
            return None
        return FullRow(number, found[0], self.marks.part_of(number), self.marks.edit_of(number))

    def _line(self, number: int, values: dict[str, Any]) -> Line:
        edit = self.marks.edit_of(number)
        if edit is not NO_EDIT:
            values = {**values, **edit.values}
        return Line(
            number=number,
            cells=tuple(_cell(values.get(column.name)) for column in self.columns),
            mark="x" if edit.excluded else "*" if edit.values else "+" if edit.note else "",
            tag=self.marks.part_of(number),
            tone="muted" if edit.excluded else "",
            tones={
                place: "warning" for place, column in enumerate(self.columns) if column.name in edit.values
            },
        )


def _cell(value: Any) -> str | None:
    """The cell's text; a list of texts without its quotes and brackets."""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return show_text(", ".join(value))
    text = cell_text(value)
    return None if text is None else show_text(text)
