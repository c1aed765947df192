"""The half of the Optimize place that looks after readiness: checks, pings, what keeps a run back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from textual import on, work

from core.errors import CompilotError
from core.optimizers.facts import Facts
from core.recipe import Recipe
from core.workbench.desk import Desk
from core.workbench.preflight import Check, check_loaded
from core.workbench.reports import LoadReport

from ...widgets.dialogs import Choose
from .checks_pane import ChecksPane, describe_failure, mending_place
from .costing import Costing
from .messages import WasLoaded, WereAsked
from .models import Ping


class Checking(Costing):
    """What was loaded once is enough for the checks to follow every change."""

    def __init__(self) -> None:
        super().__init__()
        self.pings: dict[str, Ping] = {}
        self._report: LoadReport | None = None
        self._loaded: Recipe | None = None
        """The recipe that the report is about."""
        self._loading = False
        self._was_settled = asyncio.Event()

    @property
    def checks(self) -> list[Check]:
        """Of the draft; empty while nothing was loaded."""
        draft = self.session.draft
        if draft is None or self._report is None:
            return []
        return check_loaded(self._report, draft, self.session.root)

    @property
    def is_loaded(self) -> bool:
        """Whether what was loaded is still what the draft names."""
        draft, loaded = self.session.draft, self._loaded
        return draft is not None and loaded is not None and _loadable(draft) == _loadable(loaded)

    def forget_loaded(self) -> None:
        """Code or data changed."""
        self._loaded = None

    def show_checks(self) -> None:
        pane = self.query_one(ChecksPane)
        if self._loading:
            note = "loading program, data and metric…"
        elif self._report is None:
            note = "Not checked yet: r loads program, data and metric, which runs the folder's code."
        else:
            note = "" if self.is_loaded else "Program, data or metric changed since: r checks again."
        pane.show_checks(self.checks, note)

    def load_if_trusted(self) -> None:
        """Check by itself where nobody has to be asked."""
        if self.session.trusted and not self.is_loaded and not self._loading:
            self._begin_loading()

    @work(exclusive=True, group="optimize.check")
    async def action_check(self) -> None:
        if self.session.draft is None:
            self.tell_no_draft()
        elif await self.compilot.trusted():
            self._begin_loading()

    def _begin_loading(self) -> None:
        draft = self.session.draft
        if draft is None or self._loading:
            return
        try:
            desk = self.session.desk()
        except CompilotError as error:
            self.query_one(ChecksPane).show_problem(error)
            return
        self._loading = True
        self._was_settled.clear()
        self.show_checks()
        self._load(desk, draft)

    @work(thread=True, exclusive=True, group="optimize.load", exit_on_error=False)
    def _load(self, desk: Desk, draft: Recipe) -> None:
        try:
            done = WasLoaded(draft, desk.load_all())
        except CompilotError as error:
            done = WasLoaded(draft, error=error)
        self.post_message(done)

    @on(WasLoaded)
    async def _was_loaded(self, event: WasLoaded) -> None:
        self._loading = False
        if event.report is not None:
            self._report, self._loaded = event.report, event.recipe
        self._was_settled.set()
        if event.report is None:
            self.show_checks()
            if event.error is not None:
                self.query_one(ChecksPane).show_problem(event.error)
            return
        if self.facts is None and "optimizer" in event.report.facts:
            self.facts = msgspec.convert(event.report.facts["optimizer"], Facts)
            await self.show_draft()
        self.show_checks()
        self.advise_soon()

    @work(exclusive=True, group="optimize.ping-trust")
    async def action_ping(self) -> None:
        if self.session.draft is None or not await self.compilot.trusted():
            return
        self.pings = {role: Ping(None) for role in self.session.draft.models}
        await self.show_draft()
        self._ask(self.session.desk())

    @work(thread=True, exclusive=True, group="optimize.ping", exit_on_error=False)
    def _ask(self, desk: Desk) -> None:
        try:
            done = WereAsked(desk.ask_models())
        except CompilotError as error:
            done = WereAsked([], error)
        self.post_message(done)

    @on(WereAsked)
    async def _were_asked(self, event: WereAsked) -> None:
        self.pings = {answer["role"]: Ping(answer["seconds"], answer["error"]) for answer in event.answers}
        if event.error is not None:
            self.compilot.say_error(event.error)
        await self.show_draft()

    def nothing_runs(self) -> None:
        self._loading = False
        self._was_settled.set()
        super().nothing_runs()

    async def is_ready(self) -> bool:
        """Whether the run can be started; what keeps it back is shown, and leads to where it is mended."""
        if not self.is_loaded:
            self.show_checks()
            loaded = await self.load_now()
            if not loaded:
                return False
        failed = [check for check in self.checks if check.status == "fail"]
        if failed:
            await self._refuse(failed)
        return not failed

    async def load_now(self) -> bool:
        """Load and wait for it; where that fails, the checks say why."""
        for _ in range(2):  # what is being loaded already may be of an older draft
            self._begin_loading()
            if self._loading:
                await self._was_settled.wait()
            if self.is_loaded:
                return True
        self.compilot.say("program, data and metric could not be loaded: the checks say why")
        return False

    async def _refuse(self, failed: Sequence[Check]) -> None:
        options = [
            (
                f"{check.name}: {describe_failure(check)}" + (f" → {check.fix}" if check.fix else ""),
                mending_place(check) or "",
            )
            for check in failed
        ]
        place = await self.app.push_screen_wait(Choose("A run cannot start before this is mended", options))
        if place and place != self.PLACE:
            await self.compilot.go(place)


def _loadable(recipe: Recipe) -> object:
    return recipe.program, recipe.data, recipe.metric, recipe.models
