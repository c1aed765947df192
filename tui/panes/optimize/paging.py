"""The part of the Optimize place that knows where one is: pages where not all fits, and what tab goes to."""

from __future__ import annotations

from textual import events
from textual.widgets import Static

from .advising import Advising
from .pages import NARROW, PANES, WIDE, describe_pages, page_at, pages_shown


class Paging(Advising):
    """Three columns where there is room, two with pages at the left, or one page at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.page = ""

    def action_budget(self) -> None:
        self._focus("#limits-form")

    def action_next_pane(self) -> None:
        self._focus_pane(self._pane_now() + 1)

    def action_last_pane(self) -> None:
        self._focus_pane(self._pane_now() - 1)

    def on_resize(self) -> None:
        self.turn_to(self.page)

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget.id == "pages":
            page = page_at(event.x, self._narrow)
            if page is not None:
                self._focus(self._pane_of(page))

    def turn_to(self, page: str) -> None:
        """Show a page; where all fits, nothing moves."""
        if page not in pages_shown(self._narrow):
            page = self.page if self.page in pages_shown(self._narrow) else "parameters"
        for name in pages_shown(True):
            self.set_class(name == page, f"-page-{name}")
        self.page = page
        self.session.remember("optimize.page", page)
        self.query_one("#pages", Static).update(describe_pages(page, self._narrow))

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= WIDE

    def _pane_of(self, page: str) -> str:
        """What takes the focus on a page."""
        return next(selector for selector, owner in PANES if owner == page)

    @property
    def _narrow(self) -> bool:
        return self.app.size.width < NARROW

    def _focus_pane(self, place: int) -> None:
        self._focus(PANES[place % len(PANES)][0])

    def _focus(self, selector: str) -> None:
        self.turn_to(dict(PANES)[selector])
        self.query_one(selector).focus()

    def _pane_now(self) -> int:
        focused = self.focused
        for place, (selector, _) in enumerate(PANES):
            widget = self.query_one(selector)
            if focused is not None and widget in focused.ancestors_with_self:
                return place
        return 0
