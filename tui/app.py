"""The app: six places over one session. Everything slow happens in workers and child processes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer

from core.errors import CompilotError

from .notify import RunWatch, tell_news
from .palette import CompilotProvider
from .registry import PLACES, bindings
from .screens.base import Place
from .session import Session
from .settings import Settings
from .shell import Shell
from .widgets.header import HeaderBar

if TYPE_CHECKING:
    from core.recipe import Recipe

_LOOK_SECONDS = 3.0
"""How often the header looks for live runs, and what is remembered is written."""


def _make_screen(place: str) -> Screen[Any]:
    """A place's screen, imported when it is first visited."""
    module = importlib.import_module(f".screens.{place}", __package__)
    screen: Screen[Any] = getattr(module, f"{place.title()}Screen")()
    return screen


class CompilotApp(Shell):
    """The flight deck."""

    TITLE = "Compilot"
    MODES = {place: partial(_make_screen, place) for place in (*PLACES, "welcome")}  # noqa: RUF012 - Textual's own type
    CSS_PATH = "app.tcss"
    BINDINGS = [*bindings("app"), Binding("ctrl+q", "quit", show=False, priority=True)]  # noqa: RUF012
    COMMANDS = {CompilotProvider}  # noqa: RUF012 - Textual's own type
    ESCAPE_TO_MINIMIZE = True

    def __init__(self, root: Path, settings: Settings | None = None) -> None:
        self.session = Session(root.expanduser().resolve(), self._spread)
        self.places: dict[str, Place] = {}
        self._first_place: str | None = "data" if self.session.is_workspace else "welcome"
        """Where to begin; None once the app has begun."""
        self._watch = RunWatch(self.session.root)
        self._estimated: Recipe | None = None
        """The draft that an estimate was looked for."""
        super().__init__(settings)

    def compose(self) -> ComposeResult:
        """The first frame: the frame of every place, drawn before any place is imported."""
        yield HeaderBar(self._first_place or "")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(HeaderBar).show_session(self.session)
        self.call_after_refresh(self._settle_in)

    async def _settle_in(self) -> None:
        """What can wait until the first frame is on screen."""
        first, self._first_place = self._first_place, None
        await self.switch_mode(first or "welcome")
        if self.settings_problem is not None:
            self.say_error(self.settings_problem)
        self._look()
        self.set_interval(_LOOK_SECONDS, self._look_again)

    async def go(self, place: str, **target: Any) -> None:
        """Show a place, and something in it."""
        if not self.session.is_workspace and place != "welcome":
            self.say("first choose a sample, a folder, or a program and its data")
            return
        if self._first_place is not None:
            self._first_place = place  # the key was faster than the first place
            return
        if self.current_mode != place:
            await self.switch_mode(place)
        if target and isinstance(self.screen, Place):
            await self.screen.show(**target)

    async def action_go(self, place: str) -> None:
        await self.go(place)

    async def trusted(self) -> bool:
        """Whether the folder's code may run; asks once for a folder and its content. Call from a worker."""
        from .trusting import ask_trust

        if not self.session.trusted:
            self.session.trusted = await ask_trust(self)
        return self.session.trusted

    @work(exclusive=True, group="launch")
    async def launch(self, recipe: Any) -> None:
        """Start a run in a process of its own and go to it."""
        from .launching import start

        if await self.trusted():
            await start(self, recipe)

    async def open_workspace(self, root: Path) -> None:
        """Work on another folder; runs of the one before go on."""
        from .leaving import leave_places

        before = self.session
        try:
            await asyncio.to_thread(before.flush)
        except CompilotError as error:
            self.say_error(error)
        await asyncio.to_thread(before.close)
        self.session = Session(root, self._spread)
        await leave_places(self)
        if self.session.is_workspace:
            await self.switch_mode("data")
        self._look()

    def action_reload(self) -> None:
        self.session.reload()
        self.say_error(self.session.problem) if self.session.problem else self.say("read again")

    async def action_open(self) -> None:
        await self.switch_mode("welcome")

    async def action_quit(self) -> None:
        self._leave()

    @work(exclusive=True, group="dialog")
    async def _leave(self) -> None:
        from .leaving import may_leave

        if await may_leave(self):
            self.exit()

    async def on_unmount(self) -> None:
        self.session.close()
        with contextlib.suppress(CompilotError):
            self.session.flush()  # told while the app ran: nobody is there to read it now

    def _spread(self, parts: frozenset[str]) -> None:
        for place in self.places.values():
            place.call_later(place.on_changed, parts)

    def _look_again(self) -> None:
        self._look()
        session, draft = self.session, self.session.draft
        known = session.estimate is not None or "optimize" in self.places
        if not known and draft is not self._estimated:  # the same recipe read again has lost its estimate
            self._estimated = draft
            self._estimate(session)

    @work(thread=True, exclusive=True, group="estimate", exit_on_error=False)
    def _estimate(self, session: Session) -> None:
        from .known_estimate import find_estimate

        draft = session.draft
        estimate = find_estimate(session, draft) if draft is not None else None
        if estimate is not None and session.draft is draft and session.estimate is None:
            self.call_from_thread(session.put_estimate, estimate)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self) -> None:
        session = self.session
        if self._watch.root != session.root:
            self._watch = RunWatch(session.root)
        news = self._watch.look()
        try:
            session.load_remembered()
            session.flush()
        except CompilotError as error:
            self.call_from_thread(self.say_error, error)
        if news is not None:
            self.call_from_thread(tell_news, self, news)
