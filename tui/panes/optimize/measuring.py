"""The part of the Optimize place that measures: the program runs on a few rows, in a child, cancellable."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from textual import on, work
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from core.errors import CompilotError
from core.optimizers.facts import Facts
from core.recipe import Recipe

from ...crash import keep_crash
from ...registry import commands_of
from ...screens.base import Place
from ...text import duration
from . import jobs
from .cost_pane import CostPane
from .messages import WasMeasured
from .shelf import Shelf


class Measuring(Place):
    """Keeps the facts, and says what goes on in the background."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.facts: Facts | None = None
        """Sizes and predictors, as far as they are known."""
        self.busy = ""
        self._keys: tuple[bool | None, ...] = ()
        self._cancel: threading.Event | None = None
        self._began = 0.0
        self._clock: Timer | None = None

    @property
    def is_measuring(self) -> bool:
        return self._cancel is not None

    @property
    def is_exact(self) -> bool:
        """Whether the draft itself was measured."""
        draft = self.session.draft
        found = self.shelf.find(draft) if draft is not None else None
        return found is not None and found.exact

    def why_no_figures(self) -> str:
        """What is still to be done before there are figures; empty where they are on their way."""
        draft = self.session.draft
        if draft is None or self.is_measuring or self.shelf.find(draft) is not None:
            return ""
        if draft.optimizer is None:
            return "Choose an optimizer: its cost is shown here."
        cost = jobs.measuring_costs(draft)
        return f"Not measured yet: m runs the program on a few rows, once ({cost})."

    def refresh_keys(self) -> None:
        """Show the keys that work now, where others do than before: the footer is made anew for it."""
        keys = tuple(self.check_action(command.action, ()) for command in commands_of(self.PLACE))
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    def tell_no_draft(self) -> None:
        """Nothing works here while compilot.toml cannot be read: say why."""
        if self.session.problem is not None:
            self.compilot.say_error(self.session.problem)

    async def facts_changed(self) -> None:
        """What is shown rests on other facts now; the costing part knows what to do."""

    def advise_soon(self) -> None:
        """Something was loaded or measured: look at what the advice rests on; that part knows what."""

    def estimate_now(self) -> None:
        """Show the figures of the draft; the costing part knows them."""

    def estimate_soon(self) -> None:
        """The same at the next frame."""

    def say_busy(self, text: str) -> None:
        """What is being computed; empty when nothing."""
        self.busy = text
        self.query_one(CostPane).say_busy(text)
        self.show_summary()

    def show_summary(self) -> None:
        """Put the figures into one line; the screen knows where."""

    @work(exclusive=True, group="optimize.ask-trust")
    async def action_measure(self) -> None:
        draft = self.session.draft
        if draft is None:
            self.tell_no_draft()
            return
        if self.is_measuring or not await self.compilot.trusted():
            return
        if draft.optimizer is None:
            self.compilot.say("choose an optimizer first")
            return
        self.begin_measuring(draft)

    def action_cancel(self) -> None:
        if self._cancel is not None:
            self._cancel.set()

    def on_unmount(self) -> None:
        # A thread that still waits for its child would keep the app from ending.
        self.action_cancel()

    def begin_measuring(self, draft: Recipe) -> None:
        self._cancel = threading.Event()
        self._began = time.monotonic()
        self._tick()
        self._clock = self.set_interval(1.0, self._tick)
        self._measure(draft, self.session.root, self._cancel)
        self.estimate_soon()
        self.refresh_keys()

    def _tick(self) -> None:
        draft = self.session.draft
        cost = jobs.measuring_costs(draft) if draft is not None else ""
        seconds = duration(time.monotonic() - self._began)
        self.say_busy(f"measuring on a few rows… {seconds}, x cancels ({cost})")

    @work(thread=True, group="optimize.measure", exit_on_error=False)
    def _measure(self, recipe: Recipe, root: Path, cancel: threading.Event) -> None:
        try:
            done = WasMeasured(recipe, jobs.measure(recipe, root, cancel))
        except CompilotError as error:
            done = WasMeasured(recipe, error=error)
        self.post_message(done)

    @on(WasMeasured)
    async def _measured(self, event: WasMeasured) -> None:
        cancelled = self._cancel is not None and self._cancel.is_set()
        self._cancel = None
        if self._clock is not None:
            self._clock.stop()
        pane = self.query_one(CostPane)
        self.say_busy("")
        self.refresh_keys()
        if event.measured is None:
            self.estimate_now()
            if not cancelled and event.error is not None:
                pane.show_problem(event.error)
                if not pane.region.area:
                    self.compilot.say_error(event.error)
            return
        self.shelf.put(event.recipe, event.measured)
        self.facts = event.measured.facts
        told = self.session.recall(jobs.MEASURED_KEY, [])
        self.session.remember(jobs.MEASURED_KEY, jobs.note_measured(told, event.recipe))
        self.session.note("facts")
        await self.facts_changed()
        self.advise_soon()

    @on(Worker.StateChanged)
    def _tell_fault(self, event: Worker.StateChanged) -> None:
        """A fault of our own in the background is kept and told, and nothing waits for it."""
        if event.state == WorkerState.ERROR and event.worker.error is not None:
            assert isinstance(event.worker.error, Exception)
            self.compilot.say_error(keep_crash(event.worker.error))
            self.nothing_runs()

    def nothing_runs(self) -> None:
        """Forget what was under way."""
        self._cancel = None
        if self._clock is not None:
            self._clock.stop()
        self.say_busy("")
        self.refresh_keys()
