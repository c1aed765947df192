"""What every place of the app has: header, body, footer, keys from the registry, news from the session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from ..registry import bindings
from ..widgets.header import HeaderBar

if TYPE_CHECKING:
    from ..app import CompilotApp
    from ..session import Session


class Place(Screen[None]):
    """A screen of the app. Subclasses set `PLACE` and give `compose_body`, `show` and `refresh_parts`."""

    PLACE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (140, "-wide")]  # noqa: RUF012 - Textual's own type

    def __init_subclass__(cls, **options: Any) -> None:
        if cls.PLACE and "BINDINGS" not in cls.__dict__:
            cls.BINDINGS = list(bindings(cls.PLACE))
        super().__init_subclass__(**options)

    def __init__(self) -> None:
        super().__init__()
        self._stale: set[str] = set()
        width = self.app.size.width
        fitting = [name for least, name in self.HORIZONTAL_BREAKPOINTS if width >= least]
        self.add_class(fitting[-1], update=False)  # known from the start, so that nothing is styled twice

    def on_mount(self) -> None:
        self.compilot.places[self.PLACE] = self
        self.call_after_refresh(self._freshen)

    @property
    def session(self) -> Session:
        return self.compilot.session

    @property
    def compilot(self) -> CompilotApp:
        """The app, with its own type."""
        from ..app import CompilotApp

        return cast(CompilotApp, self.app)

    def compose(self) -> ComposeResult:
        yield HeaderBar(self.PLACE)
        with Container(id="body"):
            yield from self.compose_body()
        yield Footer(show_command_palette=False)

    def compose_body(self) -> Iterable[Widget]:
        """The panes."""
        return ()

    async def show(self, **target: Any) -> None:
        """Go to something in this place: a run, a row, a line."""

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        """Something changed: config, draft, data, split, program, metric, runs, facts, estimate."""

    def copied_text(self) -> str | None:
        """What `y` copies when nothing is selected; None when there is nothing."""
        return None

    def unsaved_work(self) -> str | None:
        """What would be lost on quitting, in words; None when nothing."""
        return None

    async def on_changed(self, parts: frozenset[str]) -> None:
        self._stale |= parts
        if self.is_current:
            await self._freshen()

    async def on_screen_resume(self) -> None:
        await self._freshen()

    async def _freshen(self) -> None:
        if not self.is_mounted:
            return  # a key was faster than the first frame; mounting freshens again
        parts, self._stale = frozenset(self._stale), set()
        self.query_one(HeaderBar).show_session(self.session)
        if parts:
            await self.refresh_parts(parts)
