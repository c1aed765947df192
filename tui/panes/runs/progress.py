"""Where the chosen run stands: status, bar, what goes on, scores, chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from core.errors import RunError

from ...widgets.board import Board
from ...widgets.pane import Pane
from ...widgets.problem import Problem
from .progress_lines import history_lines, progress_lines
from .series import series_of
from .spend_lines import summary_lines

if TYPE_CHECKING:
    from ...follower import Snapshot


class ProgressPane(Pane):
    """On a narrow screen it also tells in short what is spent."""

    def __init__(self) -> None:
        super().__init__(title="Progress", id="runs-progress")
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        # Drawing needs numpy: only this place pays for it.
        from ...widgets.score_chart import ScoreChart

        yield Board(id="runs-position")
        yield Board(id="runs-spent")
        yield Problem(id="runs-problem")
        yield ScoreChart(id="runs-chart")

    def show(self, snapshot: Snapshot) -> None:
        from ...widgets.score_chart import ScoreChart

        self._snapshot = snapshot
        width = self.content_size.width
        if not width:
            return
        board = self.query_one("#runs-position", Board)
        narrow = self.screen.has_class("-narrow")
        board.show(
            [*progress_lines(snapshot, width), *(history_lines(snapshot.state, width) if narrow else [])]
        )
        self.query_one("#runs-spent", Board).show(summary_lines(snapshot, width) if narrow else [])
        self.query_one(Problem).show(problem_of(snapshot))
        self.query_one(ScoreChart).show(series_of(snapshot.state), snapshot.path.name)
        self.name_pane(f"{snapshot.optimizer} · {snapshot.path.name}")

    def on_resize(self) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot)


def problem_of(snapshot: Snapshot) -> RunError | None:
    """What a person must know of a run that did not end well."""
    state = snapshot.state
    if state.status not in ("failed", "dead"):
        return None
    what = state.detail or ("its process is gone" if state.status == "dead" else "the run failed")
    where = state.where or "/".join(snapshot.path.parts[-3:])
    fix = "press r: it goes on where it was, nothing is paid twice"
    if state.fix and state.status != "dead":
        fix = state.fix if "resume" in state.fix else f"{state.fix}; then press r"
    return RunError(what, where=where, fix=fix)
