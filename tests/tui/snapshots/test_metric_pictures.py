"""Pictures of the Metric place, from untested to broken, at two sizes. Everything in them is fixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.findings import Evidence, Finding
from core.metrics.verdict import Verdict
from core.workspace import Workspace
from tests.support.results import MESSAGES
from tests.tui.screens.waiting import screen_text, until
from tui.app import CompilotApp
from tui.panes.metric.judged import JudgedRow
from tui.panes.metric.rows_pane import RowsPane
from tui.screens.metric import MetricScreen
from tui.settings import Settings

SIZES = ((80, 24), (140, 44))
Snap = Callable[..., bool]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "router")


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


def open_app(workspace: Workspace) -> CompilotApp:
    return CompilotApp(workspace.root, Settings(theme="dark"))


def showing(
    seen: str, *keys: str, prepare: Callable[[MetricScreen], None] | None = None, first: str = "routed_right("
) -> Callable[[Pilot[None]], Any]:
    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: first in screen_text(pilot))
        if prepare is not None:
            assert isinstance(pilot.app.screen, MetricScreen)
            prepare(pilot.app.screen)
            await pilot.pause()
        await pilot.press(*keys)
        await until(pilot, lambda: seen in screen_text(pilot))
        await pilot.pause()

    return before


def judged() -> list[JudgedRow]:
    rows = []
    for number, (message, team) in enumerate(MESSAGES):
        right = number % 3 != 1
        verdict = (
            Verdict(None, error="KeyError: 'team'")
            if number == 4
            else Verdict(
                float(right), "Correct." if right else f"Wrong team: expected '{team}', got 'facilities'."
            )
        )
        answer = {"team": team if right else "facilities"}
        where = "metrics.py:8 in routed_right" if number == 4 else ""
        rows.append(JudgedRow(number, {"message": message}, {"team": team}, answer, "", verdict, where))
    return rows


def test_untested(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=showing("No rows are scored"))


def test_tested(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    def test(screen: MetricScreen) -> None:
        pane = screen.query_one(RowsPane)
        pane.say("8 answers of the program, asked at 12:00")
        pane.show_rows(judged())

    before = showing("1 errored", "tab", prepare=test)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_findings(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    def find(screen: MetricScreen) -> None:
        evidence = Evidence(4, expected="purchasing", score=0.0, detail="KeyError")
        screen.examined = [
            Finding(
                "fail",
                "metric.raises",
                "The metric raised KeyError: 'team' (1 of 8 rows).",
                "metrics.py:8",
                "mend that line",
                (evidence,),
            ),
            Finding(
                "warn", "metric.no_feedback", "It gives no feedback.", "metrics.py:6", "say what is wrong"
            ),
        ]
        screen.examined_digest = ""
        screen.show_findings()

    before = showing("fix  mend that line", "right_square_bracket", prepare=find)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_busy(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    def busy(screen: MetricScreen) -> None:
        screen.show_busy("scoring… row 5 of 12, 2 s, x cancels")

    assert snap_compare(
        open_app(workspace), terminal_size=size, run_before=showing("x cancels", prepare=busy)
    )


def test_broken(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    before = showing("line 6: expected ':'", "e", "end", "backspace")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_missing(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    workspace.write_config({"metric": {"target": "builtin:composite"}})
    before = showing("no source to copy", first="no source to copy")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)
