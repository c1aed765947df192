"""The Runs place: every run of the workspace, and the chosen one as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual import on, work
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget

from core.errors import CompilotError
from core.runs.listing import RunSummary
from core.runs.reduce import FINAL
from core.runs.shelf import RunShelf

from ..follower import RunReader, Snapshot, unreadable
from ..panes.runs.calls import CallsPane
from ..panes.runs.candidates import CandidatesPane
from ..panes.runs.list import RunList
from ..panes.runs.log import LogPane
from ..panes.runs.openings import RunOpenings
from ..panes.runs.progress import ProgressPane
from ..panes.runs.spend import SpendPane
from ..panes.runs.strip import ViewStrip, choose_panes
from ..widgets.empty import Empty
from ..widgets.line_view import LineView
from ..widgets.problem import Problem

LIVE_SECONDS = 0.5
"""Between two looks at a living run."""
REST_SECONDS = 1.0
"""Between two looks at one that has ended, which somebody may resume."""
LIST_SECONDS = 2.0
_PANES = ("progress", "spend", "candidates", "calls", "log")


class RunsScreen(RunOpenings):
    """Reads in threads; a snapshot of the chosen run is shown twice a second."""

    PLACE = "runs"
    CSS_PATH = "runs.tcss"

    class Listed(Message):
        """The runs there are."""

        def __init__(self, runs: list[RunSummary]) -> None:
            super().__init__()
            self.runs = runs

    class Followed(Message):
        """The chosen run has news."""

        def __init__(self, snapshot: Snapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    class Looked(Message):
        """The chosen run was looked at; what is wrong with it, if anything."""

        def __init__(self, problem: CompilotError | None) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self.view = "progress"
        self.snapshot: Snapshot | None = None
        self._path: Path | None = None
        self._runs: list[RunSummary] = []
        self._wanted: str | None = None
        """The run to choose once it is listed."""
        self._look_now = asyncio.Event()

    def compose_body(self) -> Iterable[Widget]:
        yield Empty("No runs yet.", "Press 4 to choose an optimizer and launch one.", id="runs-empty")
        yield Problem(id="runs-unreadable")
        with Horizontal(id="runs-columns"):
            with Vertical(id="runs-left"):
                yield RunList()
                yield SpendPane()
            with Vertical(id="runs-right"):
                yield ProgressPane()
                yield ViewStrip()
                with Horizontal(id="runs-lower"):
                    yield CandidatesPane()
                    yield CallsPane()
                    yield LogPane()

    def on_mount(self) -> None:
        self.query_one("#runs-columns").display = False
        self.query_one("#runs-empty").display = False
        self._lay_out()
        self._list()

    # -- which run, which view ------------------------------------------------------------------------

    async def show(self, **target: Any) -> None:
        if target.get("run"):
            self._wanted = str(target["run"])
            self._choose_wanted()
            self.runs_changed()

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        if "runs" in parts:
            self.runs_changed()

    async def on_screen_resume(self) -> None:
        self.runs_changed()
        self.query_one(CallsPane).catch_up()

    @property
    def chosen_path(self) -> Path | None:
        return self._path

    @property
    def chosen_status(self) -> str:
        if self.snapshot is not None and self.snapshot.path == self._path:
            return self.snapshot.state.status
        return next((run.status for run in self._runs if self._path and run.run_id == self._path.name), "")

    @property
    def chosen_problem(self) -> tuple[str, str]:
        if self.snapshot is None or self.snapshot.path != self._path:
            return "", ""
        return self.snapshot.state.detail, self.snapshot.state.fix

    def runs_changed(self) -> None:
        self._look_now.set()

    def on_resize(self) -> None:
        self.call_after_refresh(self._lay_out)

    def action_next_view(self) -> None:
        self._step_view(1)

    def action_previous_view(self) -> None:
        self._step_view(-1)

    def _step_view(self, step: int) -> None:
        shown, views = choose_panes(self._size_class, self.view)
        now = next((place for place, view in enumerate(views) if view in shown), 0)
        self._show_view(views[(now + step) % len(views)])

    @on(ViewStrip.Chosen)
    def _view_chosen(self, event: ViewStrip.Chosen) -> None:
        self._show_view(event.view)

    def _show_view(self, view: str) -> None:
        inside = self.focused is not None and self.query_one("#runs-right") in self.focused.ancestors
        self.view = view
        self._lay_out()
        if inside:
            pane = self.query_one(f"#runs-{view}")
            first = next((one for one in pane.query("*") if one.can_focus and one.display), None)
            (first or self.query_one(RunList).rows).focus()

    @property
    def _size_class(self) -> str:
        return next((one for one in ("-narrow", "-normal", "-wide") if self.has_class(one)), "-normal")

    def _lay_out(self) -> None:
        shown, views = choose_panes(self._size_class, self.view)
        for name in _PANES:
            self.query_one(f"#runs-{name}").display = name in shown
        self.query_one("#runs-lower").display = bool(shown & {"candidates", "calls", "log"})
        strip = self.query_one(ViewStrip)
        strip.display = self._size_class != "-wide"
        strip.show_views(views, shown)
        self._show_snapshot()
        self.refresh_bindings()

    # -- all runs -------------------------------------------------------------------------------------

    @work(exclusive=True, group="list")
    async def _list(self) -> None:
        shelf = RunShelf(self.session.root)
        while True:
            self._look_now.clear()
            if self.is_current:
                try:
                    self.post_message(self.Listed(await asyncio.to_thread(shelf.read)))
                except OSError as error:
                    self.post_message(self.Looked(unreadable(error, self.session.root)))
            try:
                await asyncio.wait_for(self._look_now.wait(), LIST_SECONDS)
            except TimeoutError:
                continue

    @on(Listed)
    def _put_runs(self, event: Listed) -> None:
        self._runs = event.runs
        some = bool(event.runs)
        columns, empty = self.query_one("#runs-columns"), self.query_one("#runs-empty")
        columns.display, empty.display = some, not some
        pane = self.query_one(RunList)
        pane.put(event.runs, time.time())
        if not some:
            self._choose(None)
            return
        if self._wanted is None and self._path is None:
            self._wanted = event.runs[0].run_id
        self._choose_wanted()
        if pane.rows.cursor is None:
            pane.rows.move_to(0)
        if self.focused is None:
            pane.rows.focus()

    def _choose_wanted(self) -> None:
        if self._wanted is not None and self.query_one(RunList).rows.go_to(self._wanted):
            self._wanted = None
            self._run_moved()

    @on(LineView.Moved, "#runs-rows")
    def _run_moved(self) -> None:
        row = self.query_one(RunList).rows.chosen
        self._choose(self.session.root / ".compilot" / "runs" / row.run.run_id if row is not None else None)

    def _choose(self, path: Path | None) -> None:
        if path == self._path:
            return
        self._path, self.snapshot = path, None
        self.refresh_bindings()
        if path is not None:
            self._follow(path)

    # -- the chosen run -------------------------------------------------------------------------------

    @work(exclusive=True, group="follow")
    async def _follow(self, path: Path) -> None:
        """Read on until another run is chosen; what is read comes back as messages."""
        reader = RunReader(path)
        last: Snapshot | None = None
        while True:
            began = time.monotonic()
            problem: CompilotError | None = None
            snapshot = None
            try:
                snapshot = await asyncio.to_thread(reader.read)
            except CompilotError as error:
                problem = error
            except FileNotFoundError:
                # Deleted a moment ago: the list will tell.
                self.runs_changed()
                return
            except OSError as error:
                problem = unreadable(error, path)
            self.post_message(self.Looked(problem))
            if snapshot is not None:
                last = snapshot
                self.post_message(self.Followed(snapshot))
            elif last is not None and last.state.status in ("running", "stopping"):
                # Nothing new but the time.
                self.post_message(
                    self.Followed(last._replace(now=time.time(), lines=(), output=(), first=False))
                )
            live = last is not None and last.state.status not in FINAL
            if last is not None and not last.settled:
                await asyncio.sleep(0.05)
            else:
                pace = LIVE_SECONDS if live and self.is_current else REST_SECONDS
                await asyncio.sleep(max(0.05, pace - (time.monotonic() - began)))

    @on(Looked)
    def _put_problem(self, event: Looked) -> None:
        self.query_one("#runs-unreadable", Problem).show(event.problem)

    @on(Followed)
    def _put_snapshot(self, event: Followed) -> None:
        if event.snapshot.path != self._path:
            return
        before, self.snapshot = self.snapshot, event.snapshot
        self.query_one(LogPane).show(event.snapshot)
        self._show_snapshot()
        if before is None or before.state.status != event.snapshot.state.status:
            self.refresh_bindings()
            self.runs_changed()

    def _show_snapshot(self) -> None:
        if self.snapshot is not None:
            self.query_one(ProgressPane).show(self.snapshot)
            self.query_one(SpendPane).show(self.snapshot)
            self.query_one(CandidatesPane).show(self.snapshot)
            self.query_one(CallsPane).show(self.snapshot)

    # -- the log ------------------------------------------------------------------

    def action_search(self) -> None:
        if not self.query_one(LogPane).display:
            self._show_view("log")
        self.query_one(LogPane).search()

    def action_find_next(self) -> None:
        self.query_one(LogPane).find(1)

    def action_find_previous(self) -> None:
        self.query_one(LogPane).find(-1)
