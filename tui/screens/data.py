"""The Data place: browse any data, see what is in it, say what columns are for, split it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from textual import on, work
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from core.data.profile import Finding

from ..panes.data.columns import ColumnsPane
from ..panes.data.files import find_target, own_files
from ..panes.data.filtering import is_empty
from ..panes.data.profile import ProfilePane
from ..panes.data.row import RowPane
from ..panes.data.row_text import whole_text
from ..panes.data.split import SplitPane
from ..panes.data.table import TablePane
from ..panes.data.trail import Trail
from ..text import clean
from ..widgets.paged_table import RowTable
from ..widgets.rows import Line
from .data_edits import ROW_ACTIONS
from .data_reading import DataReading

_ROW_SECONDS = 0.06
"""The row pane follows the cursor once it rests this long, so that a held key stays quick."""
Side = Literal["row", "profile", "columns", "split"]


class DataScreen(DataReading):
    """The table, and beside it the row, the profile, the columns or the split."""

    PLACE = "data"
    CSS_PATH = "data.tcss"
    AUTO_FOCUS = "#rows"  # a key that comes before the first frame is not typed into a field

    def __init__(self) -> None:
        super().__init__()
        self._row_timer: Timer | None = None
        self._wanted_row: int | None = None

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="data", classes="side-row lower-profile"):
            yield TablePane(id="table")
            with Vertical(id="side"):
                yield RowPane(id="row")
                yield ProfilePane(id="profile")
                yield ColumnsPane(id="columns-pane")
                yield SplitPane(id="split")

    def on_mount(self) -> None:
        self.table_pane.rows.focus()

    async def show(self, **target: Any) -> None:
        """`row`: a row's number; `finding`: its place in the profile's list; `file`: a data file."""
        if (file := target.get("file")) is not None:
            self.open_target(find_target(self.session.workspace, self.session.root, str(file)))
        if (row := target.get("row")) is not None:
            self._leave_side()
            self._wanted_row = int(row)
            self._go_where_wanted()
        if (finding := target.get("finding")) is not None and self.survey is not None:
            self._follow(self.survey.profile.findings[int(finding)])

    def show_data(self, lines: Sequence[Line] = ()) -> None:
        super().show_data(lines)
        self._go_where_wanted()

    def copied_text(self) -> str | None:
        row, column = self.query_one(RowPane).row, self.table_pane.column
        return None if row is None or column not in row.values else whole_text(row.shown[column])

    def unsaved_work(self) -> str | None:
        unsaved = self.query_one(ColumnsPane).unsaved or self.query_one(SplitPane).unsaved
        return "roles or a split that are not saved" if unsaved else None

    def _go_where_wanted(self) -> None:
        if self._wanted_row is not None and self.table_pane.source is not None:
            number, self._wanted_row = self._wanted_row, None
            self.table_pane.go_to(number)

    # The panes beside the table

    def _turn_to(self, side: Side) -> None:
        """Show a pane and put the focus into it; from within it, back to the table."""
        pane = {"row": RowPane, "profile": ProfilePane, "columns": ColumnsPane, "split": SplitPane}[side]
        shown = self.query_one(pane)
        if self.focused is not None and shown in self.focused.ancestors:
            self._leave_side()
            return
        data = self.query_one("#data")
        for name in ("row", "profile", "columns", "split"):
            data.set_class(name == side, f"side-{name}")
            if side != "row":
                data.set_class(name == side, f"lower-{name}")
        data.add_class("aside")
        self.call_after_refresh(shown.focus_content)  # type: ignore[attr-defined]

    def _leave_side(self) -> None:
        self.query_one("#data").remove_class("aside")
        self.table_pane.rows.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave":
            at_rest = self.table_pane.rows.has_focus and self.maximized is None
            return not at_rest or not is_empty(self.table_pane.query_now)
        if action == "filter" and isinstance(self.focused, Input):
            return False
        if action in ("filter", *ROW_ACTIONS) and self._turned_from_rows:
            return False
        return super().check_action(action, parameters)

    @property
    def _turned_from_rows(self) -> bool:
        """Whether columns or split are in front of the rows, which are not on screen then."""
        inside = () if self.focused is None else self.focused.ancestors
        return not self.table_pane.region.area and any(
            isinstance(one, ColumnsPane | SplitPane) for one in inside
        )

    def action_profile(self) -> None:
        self._turn_to("profile")

    def action_columns(self) -> None:
        self._turn_to("columns")

    def action_split(self) -> None:
        self._turn_to("split")

    @on(RowTable.Opened)
    def open_row(self) -> None:
        self._turn_to("row")

    def action_leave(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif self.focused is None or self.table_pane not in self.focused.ancestors:
            self._leave_side()
        elif self.table_pane.rows.has_focus:
            self.table_pane.clear_filter()
        else:
            self.table_pane.leave_line()

    @on(RowTable.Moved)
    def follow_cursor(self) -> None:
        if self._row_timer is not None:
            self._row_timer.stop()
        self._row_timer = self.set_timer(_ROW_SECONDS, self._read_row)

    @work(exclusive=True, group="row")
    async def _read_row(self) -> None:
        row = await self.read_row()
        self.query_one(RowPane).show_row(row, self.query_one(ColumnsPane).roles)

    @on(ProfilePane.Chosen)
    def follow_finding(self, event: ProfilePane.Chosen) -> None:
        self._follow(event.finding)

    def _follow(self, finding: Finding) -> None:
        if self.target is None or not finding.rows:
            self.compilot.say("this finding is about no single row")
            return
        numbers = [row.index for row in finding.rows if row.source == self.target.text]
        if not numbers:
            other = finding.rows[0]
            self._wanted_row = other.index
            self.open_target(find_target(self.session.workspace, self.session.root, other.source))
            return
        self._leave_side()
        self.table_pane.follow(Trail(clean(finding.what), sorted(set(numbers))))

    # The table

    def action_filter(self) -> None:
        self._ask("filter")

    def action_find(self) -> None:
        self._ask("find")

    def action_jump(self) -> None:
        self._ask("row")

    def _ask(self, kind: Literal["filter", "find", "row"]) -> None:
        self._leave_side()
        self.table_pane.ask(kind)

    def action_next_match(self) -> None:
        self.table_pane.step()

    def action_previous_match(self) -> None:
        self.table_pane.step(False)

    def action_next_row(self) -> None:
        self.table_pane.rows.action_down()

    def action_previous_row(self) -> None:
        self.table_pane.rows.action_up()

    @on(TablePane.Said)
    def tell(self, event: TablePane.Said) -> None:
        self.compilot.say(event.text)

    @on(RowTable.Failed)
    def tell_failure(self, event: RowTable.Failed) -> None:
        self.table_pane.show_problem(event.error)

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        from ..panes.data.asking import ask_file

        own = own_files(self.session.saved.data) if self.session.saved is not None else []
        now = self.target.text if self.target is not None else None
        text = await ask_file(self.compilot, self.session.root, own, now)
        if text:
            self.open_target(find_target(self.session.workspace, self.session.root, text))
