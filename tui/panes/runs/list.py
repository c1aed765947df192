"""The runs of the workspace, live ones first."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from core.runs.listing import RunSummary
from core.runs.reduce import FINAL

from ...widgets.board import Board
from ...widgets.pane import Pane
from ...widgets.row_list import RowList
from .rows import RunRow, age, run_heading, run_line


class RunList(Pane):
    """The cursor chooses the run that everything else is about."""

    def __init__(self) -> None:
        super().__init__(title="Runs", id="runs-list")

    def compose(self) -> ComposeResult:
        yield Board(id="runs-heading")
        yield RowList[RunRow](run_line, lambda row: row.run.run_id, id="runs-rows")

    @property
    def rows(self) -> RowList[RunRow]:
        return self.query_one("#runs-rows", RowList)

    def put(self, runs: Sequence[RunSummary], now: float) -> None:
        """Show these runs, ages as of `now`."""
        self.rows.put([RunRow(run, age(now - run.started) if run.started else "") for run in runs])
        live = sum(run.status not in FINAL and run.status != "damaged" for run in runs)
        self.name_pane("Runs", f"{live} live of {len(runs)}" if live else f"{len(runs)}")

    def on_resize(self) -> None:
        rows = self.rows
        self.query_one(Board).show([run_heading(rows.line_width or self.content_size.width)])
