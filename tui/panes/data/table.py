"""The table pane: rows to filter, sort, search and walk through, by what is typed and what was found."""

from __future__ import annotations

from textual import on

from core.errors import CompilotError

from .ask_line import AskLine, Kind
from .filtering import is_empty, parse_filter
from .finder import Finder
from .rows_pane import RowsPane
from .state_text import describe_query
from .trail import Trail


class TablePane(RowsPane):
    """Beside the rows: a line to type in, and a trail of rows to follow."""

    PANE = "table"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._finder = Finder()

    @property
    def searching(self) -> bool:
        return self._finder.searching

    def stop_searching(self) -> None:
        self._finder.stop()
        self._finder = Finder()

    def describe_search(self) -> str:
        return self._finder.describe()

    def find(self, text: str) -> None:
        """Search the rows in view for a text, and go to the next one that has it."""
        if self._table is not None and self._source is not None and text.strip():
            columns = [column.name for column in self._source.columns]
            self._finder.start(self._table, text, columns, self.query_now, self.number or 0)
            self.look_soon()

    def follow(self, trail: Trail) -> None:
        """Walk through these rows from now on, beginning with the first."""
        self._finder.follow(trail)
        self.step(from_start=True)

    def step(self, forward: bool = True, *, from_start: bool = False) -> None:
        """To the next (or previous) row of what was found or chosen; it says so when there is none."""
        here = -1 if from_start else self.number if self.number is not None else -1
        number = self._finder.step(here, forward, self.position_of)
        if number is None and self._finder.trail is not None and not is_empty(self.query_now):
            self.clear_filter()
            number = self._finder.step(here, forward, self.position_of)
        if number is None:
            self.post_message(self.Said("nothing to go through: f finds, p shows what was found wrong"))
        else:
            self.go_to(number)
        self.look_soon()

    def look_for_more(self) -> None:
        found = self._finder.look(self.position_of)
        if isinstance(found, CompilotError):
            self.show_problem(found)
        elif isinstance(found, str):
            self.post_message(self.Said(found))
        elif found is not None:
            self.go_to(found)

    # What is typed

    def ask(self, kind: Kind) -> None:
        """Open the line for a filter, a text or a row number."""
        if self._table is not None:
            self.query_one(AskLine).open(kind, describe_query(self.query_now) if kind == "filter" else "")

    @on(AskLine.Typed)
    def take_typed(self, event: AskLine.Typed) -> None:
        event.stop()
        if event.kind == "filter":
            # A condition is only one once it is whole.
            if event.settled or not event.text.startswith("="):
                self._filter_by(event.text)
        elif event.settled and event.kind == "find":
            self.find(event.text)
        elif event.settled and event.text:
            self._jump_to(event.text)
        if event.settled:
            self.leave_line()

    def _filter_by(self, text: str) -> None:
        query = parse_filter(text, [column.name for column in self.rows.columns])
        if describe_query(query) != describe_query(self.query_now):
            self.filter(query)

    def _jump_to(self, text: str) -> None:
        digits = text.replace(",", "")
        if digits.isdecimal():
            self.go_to(int(digits))
        else:
            self.post_message(self.Said(f"a row has a number, from 0 up, not {text[:40]}"))

    def leave_line(self) -> None:
        """Back to the rows; a filter stays in view while it holds."""
        line = self.query_one(AskLine)
        line.display = not is_empty(self.query_now) and line.kind == "filter"
        self.rows.focus()
