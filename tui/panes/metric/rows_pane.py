"""The test on rows: scores as they lie, a table, and the chosen row whole."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from core.errors import CompilotError

from ...widgets.foreign import foreign
from ...widgets.paged_table import RowTable
from ...widgets.problem import Problem
from ...widgets.reading import Reading
from ...widgets.rows import ListSource
from ...widgets.table_messages import Moved, Opened, SortAsked
from .judged import COLUMNS, JudgedRow, describe_row, describe_scores, line_of, sort_rows


class RowsPane(Vertical):
    """Keeps what it shows until there is something newer."""

    class JumpAsked(Message):
        """Go to the line of a row's error."""

        def __init__(self, where: str) -> None:
            self.where = where
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="testing")
        self.rows: list[JudgedRow] = []
        self._sorted: list[JudgedRow] = []

    def compose(self) -> ComposeResult:
        yield Static("No rows are scored yet: r tests the metric on rows.", id="test-told", markup=False)
        yield Static("", id="test-scores", markup=False)
        yield Problem(id="test-problem")
        yield RowTable(id="test-rows")
        yield Reading(id="test-row")

    def say(self, text: str) -> None:
        """Whose answers, or what goes on."""
        self.query_one("#test-told", Static).update(foreign(text, "$text-muted"))

    def show_problem(self, error: CompilotError | None) -> None:
        self.query_one(Problem).show(error)

    def show_rows(self, rows: Sequence[JudgedRow]) -> None:
        """Other rows, or the same ones with other scores; the cursor stays on its row."""
        table = self.query_one(RowTable)
        here = self._sorted[table.row].row if table.row < len(self._sorted) else None
        self.rows = list(rows)
        self.query_one("#test-scores", Static).update(describe_scores(self.rows) if rows else Content())
        self.set_class(bool(rows), "-scored")
        # Columns are fitted to the room there is, which a hidden table does not have yet.
        self.call_after_refresh(self._fill, here)

    def _fill(self, here: int | None) -> None:
        table = self.query_one(RowTable)
        self._sorted = sort_rows(self.rows, table.order)
        place = next((place for place, row in enumerate(self._sorted) if row.row == here), 0)
        table.show(ListSource(COLUMNS, [line_of(row) for row in self._sorted]), row=place)
        self._tell(place)

    def _tell(self, place: int) -> None:
        if place < len(self._sorted):
            self.query_one(Reading).show(describe_row(self._sorted[place]))

    @on(Moved)
    def show_row(self, message: Moved) -> None:
        message.stop()
        self._tell(message.index)

    @on(Opened)
    def open_row(self, message: Opened) -> None:
        message.stop()
        row = self._sorted[message.index] if message.index < len(self._sorted) else None
        if row is not None and row.where:
            self.post_message(self.JumpAsked(row.where))
        else:
            self.query_one(Reading).focus()

    @on(SortAsked)
    def sort(self, message: SortAsked) -> None:
        message.stop()
        table = self.query_one(RowTable)
        table.order = message.next_order()
        self._fill(self._sorted[table.row].row if table.row < len(self._sorted) else None)

    def copied(self) -> str | None:
        return self.query_one(Reading).text.plain or None
