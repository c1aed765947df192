"""Pictures of the Runs place: empty, filled, busy, in trouble; at two sizes. Everything in them is fixed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.runs import events as ev
from core.workspace import Workspace
from tests.support.run_folders import write_run
from tests.support.stories import LEDGER_ROW, ending, story
from tests.tui.screens.waiting import screen_text, until
from tui import follower
from tui.app import CompilotApp
from tui.screens import runs as runs_screen
from tui.settings import Settings

SIZES = ((80, 24), (140, 44))
Snap = Callable[..., bool]
START = 1_793_000_000.0


class Clock:
    """Stands still where the screen reads the time of day."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def time() -> float:
        return START + 72.5


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(runs_screen, "time", Clock)
    monkeypatch.setattr(follower, "time", Clock)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return Workspace.init_sample("router", tmp_path / "router")


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


def open_app(workspace: Workspace) -> CompilotApp:
    return CompilotApp(workspace.root, Settings(theme="dark", notify_title=False))


def go(*keys: str, seen: str) -> Callable[[Pilot[None]], Any]:
    """Open Runs, press keys, and wait for what must be in the picture."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f5")
        await until(pilot, lambda: "No runs" in screen_text(pilot) or "program runs" in screen_text(pilot))
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: seen in screen_text(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, runs_screen.RunsScreen)
        await until(pilot, lambda: (screen.snapshot and screen.snapshot.path) == screen.chosen_path)
        await pilot.pause()

    return before


def busy_story() -> list[ev.Event]:
    """Trials that scored, minibatches, a rejection, calls at speed."""
    events = story()
    for number in range(12):
        events.append(
            ev.EvaluationEnded(
                evaluation=f"m{number}",
                kind="minibatch",
                split="train",
                score=0.4 + 0.05 * (number % 7),
                size=4,
                candidate="cbbbbbbbbbb",
            )
        )
    events += [
        ev.Proposal(
            component="route", text="Too short.", accepted=False, reason="no better on its minibatch"
        ),
        ev.EvaluationStarted(evaluation="e4", kind="full", size=8, candidate="cbbbbbbbbbb"),
    ]
    for step in range(40):
        asked = {**LEDGER_ROW, "asked": 1_410 + 30 * step, "in_flight": 6, "latency_seconds": 0.21}
        events.append(ev.LmCalls(roles={"student": asked}))
    events.append(ev.EvaluationProgress(evaluation="e4", done=5, rollouts=61))
    return events


def fill(workspace: Workspace) -> None:
    write_run(workspace, busy_story(), start=START, owned=True)
    write_run(
        workspace,
        [*story("COPRO"), *ending()],
        run_id="261030-100000-copro-bbbb",
        optimizer="COPRO",
        start=START - 7_200,
    )
    write_run(
        workspace,
        [*story("SIMBA"), *ending("stopped", "budget")],
        run_id="261029-100000-simba-cccc",
        optimizer="SIMBA",
        start=START - 90_000,
    )


def test_empty(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(seen="Press 4"))


def test_busy(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(seen="5/8 rows"))


def test_finished(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    before = go("j", "right_square_bracket", seen="✓ completed")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_log(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    before = go("left_square_bracket", "slash", *"trial 1", "enter", seen="1 × trial 1")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_dead(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    write_run(workspace, busy_story(), start=START)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(seen="press r"))
