"""Textual's list of options, where it has no room on screen."""

from __future__ import annotations

from textual.widgets import OptionList


class Options(OptionList):
    """Paging does nothing before the list has a place: Textual's own knows no lines to move by then."""

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
