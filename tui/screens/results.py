"""The Results place: runs ranked, where their candidates came from, and any two of them side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual import events, on, work
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane

from core.errors import CompilotError, RunError
from core.results.pins import toggle_pin

from ..panes.results.board import LIVE, RunBoard
from ..panes.results.candidates import CandidateTree, LineageTree
from ..panes.results.front import FrontPane
from ..panes.results.loading import BoardReader, PairReader, has_news, load_run
from ..panes.results.pairing import SETTLE_SECONDS, Pairing
from ..panes.results.rows import RowsPane
from ..panes.results.summary import describe_problems, describe_run
from ..widgets.empty import Empty
from ..widgets.fitted import FittedText
from ..widgets.line_view import LineView
from ..widgets.pane import Pane
from ..widgets.problem import Problem
from ..widgets.views import Views

_LOOK_SECONDS = 4.0
"""How often live runs are read again."""


class ResultsScreen(Pairing):
    """Reads files only; code of the folder runs for exports and scorings, in child processes."""

    PLACE = "results"
    CSS_PATH = "results.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._reader: BoardReader | None = None
        self._wanted: tuple[str, str] = ("", "")
        self._told_of_board = False

    def compose_body(self) -> Iterable[Widget]:
        yield Empty("No runs yet.", "Press 4 to choose an optimizer and launch one.", id="results-empty")
        yield Problem(id="results-problem")
        with Horizontal(id="results-columns"):
            with Vertical(id="results-left"):
                yield RunBoard()
                yield CandidateTree()
            with Pane(title="Results", id="results-views"), Views(initial="view-summary"):
                with TabPane("Summary", id="view-summary"):
                    yield FittedText(id="summary-text")
                with TabPane("Prompts", id="view-prompts"):
                    yield FittedText(id="prompts-text")
                with TabPane("Rows", id="view-rows"):
                    yield RowsPane()
                with TabPane("Front", id="view-front"):
                    yield FrontPane()

    def on_mount(self) -> None:
        self.query_one("#results-columns").display = False
        self.query_one("#results-empty").display = False
        self.set_interval(_LOOK_SECONDS, self._look_again)
        self.read_board()

    async def show(self, **target: Any) -> None:
        self._wanted = str(target.get("run") or ""), str(target.get("candidate") or "")
        self.read_board()

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        if parts & {"runs", "config"}:
            self.read_board()

    def copied_text(self) -> str | None:
        active = self.query_one(Views).active
        if active == "view-rows":
            return self.query_one(RowsPane).copied() or None
        if active == "view-prompts" and self.pair is not None:
            return "\n\n".join(change.instructions for change in self.pair.prompts) or None
        return self.query_one("#summary-text", FittedText).text.plain or None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("against", "split"):
            return self.pair is not None
        if action in ("next_row", "previous_row", "kind"):
            return self.pair is not None and self.query_one(Views).active == "view-rows"
        if action in ("export", "score"):
            return bool(self.candidate) and not self.busy
        if action == "cancel":
            return self.cancellable
        if action in ("mark", "pin", "program"):
            return bool(self.candidate)
        if action in ("report", "watch", "next_view", "previous_view"):
            return self.view is not None
        return True

    # The runs

    def action_refresh(self) -> None:
        self._reader = None
        self.pairs = PairReader()
        self.read_board()

    def _look_again(self) -> None:
        if self.is_current and any(place.entry.status in LIVE for place in self.board.places):
            self.read_board()

    @work(exclusive=True, group="board")
    async def read_board(self) -> None:
        workspace = self.session.workspace
        if workspace is None:
            self.tell(self.session.problem)
            return
        if self._reader is None or self._reader.workspace.root != workspace.root:
            self._reader = BoardReader(workspace)
        try:
            self.board = await asyncio.to_thread(self._reader.read)
        except CompilotError as error:
            self.tell(error)
            return
        problem = self._find_wanted() or describe_problems(self.board.problems)
        if problem is not None or self._told_of_board:
            # What an export said stays until the next one.
            self.tell(problem)
        self._told_of_board = problem is not None
        filled = bool(self.board.places)
        self.query_one("#results-columns").display = filled
        self.query_one("#results-empty").display = not filled
        if filled:
            self._show_board()

    def _find_wanted(self) -> CompilotError | None:
        """Why the run that was asked for cannot be shown."""
        run, _ = self._wanted
        if not run or any(place.entry.run_id == run for place in self.board.places):
            return None
        self._wanted = "", ""
        return RunError(f"there is no run {run}", where=str(self.session.root), fix="choose one of the list")

    def _show_board(self) -> None:
        board = self.query_one(RunBoard)
        board.show(self.board)
        if self._wanted[0]:
            board.runs.go_to(self._wanted[0])
        if board.runs.cursor is None:
            board.runs.move_to(0)
        if self.screen.focused is None:
            board.runs.focus()
        self._choose_run()

    @on(LineView.Moved, "#board-runs")
    def _run_under_cursor(self) -> None:
        self.set_timer(SETTLE_SECONDS, self._choose_run)

    @on(LineView.Opened, "#board-runs")
    def _go_to_candidates(self) -> None:
        self.query_one(LineageTree).focus()

    def _choose_run(self) -> None:
        place = self.query_one(RunBoard).runs.chosen
        if place is None:
            return
        if self.view is not None and not self._wanted[1] and not has_news(self.view.entry, place.entry):
            return
        self._load_run(self.session.root / ".compilot" / "runs" / place.entry.run_id)

    @work(exclusive=True, group="run")
    async def _load_run(self, path: Path) -> None:
        try:
            view = await asyncio.to_thread(load_run, path)
        except CompilotError as error:
            self.tell(error)
            return
        before, self.view = self.view, view
        wanted, self._wanted = self._wanted[1], ("", "")
        nodes = view.lineage.nodes
        # Who looks at the best so far goes on looking at the best.
        stays = before is not None and before.path == path and before.state.best.candidate != self.candidate
        kept = self.candidate if stays else ""
        self.candidate = next(
            (one for one in (wanted, kept, view.state.best.candidate, *nodes) if one and one in nodes), ""
        )
        self.query_one(FrontPane).show(view)
        self.show_candidates()
        self.show_summary()
        self.load_pair()

    def show_summary(self) -> None:
        if self.view is None:
            return
        place = next((p for p in self.board.places if p.entry.run_id == self.view.path.name), None)
        view, told = self.view, self.told.get((self.view.path, self.candidate), {})
        self.query_one("#summary-text", FittedText).show_fitted(
            lambda width: describe_run(view, place, width, list(told.values()))
        )
        self.refresh_bindings()

    # Going on

    def action_next_view(self) -> None:
        self.query_one(Views).step(1)

    def action_previous_view(self) -> None:
        self.query_one(Views).step(-1)

    @on(TabbedContent.TabActivated)
    def _view_changed(self) -> None:
        self.refresh_bindings()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # On a small terminal what is read gets the room that the lists do not need then.
        self.set_class(self.query_one(Views) in event.widget.ancestors, "-reading")

    async def action_pin(self) -> None:
        workspace = self.session.workspace
        if workspace is None or self.view is None:
            return
        key = self.view.path.name, self.candidate
        try:
            pinned = await asyncio.to_thread(toggle_pin, workspace.store, *key)
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self.board = self.board._replace(pins=self.board.pins | {key} if pinned else self.board.pins - {key})
        self.show_candidates()

    async def action_program(self) -> None:
        if self.view is not None:
            await self.compilot.go("program", state=f"{self.view.path.name}/{self.candidate}")

    async def action_watch(self) -> None:
        if self.view is not None:
            await self.compilot.go("runs", run=self.view.path.name)

    def tell(self, error: CompilotError | None) -> None:
        self.query_one("#results-problem", Problem).show(error)
