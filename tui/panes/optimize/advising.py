"""The part of the Optimize place that advises: ranking, cheaper ways, what the budget buys, dry run."""

from __future__ import annotations

import threading
from pathlib import Path

from textual import on, work
from textual.content import Content

from core.cost.buys import Bought
from core.cost.dry_run import DryRun, DryRunProgress
from core.cost.facts import Measured, depth_of
from core.errors import CompilotError
from core.recipe import Recipe
from core.workbench.desk import Desk

from . import advice
from .checking import Checking
from .cost_pane import CostPane
from .fit import Fit, list_optimizers
from .further import Further, describe_progress, dry_lines, further_lines, look_further, usual_changes
from .jobs import Pair
from .messages import DryRan, DryTold, WasLookedAt, WereRanked, WorkedOut
from .preview import Beside
from .what_if import WhatIf


class Advising(Checking):
    """All of it in threads and children; what is shown belongs to the draft, or is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._fits: tuple[Fit, ...] = ()
        self._seen: advice.Looked | None = None
        self._seen_for: object = None
        self._is_looking = False
        self._further: Further | None = None
        self._is_going_further = False
        self._ranked_for: object = None
        self._dry: tuple[Recipe, DryRun] | None = None
        self._dry_cancel: threading.Event | None = None

    @property
    def fits(self) -> tuple[Fit, ...]:
        """The ranking, or the plain list while nothing was looked at."""
        return self._fits or list_optimizers(self.facts)

    @property
    def is_dry_running(self) -> bool:
        return self._dry_cancel is not None

    @property
    def bought(self) -> Bought | None:
        """What the caps buy, where that is known for the draft."""
        return self._further.bought if self._further and self._further.recipe == self.session.draft else None

    def beside(self) -> Beside:
        draft = self.session.draft
        named: tuple[tuple[str, Content], ...] = ()
        block = Content("")
        if self._further is not None and self._further.recipe == draft:
            named = further_lines(self._further)
        if self._dry is not None and draft is not None and _uncapped(self._dry[0]) == _uncapped(draft):
            block = dry_lines(self._dry[1], self.session.estimate)
        return Beside(named, block)

    def advise_soon(self) -> None:
        """Look at what the ranking rests on, where nobody has to be asked and it is not known yet."""
        draft = self.session.draft
        if draft is None or not self.session.trusted or not self.is_loaded or self._is_looking:
            return
        with_metric = depth_of(draft) == "thorough" or bool(self.shelf.kept)
        wanted = (advice.rests_on(draft), with_metric)
        if wanted == self._seen_for:
            return
        workspace = self.session.workspace
        assert workspace is not None
        self._seen_for, self._is_looking = wanted, True
        self._look_at_it(draft, workspace.root, workspace.state_dir, self.session.desk(), with_metric)

    def work_out(self) -> None:
        """The ranking and what stands beside the estimate, when what they rest on has changed."""
        draft = self.session.draft
        if draft is None:
            return
        pairs = list(self.shelf.kept)
        ranked_for = (self._seen, draft.models, draft.budget, draft.run, len(pairs))
        if self._seen is not None and ranked_for != self._ranked_for:
            self._ranked_for = ranked_for
            self._rank(draft, self._seen, pairs)
        found = self.shelf.find(draft)
        if found is None or draft.optimizer is None or self._is_going_further:
            return
        if self._further is None or self._further.recipe != draft or self._further.measured != found.measured:
            self._is_going_further = True
            self._go_further(draft, found.measured)

    @work(thread=True, exclusive=True, group="optimize.advice", exit_on_error=False)
    def _look_at_it(self, draft: Recipe, root: Path, state_dir: Path, desk: Desk, with_metric: bool) -> None:
        self.post_message(WasLookedAt(advice.look(draft, root, state_dir, desk, with_metric=with_metric)))

    @on(WasLookedAt)
    def _was_looked_at(self, event: WasLookedAt) -> None:
        self._is_looking = False
        self._seen = event.looked
        self.work_out()

    @work(thread=True, exclusive=True, group="optimize.rank", exit_on_error=False)
    def _rank(self, draft: Recipe, looked: advice.Looked, pairs: list[Pair]) -> None:
        self.post_message(WereRanked(advice.rank_optimizers(draft, looked, pairs)))

    @on(WereRanked)
    async def _ranked(self, event: WereRanked) -> None:
        if event.fits != self._fits:
            self._fits = event.fits
            await self.show_draft()

    @work(thread=True, exclusive=True, group="optimize.further", exit_on_error=False)
    def _go_further(self, draft: Recipe, measured: Measured) -> None:
        self.post_message(WorkedOut(look_further(draft, measured)))

    @on(WorkedOut)
    def _worked_out(self, event: WorkedOut) -> None:
        self._further, self._is_going_further = event.further, False
        self.estimate_soon()
        self.work_out()

    @work(exclusive=True, group="optimize.dialog")
    async def action_what_if(self) -> None:
        draft, estimate = self.session.draft, self.session.estimate
        found = self.shelf.find(draft) if draft is not None else None
        if draft is None or found is None or estimate is None:
            self.compilot.say("there are no figures yet: m measures")
            return
        change = await self.app.push_screen_wait(
            WhatIf(draft, found.measured, estimate, usual_changes(draft, found.measured))
        )
        if change is not None:
            changed = change.apply(draft)
            sections = ("data", "models", "optimizer", "run")
            self.change(change.label, **{name: getattr(changed, name) for name in sections})

    def change(self, what: str, **sections: object) -> None:
        """Put a change into the draft; the screen keeps what `u` takes back."""
        self.session.change(**sections)

    @work(exclusive=True, group="optimize.dry-trust")
    async def action_dry_run(self) -> None:
        draft = self.session.draft
        if draft is None or self.is_dry_running or not await self.compilot.trusted():
            return
        if draft.optimizer is None:
            self.compilot.say("choose an optimizer first")
            return
        self._dry_cancel = threading.Event()
        self.say_busy("dry run: starting…, x cancels")
        self.refresh_keys()
        self._run_dry(draft, self.session.root, self._dry_cancel)

    @work(thread=True, exclusive=True, group="optimize.dry", exit_on_error=False)
    def _run_dry(self, draft: Recipe, root: Path, cancel: threading.Event) -> None:
        from core.cost.dry_run import dry_run

        def tell(told: DryRunProgress) -> None:
            self.post_message(DryTold(told))

        try:
            done = DryRan(draft, dry_run(draft, root, on_progress=tell, cancel=cancel))
        except CompilotError as error:
            done = DryRan(draft, error=None if cancel.is_set() else error)
        self.post_message(done)

    @on(DryTold)
    def _dry_told(self, event: DryTold) -> None:
        if self.is_dry_running:
            self.say_busy(describe_progress(event.told))

    @on(DryRan)
    def _dry_ran(self, event: DryRan) -> None:
        self._dry_cancel = None
        pane = self.query_one(CostPane)
        self.say_busy("")
        self.refresh_keys()
        if event.found is not None:
            self._dry = (event.recipe, event.found)
            self.estimate_soon()
        elif event.error is not None:
            pane.show_problem(event.error)

    def nothing_runs(self) -> None:
        self._is_looking = self._is_going_further = False
        self._dry_cancel = None
        super().nothing_runs()

    def action_cancel(self) -> None:
        super().action_cancel()
        if self._dry_cancel is not None:
            self._dry_cancel.set()


def _uncapped(recipe: Recipe) -> object:
    """What a dry run's calls depend on."""
    return recipe.program, recipe.data, recipe.metric, recipe.optimizer, recipe.run.seed
