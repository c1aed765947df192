"""Candidates as they come, and the proposals that did not become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from ...widgets.empty import Empty
from ...widgets.pane import Pane
from ...widgets.row_list import RowList
from .rows import Step, step_line, steps_of

if TYPE_CHECKING:
    from ...follower import Snapshot


class CandidatesPane(Pane):
    """Newest first."""

    def __init__(self) -> None:
        super().__init__(title="Candidates", id="runs-candidates")
        self._source: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Empty("No candidates yet.", "They come with the first trials.")
        yield RowList[Step](step_line, lambda step: step.key, id="runs-steps")

    @property
    def rows(self) -> RowList[Step]:
        return self.query_one("#runs-steps", RowList)

    def show(self, snapshot: Snapshot) -> None:
        state = snapshot.state
        source = (snapshot.path, state.candidates, state.proposals, state.best.candidate, state.baseline)
        if all(old is new for old, new in zip(self._source, source, strict=False)) and self._source:
            return
        self._source = source
        steps = steps_of(state)
        self.query_one(Empty).display = not steps
        self.rows.display = bool(steps)
        self.rows.put(steps, sticky_top=True)
        rejected = sum(proposal.accepted is False for proposal in state.proposals)
        accepted = sum(proposal.accepted is True for proposal in state.proposals)
        told = f"{len(state.candidates)}"
        if accepted or rejected:
            told += f" · proposals: {accepted} accepted, {rejected} rejected"
        self.name_pane("Candidates", told)
