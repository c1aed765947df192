"""Any two candidates side by side: which they are, and what is shown of them."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.content import Content

from core.errors import CompilotError
from core.recipe import SplitName

from ...widgets.dialogs import Confirm
from ...widgets.fitted import FittedText
from ...widgets.pane import Pane
from ...widgets.views import Views
from .candidates import CandidateTree
from .front import FrontPane
from .loading import BoardView, PairReader, PairView, Target, list_targets, next_target
from .prompt_text import describe_pair
from .rows import RowsPane
from .writing import ResultWriting

SETTLE_SECONDS = 0.12
"""How long a cursor rests before what it is on is read."""


class Pairing(ResultWriting):
    """The candidate of the cursor against the baseline, a parent, or one that was marked in any run."""

    def __init__(self) -> None:
        super().__init__()
        self.board = BoardView()
        self.marked: Target | None = None
        self.pair: PairView | None = None
        self.split: SplitName = "val"
        self.against = "the baseline"
        self.pairs = PairReader()
        self._looked = False

    def show_candidates(self) -> None:
        if self.view is None:
            return
        here = self.marked is not None and self.marked.run == self.view.path
        marked = self.marked.candidate if self.marked is not None and here else ""
        self.query_one(CandidateTree).show(self.view, self.board.pins, marked, self.candidate)
        self.name_views()

    @on(CandidateTree.Chosen)
    def _candidate_under_cursor(self, message: CandidateTree.Chosen) -> None:
        if message.candidate != self.candidate:
            self.candidate = message.candidate
            self.set_timer(SETTLE_SECONDS, self._settle_candidate)

    def _settle_candidate(self) -> None:
        self.show_summary()
        self.load_pair()

    @on(FrontPane.Chosen)
    def _go_to_candidate(self, message: FrontPane.Chosen) -> None:
        self.query_one(CandidateTree).put_cursor(message.candidate)

    @work(exclusive=True, group="pair")
    async def load_pair(self) -> None:
        """Compare what is chosen now; what was chosen before is dropped."""
        view, candidate, split = self.view, self.candidate, self.split
        if view is None or not candidate:
            self.pair = None
            self.show_prompts()
            self.refresh_bindings()
            return
        targets = list_targets(view, candidate, self.marked)
        target = next((one for one in targets if one.label == self.against), targets[0])
        trusted = self.session.trusted
        try:
            self.pair = await asyncio.to_thread(
                lambda: self.pairs.read(target, view, candidate, split, trusted=trusted)
            )
        except CompilotError as error:
            self.tell(error)
            return
        self._show_pair(self.pair)

    def _show_pair(self, pair: PairView) -> None:
        self.show_prompts()
        self.query_one(RowsPane).show(pair)
        views = self.query_one(Views)
        counts = pair.comparison.rows.counts if pair.comparison else {}
        changed = sum(change.status != "same" for change in pair.prompts)
        views.label("view-prompts", f"Prompts ({changed})" if changed else "Prompts")
        views.label("view-rows", f"Rows (+{counts['fixed']} -{counts['broken']})" if counts else "Rows")
        self.name_views()
        self.refresh_bindings()

    def show_prompts(self) -> None:
        pair, none = self.pair, Content("No candidate has come yet.")
        self.query_one("#prompts-text", FittedText).show_fitted(
            lambda width: describe_pair(pair, width) if pair is not None else none
        )

    def name_views(self) -> None:
        pair, state = self.pair, self.busy
        if pair is not None and pair.candidate == self.candidate and not state:
            run = "" if pair.target.run == pair.run else f" of {pair.target.run.name}"
            state = f"against {pair.target.label}{run}, on {pair.split}"
        self.query_one("#results-views", Pane).name_pane(self.candidate or "Results", state)

    def action_against(self) -> None:
        if self.view is None or self.pair is None:
            return
        following = next_target(list_targets(self.view, self.candidate, self.marked), self.pair.target)
        if following == self.pair.target:
            self.compilot.say("nothing else to compare with: m marks a candidate for it")
        self.against = following.label
        self.load_pair()

    def action_mark(self) -> None:
        if self.view is None:
            return
        chosen = Target("the marked one", self.view.path, self.candidate)
        self.marked = None if self.marked == chosen else chosen
        self.against = "the marked one" if self.marked else "the baseline"
        self.show_candidates()
        self.compilot.say(
            "marked: others are compared with it" if self.marked else "compared with the baseline again"
        )

    @work(exclusive=True, group="dialog")
    async def action_split(self) -> None:
        detail = "Each look is remembered. Whoever chooses by these rows has none left to check the choice."
        if self.split == "val" and not self._looked:
            yes = await self.app.push_screen_wait(
                Confirm("Look at the held-out rows?", detail, yes="Look", danger=True)
            )
            if not yes:
                return
            self._looked = True
        self.split = "val" if self.split == "test" else "test"
        self.query_one(Views).go("view-rows")
        self.load_pair()

    def action_next_row(self) -> None:
        self.query_one(RowsPane).step(1)

    def action_previous_row(self) -> None:
        self.query_one(RowsPane).step(-1)

    def action_kind(self) -> None:
        self.query_one(RowsPane).next_kind()
