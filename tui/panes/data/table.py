"""The table pane: rows of one file, filtered, sorted, searched, walked through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer

from core.data.paging.table import PagedTable
from core.data.paging.view import Query, View
from core.errors import CompilotError

from ...widgets.empty import Empty
from ...widgets.paged_table import RowTable
from ...widgets.pane import Pane
from ...widgets.problem import Problem
from ...widgets.rows import Line
from .ask_line import AskLine, Kind
from .filtering import is_empty, parse_filter
from .finder import Finder
from .marks import RowMarks
from .source import PARTS, PagedSource
from .state_text import describe_query, describe_state
from .trail import Trail

_POLL_SECONDS = 0.1


class TablePane(Pane):
    """Give it a table with `open_table`; marks and roles may come later."""

    PANE = "table"

    class Said(Message):
        """Something to tell in passing."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Data", id=id)
        self.query_now = Query()
        self._finder = Finder()
        self._file = "Data"
        self._table: PagedTable | None = None
        self._roles: Mapping[str, str] = {}
        self._marks: RowMarks | None = None
        self._source: PagedSource | None = None
        self._sorting: View | None = None
        self._wanted: int | None = None
        self._before = 0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield AskLine(id="ask")
        yield Problem(id="trouble")
        yield Empty("Reading …", id="none")
        yield RowTable(id="rows")

    def on_mount(self) -> None:
        self.rows.display = False
        self._timer = self.set_interval(_POLL_SECONDS, self._look, pause=True)

    @property
    def rows(self) -> RowTable:
        return self.query_one("#rows", RowTable)

    @property
    def source(self) -> PagedSource | None:
        """What is shown; its `full_row` is for a thread."""
        return self._source

    @property
    def number(self) -> int | None:
        """The number of the row under the cursor."""
        line = self.rows.line
        return None if line is None else line.number

    @property
    def column(self) -> str:
        """The column under the cursor."""
        columns = self.rows.columns
        return columns[self.rows.column].name if columns else ""

    # What is shown

    def open_table(
        self,
        file: str,
        table: PagedTable,
        roles: Mapping[str, str],
        marks: RowMarks,
        lines: Sequence[Line] = (),
    ) -> None:
        """Show another file from its first row; its first `lines` are read already."""
        self.close_table()
        self._file, self._table, self._roles, self._marks = file, table, roles, marks
        self.query_now, self._finder, self.rows.order = Query(), Finder(), None
        self.query_one(AskLine).display = False
        self._show(lines=lines)

    def close_table(self) -> None:
        """Let go of the file: its searches and its index end."""
        for view in (self._sorting, self._source.view if self._source else None):
            if view is not None:
                view.cancel()
        self._finder.stop()
        self._sorting = self._source = None
        if self._table is not None:
            self._table.close()
            self._table = None

    def show_problem(self, error: CompilotError | None) -> None:
        """An error in place of the rows, or above them where there are rows to show."""
        self.query_one("#trouble", Problem).show(error)
        if error is not None and self._table is None:
            self.name_pane(self._file)
            self.rows.display = False
            self.query_one("#none", Empty).display = True
            self.query_one("#none", Empty).say("No rows to show.", "Press o to open another file.")

    def set_marks(self, roles: Mapping[str, str], marks: RowMarks) -> None:
        """Parts, edits or roles changed; cursor, filter and order stay."""
        self._roles, self._marks = roles, marks
        if self._source is not None:
            self._show(self._source.view, row=self.rows.row)

    def _show(self, view: View | None = None, row: int = 0, lines: Sequence[Line] = ()) -> None:
        if self._table is None or self._marks is None:
            return
        if self._source is not None and self._source.view is not view and self._source.view is not None:
            self._source.view.cancel()
        self._source = PagedSource(self._table, self._roles, self._marks, view)
        tags = PARTS if self._marks.has_parts else ()
        self.rows.show(self._source, row=row, tags=tags, lines=lines)
        self._look()
        if self._timer is not None:
            self._timer.resume()

    def _look(self) -> None:
        """See how far index, filter, sort and search are; rests once all are done."""
        source, table = self._source, self._table
        if source is None or table is None or self._timer is None:
            return
        if source.is_stale:
            self._show(source.view, row=self.rows.row)
            return
        state, view = table.state, source.view
        self.rows.grow()
        empty = not source.count and (view is None or view.state.done)
        self.rows.display = not empty
        self.query_one("#none", Empty).display = empty
        if empty:
            self._say_empty()
        self._settle_sort()
        self._settle_find()
        if self._wanted is not None and (self._wanted < state.rows or state.done):
            wanted, self._wanted = self._wanted, None
            self.go_to(wanted)
        if view is not None and view.state.error is not None:
            self.show_problem(view.state.error)
        trail = self._finder.describe()
        told = describe_state(
            state,
            self.query_now,
            None if view is None else view.state,
            sorting=self._sorting is not None,
            trail=trail,
        )
        self.name_pane(self._file, told)
        busy = not state.done or self._sorting or self._finder.searching or self._wanted is not None
        if not busy and (view is None or view.state.done):
            self._timer.pause()

    def _say_empty(self) -> None:
        if is_empty(self.query_now):
            self.query_one("#none", Empty).say("The file has no rows.", "Press o to open another file.")
        else:
            self.query_one("#none", Empty).say("No row matches.", "Press escape to show all rows again.")

    # Filter and order

    def filter(self, query: Query) -> None:
        """Keep the rows of a query, in the present order; first matches show at once."""
        if self._table is None:
            return
        self.show_problem(None)
        order = self.rows.order
        if is_empty(self.query_now) and self.number is not None:
            self._before = self.number
        query = msgspec.structs.replace(
            query, sort=order[0] if order else None, descending=bool(order and order[1])
        )
        self.query_now = query
        self._drop_sort()
        if is_empty(query) and order is None:
            self._show(row=min(self._before, max(self._table.state.rows - 1, 0)))
        elif order is None:
            self._show(self._table.view(query))
        else:
            # An order comes when all is found; until then the rows stay as they are, so that nothing jumps.
            self._sorting = self._table.view(query)
            self._look()
            if self._timer is not None:
                self._timer.resume()

    def _settle_sort(self) -> None:
        view = self._sorting
        if view is not None and view.state.done:
            self._sorting = None
            if view.state.error is not None:
                self.show_problem(view.state.error)
            else:
                self._show(view)

    def _drop_sort(self) -> None:
        if self._sorting is not None:
            self._sorting.cancel()
            self._sorting = None

    @on(RowTable.SortAsked)
    def sort(self, event: RowTable.SortAsked) -> None:
        event.stop()
        self.rows.order = event.next_order()
        self.filter(self.query_now)

    # Search and walking through

    def find(self, text: str) -> None:
        """Search the rows in view for a text, and go to the next one that has it."""
        if self._table is not None and self._source is not None and text.strip():
            columns = [column.name for column in self._source.columns]
            self._finder.start(self._table, text, columns, self.query_now, self.number or 0)
            self._look()
            if self._timer is not None:
                self._timer.resume()

    def follow(self, trail: Trail) -> None:
        """Walk through these rows from now on, beginning with the first."""
        self._finder.follow(trail)
        self.step(from_start=True)

    def step(self, forward: bool = True, *, from_start: bool = False) -> None:
        """To the next (or previous) row of what was found or chosen; it says so when there is none."""
        here = -1 if from_start else self.number if self.number is not None else -1
        number = self._finder.step(here, forward, self._position)
        if number is None and self._finder.trail is not None and not is_empty(self.query_now):
            self.clear_filter()
            number = self._finder.step(here, forward, self._position)
        if number is None:
            self.post_message(self.Said("nothing to go through: f finds, p shows what was found wrong"))
        else:
            self.go_to(number)
        self._look()

    def _settle_find(self) -> None:
        found = self._finder.look(self._position)
        if isinstance(found, CompilotError):
            self.show_problem(found)
        elif isinstance(found, str):
            self.post_message(self.Said(found))
        elif found is not None:
            self.go_to(found)

    def _position(self, number: int) -> int | None:
        if self._source is None or self._source.view is None:
            return number
        return self._source.view.position_of(number)

    def go_to(self, number: int) -> None:
        """Put the cursor on a row by its number; waits for the index where it must."""
        if self._table is None:
            return
        state = self._table.state
        if number >= state.rows and not state.done:
            self._wanted = number
            self.post_message(self.Said(f"row {number:,} is not indexed yet; going there when it is"))
            return
        place = self._position(number) if 0 <= number < state.rows else None
        if place is None:
            shown = "escape shows all rows" if 0 <= number < state.rows else f"rows go to {state.rows - 1:,}"
            self.post_message(self.Said(f"row {number:,} is not there; {shown}"))
        else:
            self.rows.move(place)

    def clear_filter(self) -> bool:
        """Show all rows again, in the same order; gives whether there was a filter."""
        was = not is_empty(self.query_now)
        if was:
            self.filter(Query())
        self.query_one(AskLine).display = False
        return was

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
