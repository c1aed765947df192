"""What a row table tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from core.errors import CompilotError

from .rows import Line

if TYPE_CHECKING:
    from .paged_table import RowTable


class TableMessage(Message):
    """Of one table: `@on(RowTable.Moved, "#rows")` works."""

    def __init__(self, table: RowTable) -> None:
        self.table = table
        super().__init__()

    @property
    def control(self) -> RowTable:
        return self.table


class Moved(TableMessage):
    """The cursor is on another row, or its row has just been read."""

    def __init__(self, table: RowTable, index: int, line: Line | None) -> None:
        super().__init__(table)
        self.index, self.line = index, line

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Moved) and message.table is self.table


class Opened(TableMessage):
    """A row was chosen, with enter or a second click."""

    def __init__(self, table: RowTable, index: int, line: Line | None) -> None:
        super().__init__(table)
        self.index, self.line = index, line


class SortAsked(TableMessage):
    """Another order is wanted: next of up, down, none by this column."""

    def __init__(self, table: RowTable, column: str) -> None:
        super().__init__(table)
        self.column = column

    def next_order(self) -> tuple[str, bool] | None:
        """The order that follows the table's present one: column and whether descending, or none."""
        order = self.table.order
        if order is None or order[0] != self.column:
            return (self.column, False)
        return None if order[1] else (self.column, True)


class Failed(TableMessage):
    """Rows cannot be read. Told once; `show` or `reread` tries again."""

    def __init__(self, table: RowTable, error: CompilotError) -> None:
        super().__init__(table)
        self.error = error
