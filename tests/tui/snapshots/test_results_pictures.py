"""Pictures of the Results place: empty, filled, busy, in trouble; at two sizes, with fixed inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.errors import RunError
from core.runs.folder import RunFolder
from core.runs.process import describe_self
from core.workspace import Workspace
from tests.support.results import CHILD, make_result_run
from tests.tui.screens.waiting import finish_work, screen_text, until
from tui.app import CompilotApp
from tui.screens.results import ResultsScreen
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


def go(*keys: str, seen: str) -> Callable[[Pilot[None]], Any]:
    """Open Results, press keys, and wait for what must be in the picture."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f6")
        await until(pilot, lambda: "on val" in screen_text(pilot) or "No runs" in screen_text(pilot))
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: seen in screen_text(pilot))
        await settle(pilot)

    return before


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is read any more and the picture stands still."""
    await finish_work(pilot)
    seen: list[str] = []

    def still() -> bool:
        seen.append(screen_text(pilot))
        return len(seen) > 5 and len(set(seen[-5:])) == 1

    await until(pilot, still)


def fill(workspace: Workspace) -> None:
    make_result_run(workspace, demos=[{"message": "The mouse is dead.", "team": "devices"}], errored=[2])
    make_result_run(
        workspace, "261102-100000-simba-bbbb", optimizer="SIMBA", best=CHILD, started=1.761e9, seconds=4000.0
    )
    make_result_run(workspace, "261001-100000-copro-cccc", optimizer="COPRO", data="e" * 16, started=1.75e9)


def test_empty(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(seen="Press 4"))


def test_summary(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(seen="held out"))


def test_prompts(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    before = go("right_square_bracket", "tab", "tab", seen="Instructions")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_rows(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    before = go("right_square_bracket", "right_square_bracket", "tab", "tab", seen="row 1  fixed")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_front(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)
    before = go("left_square_bracket", "tab", "tab", seen="rows + objectives")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_busy(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    """A run that goes on, while another candidate is exported."""
    run = make_result_run(workspace, ended=False)
    RunFolder(run).write_owner(describe_self(1))

    async def before(pilot: Pilot[None]) -> None:
        await go(seen="running")(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ResultsScreen)
        screen.busy = "exporting and verifying… 3 s"
        screen.name_views()
        screen.refresh_bindings()
        await settle(pilot)

    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_error(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    fill(workspace)

    async def before(pilot: Pilot[None]) -> None:
        await go(seen="held out")(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ResultsScreen)
        screen.tell(
            RunError(
                "the export folder holds other files", where="exports: mine.txt", fix="choose an empty folder"
            )
        )
        await settle(pilot)

    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)
