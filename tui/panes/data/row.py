"""The row pane: every field of one row, whole and wrapped."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from ...registry import bindings
from ...widgets.pane import Pane
from .row_text import describe_row
from .source import FullRow


class RowPane(Pane):
    """Shows what it is given; scrolls when it has the focus."""

    PANE = "row"
    BINDINGS = bindings("data", pane="row")

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Row", id=id)
        self.row: FullRow | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="fields"):
            yield Static("", id="text", markup=False)

    def show_row(self, row: FullRow | None, roles: Mapping[str, str]) -> None:
        """Show a row from its top, or nothing."""
        fields = self.query_one("#fields", VerticalScroll)
        if self.row is None or row is None or row.number != self.row.number:
            fields.scroll_home(animate=False)
        self.row = row
        if row is None:
            self.name_pane("Row")
            self.query_one("#text", Static).update("")
            return
        edited = "excluded" if row.edit.excluded else "edited" if row.edit.values else ""
        self.name_pane(f"Row {row.number}", " · ".join(filter(None, (row.part, edited))))
        self.query_one("#text", Static).update(describe_row(row, roles))

    def focus_content(self) -> None:
        self.query_one("#fields").focus()

    def action_text_down(self) -> None:
        self.query_one("#fields", VerticalScroll).scroll_down(animate=False)

    def action_text_up(self) -> None:
        self.query_one("#fields", VerticalScroll).scroll_up(animate=False)
