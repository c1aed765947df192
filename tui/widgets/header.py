"""The top of every place: where one is, what is worked on, what a run still lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click, Resize
from textual.widgets import Static

from ..header_text import describe_tabs, describe_work, place_at

if TYPE_CHECKING:
    from ..session import Session


class HeaderBar(Vertical):
    """Two lines: the places, and the work."""

    DEFAULT_CSS = """
    HeaderBar {
        dock: top;
        height: 2;
        background: $panel;
        Static { height: 1; width: 1fr; padding: 0 1; }
        #work { background: $surface; color: $text-muted; }
    }
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        yield Static(describe_tabs(self.place, "", 80), id="tabs", markup=False)
        yield Static("", id="work", markup=False)

    def show_session(self, session: Session) -> None:
        """Both lines as the session is now; nothing is sent to the terminal when they are as before."""
        self._session = session
        width = max(20, (self.size.width or self.app.size.width) - 2)
        self._put("#tabs", describe_tabs(self.place, session.root.name, width))
        self._put("#work", describe_work(session, width))

    def on_mount(self) -> None:
        if self._session is not None:
            self.show_session(self._session)

    def on_resize(self, event: Resize) -> None:
        if self._session is not None:
            self.show_session(self._session)

    async def on_click(self, event: Click) -> None:
        if event.widget is not None and event.widget.id == "tabs":
            place = place_at(event.x - 1)
            if place:
                await self.app.run_action(f"app.go('{place}')")

    def _put(self, selector: str, text: Content) -> None:
        for line in self.query(selector).results(Static):
            if line.content != text:
                line.update(text)
