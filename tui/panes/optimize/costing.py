"""The half of the Optimize place that keeps the figures: facts, the estimate of the draft, all estimates."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from textual import on, work
from textual.timer import Timer

from core.cost.estimate import Estimate, estimate_run
from core.cost.facts import depth_of
from core.errors import CompilotError, OptimizerError
from core.optimizers import registry
from core.optimizers.facts import Facts
from core.recipe import Recipe, Role
from core.trust import read_trust

from ...screens.base import Place
from ...text import duration
from . import jobs
from .cost_pane import CostPane
from .messages import Looked, WasMeasured, WereCosted
from .models import ModelRow, list_models
from .preview import Beside
from .sheet import Wrong
from .shelf import Shelf

_FRAME = 1 / 30
_QUIET = 0.3
"""Seconds without a change before files are read for it."""


class Costing(Place):
    """Estimates follow every change at once; what they rest on is looked up and measured behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.costs: Mapping[str, Estimate | str] = {}
        self.models: tuple[ModelRow, ...] = ()
        self.facts: Facts | None = None
        """Sizes and predictors, as far as they are known."""
        self._frame: Timer | None = None
        self._quiet: Timer | None = None
        self._costed: object = None
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

    def wrong_fields(self) -> dict[str, Wrong]:
        """Fields whose text could not be read; the screen knows its forms."""
        return {}

    async def show_draft(self) -> None:
        """Put the draft and what is known about it into the panes; the screen knows them."""

    def beside(self) -> Beside:
        """What else is known about the draft; nothing where there is nothing."""
        return Beside()

    def advise_soon(self) -> None:
        """Something was loaded or measured: look at what the advice rests on; that part knows what."""

    def work_out(self) -> None:
        """Compute what takes longer than a frame; the advising part knows what."""

    def estimate_soon(self) -> None:
        """At the next frame, however many changes come before it."""
        if self._frame is None:
            self._frame = self.set_timer(_FRAME, self._estimate_now)

    def look_soon(self) -> None:
        """Read what is kept on disk, when changes pause."""
        if self._quiet is not None:
            self._quiet.stop()
        self._quiet = self.set_timer(_QUIET, self._look_now)

    def _look_now(self) -> None:
        self._quiet = None
        draft = self.session.draft
        if draft is not None:
            kept = [recipe for recipe, _ in self.shelf.kept]
            self._look(draft, kept, self.session.recall(jobs.MEASURED_KEY, []), self.session.root)

    def show_summary(self) -> None:
        """Put the figures into one line; the screen knows where."""

    def _estimate_now(self) -> None:
        self._frame = None
        self._show_figures()
        self.show_summary()
        self.refresh_bindings()

    def _show_figures(self) -> None:
        draft, pane = self.session.draft, self.query_one(CostPane)
        if draft is None:
            pane.show_problem(self.session.problem)
            return
        wrong = next(iter(self.wrong_fields().items()), None)
        if wrong is not None:
            name, why = wrong
            pane.show_problem(OptimizerError(why.what, where=name, fix=why.fix))
            return
        found = self.shelf.find(draft)
        if found is None or draft.optimizer is None:
            pane.show_problem(None, self.why_no_figures())
            return
        try:
            estimate = estimate_run(draft, found.measured)
        except CompilotError as error:
            pane.show_problem(error)
            self.session.put_estimate(None)
            return
        note = ""
        if not found.exact:
            other = " and ".join(
                f"other {name}" if name != "optimizer" else "another optimizer" for name in found.differs
            )
            note = f"from facts measured with {other}; m measures these"
        pane.show_estimate(estimate, draft.budget, note, self.beside())
        if estimate != self.session.estimate:
            self.session.put_estimate(estimate)

    def why_no_figures(self) -> str:
        """What is still to be done before there are figures; empty where they are on their way."""
        draft = self.session.draft
        if draft is None or self.is_measuring or self.shelf.find(draft) is not None:
            return ""
        if draft.optimizer is None:
            return "Choose an optimizer: its cost is shown here."
        cost = jobs.measuring_costs(draft)
        return f"Not measured yet: m runs the program on a few rows, once ({cost})."

    @work(thread=True, exclusive=True, group="optimize.look", exit_on_error=False)
    def _look(self, draft: Recipe, kept: list[Recipe], remembered: list[object], root: Path) -> None:
        called: tuple[Role, ...] = ()
        if draft.optimizer is not None and draft.optimizer.name in registry.names():
            called = registry.get(draft.optimizer.name).spec.roles
        self.post_message(
            Looked(
                draft,
                jobs.find_kept(draft, kept, remembered, root),
                read_trust(root).trusted,
                list_models(draft, called),
            )
        )

    @on(Looked)
    async def _looked(self, event: Looked) -> None:
        first = not self.shelf.kept
        self.shelf.kept = list(event.pairs)
        self.models = event.models
        self.session.trusted = self.session.trusted or event.trusted
        draft = self.session.draft
        if draft is None:
            return
        found = self.shelf.find(draft)
        if found is not None:
            self.facts = found.measured.facts
        elif first and self.session.trusted and draft.optimizer is not None and depth_of(draft) == "thorough":
            self._begin_measuring(draft)
        self._cost_all_soon(draft)
        self.work_out()
        await self.show_draft()
        self.estimate_soon()

    @work(exclusive=True, group="optimize.ask-trust")
    async def action_measure(self) -> None:
        draft = self.session.draft
        if draft is None or self.is_measuring or not await self.compilot.trusted():
            return
        if draft.optimizer is None:
            self.compilot.say("choose an optimizer first")
            return
        self._begin_measuring(draft)

    def action_cancel(self) -> None:
        if self._cancel is not None:
            self._cancel.set()

    def on_unmount(self) -> None:
        # A thread that still waits for its child would keep the app from ending.
        self.action_cancel()

    def _begin_measuring(self, draft: Recipe) -> None:
        self._cancel = threading.Event()
        self._began = time.monotonic()
        self._tick()
        self._clock = self.set_interval(1.0, self._tick)
        self._measure(draft, self.session.root, self._cancel)
        self.estimate_soon()
        self.refresh_bindings()

    def _tick(self) -> None:
        draft = self.session.draft
        cost = jobs.measuring_costs(draft) if draft is not None else ""
        seconds = duration(time.monotonic() - self._began)
        self.query_one(CostPane).say_busy(f"measuring on a few rows… {seconds} ({cost}; x cancels)")

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
        pane.say_busy("")
        self.refresh_bindings()
        if event.measured is None:
            self._estimate_now()
            if not cancelled:
                pane.show_problem(event.error)
            return
        self.shelf.put(event.recipe, event.measured)
        self.facts = event.measured.facts
        told = self.session.recall(jobs.MEASURED_KEY, [])
        self.session.remember(jobs.MEASURED_KEY, jobs.note_measured(told, event.recipe))
        self.session.note("facts")
        if self.session.draft is not None:
            self._cost_all_soon(self.session.draft)
        self.advise_soon()
        self.work_out()
        await self.show_draft()
        self.estimate_soon()

    def _cost_all_soon(self, draft: Recipe) -> None:
        """All estimates again, when something that they rest on has changed."""
        facts = tuple(id(measured) for _, measured in self.shelf.kept)
        rests_on = (draft.program, draft.data, draft.metric, draft.models, draft.run, facts)
        if facts and rests_on != self._costed:
            self._costed = rests_on
            self._cost_all(draft, Shelf(list(self.shelf.kept)))

    @work(thread=True, exclusive=True, group="optimize.cost-all", exit_on_error=False)
    def _cost_all(self, draft: Recipe, shelf: Shelf) -> None:
        self.post_message(WereCosted(jobs.estimate_all(draft, shelf)))

    @on(WereCosted)
    async def _costed_all(self, event: WereCosted) -> None:
        self.costs = event.costs
        await self.show_draft()
