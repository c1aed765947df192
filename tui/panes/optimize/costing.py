"""The half of the Optimize place that keeps the figures: facts, the estimate of the draft, all estimates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textual import on, work
from textual.timer import Timer

from core.cost.estimate import Estimate, estimate_run
from core.cost.facts import depth_of
from core.errors import CompilotError, OptimizerError
from core.optimizers import registry
from core.recipe import Recipe, Role
from core.trust import read_trust

from . import jobs
from .cost_pane import CostPane
from .measuring import Measuring
from .messages import Looked, WereCosted
from .models import ModelRow, list_models
from .preview import Beside
from .sheet import Wrong
from .shelf import Shelf

_FRAME = 1 / 30
_QUIET = 0.3
"""Seconds without a change before files are read for it."""


class Costing(Measuring):
    """Estimates follow every change at once; what they rest on is looked up and measured behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: Mapping[str, Estimate | str] = {}
        self.models: tuple[ModelRow, ...] = ()
        self._frame: Timer | None = None
        self._quiet: Timer | None = None
        self._costed: object = None
        self._measured_by_itself = False

    def wrong_fields(self) -> dict[str, Wrong]:
        """Fields whose text could not be read; the screen knows its forms."""
        return {}

    async def show_draft(self) -> None:
        """Put the draft and what is known about it into the panes; the screen knows them."""

    def beside(self) -> Beside:
        """What else is known about the draft; nothing where there is nothing."""
        return Beside()

    def work_out(self) -> None:
        """Compute what takes longer than a frame; the advising part knows what."""

    def estimate_soon(self) -> None:
        """At the next frame, however many changes come before it."""
        if self._frame is None:
            self._frame = self.set_timer(_FRAME, self.estimate_now)

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

    def estimate_now(self) -> None:
        self._frame = None
        self._show_figures()
        self.show_summary()
        self.refresh_keys()

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

    @work(thread=True, exclusive=True, group="optimize.look", exit_on_error=False)
    def _look(self, draft: Recipe, kept: list[Recipe], remembered: list[object], root: Path) -> None:
        called: tuple[Role, ...] = ()
        if draft.optimizer is not None and draft.optimizer.name in registry.names():
            called = registry.get(draft.optimizer.name).spec.roles
        self.post_message(
            Looked(
                [draft, *kept],
                jobs.find_kept(draft, kept, remembered, root),
                read_trust(root).trusted,
                list_models(draft, called),
            )
        )

    @on(Looked)
    async def _looked(self, event: Looked) -> None:
        self.shelf.kept = [*event.pairs, *(pair for pair in self.shelf.kept if pair[0] not in event.asked)]
        self.models = event.models
        self.session.trusted = self.session.trusted or event.trusted
        draft = self.session.draft
        if draft is None:
            return
        found = self.shelf.find(draft)
        if found is not None:
            self.facts = found.measured.facts
        elif self._may_measure(draft):
            self._measured_by_itself = True
            self.begin_measuring(draft)
        await self.facts_changed()

    def _may_measure(self, draft: Recipe) -> bool:
        """Once, where it costs nothing and nobody has to be asked."""
        free = draft.optimizer is not None and depth_of(draft) == "thorough"
        return free and self.session.trusted and not self.is_measuring and not self._measured_by_itself

    async def facts_changed(self) -> None:
        if self.session.draft is not None:
            self._cost_all_soon(self.session.draft)
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
