"""Rows of one file, filtered and sorted in the background; the base of the table pane."""

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
from .ask_line import AskLine
from .filtering import is_empty
from .marks import RowMarks
from .source import PARTS, PagedSource
from .state_text import describe_state

_POLL_SECONDS = 0.1


class RowsPane(Pane):
    """Give it a table with `open_table`; marks and roles may come later."""

    class Said(Message):
        """Something to tell in passing."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Data", id=id)
        self.query_now = Query()
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
        self.query_now, self.rows.order = Query(), None
        self.query_one(AskLine).display = False
        self._show(lines=lines)

    def close_table(self) -> None:
        """Let go of the file: its searches and its index end."""
        for view in (self._sorting, self._source.view if self._source else None):
            if view is not None:
                view.cancel()
        self.stop_searching()
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
            self._show(self._source.view, row=self.rows.row, same_rows=True)

    def _show(
        self,
        view: View | None = None,
        row: int = 0,
        lines: Sequence[Line] = (),
        same_rows: bool = False,
    ) -> None:
        if self._table is None or self._marks is None:
            return
        if self._source is not None and self._source.view is not view and self._source.view is not None:
            self._source.view.cancel()
        self._source = PagedSource(self._table, self._roles, self._marks, view)
        tags = PARTS if self._marks.has_parts else ()
        self.rows.show(self._source, row=row, tags=tags, lines=lines, same_rows=same_rows)
        self.look_soon()

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
        self.look_for_more()
        if self._wanted is not None and (self._wanted < state.rows or state.done):
            wanted, self._wanted = self._wanted, None
            self.go_to(wanted)
        if view is not None and view.state.error is not None:
            self.show_problem(view.state.error)
        told = describe_state(
            state,
            self.query_now,
            None if view is None else view.state,
            sorting=self._sorting is not None,
            trail=self.describe_search(),
        )
        self.name_pane(self._file, told)
        busy = not state.done or self._sorting or self.searching or self._wanted is not None
        if not busy and (view is None or view.state.done):
            self._timer.pause()

    def _say_empty(self) -> None:
        if is_empty(self.query_now):
            self.query_one("#none", Empty).say("The file has no rows.", "Press o to open another file.")
        else:
            self.query_one("#none", Empty).say("No row matches.", "Press escape to show all rows again.")

    # What its subclass looks for meanwhile

    @property
    def searching(self) -> bool:
        return False

    def look_for_more(self) -> None:
        """Called as long as anything goes on in the background."""

    def stop_searching(self) -> None:
        """The table is closed."""

    def describe_search(self) -> str:
        """What stands before the number of rows."""
        return ""

    def look_soon(self) -> None:
        """Something began in the background."""
        self._look()
        if self._timer is not None:
            self._timer.resume()

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
            self.look_soon()

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

    def position_of(self, number: int) -> int | None:
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
        place = self.position_of(number) if 0 <= number < state.rows else None
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
