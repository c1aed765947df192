"""Pictures of the Data place: empty, filled, waiting, in trouble; two sizes. Everything in them is fixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.workspace import Workspace
from tests.tui.screens.waiting import finish_work, screen_text, until
from tui.app import CompilotApp
from tui.panes.data.profile import ProfilePane
from tui.panes.data.table import TablePane
from tui.settings import Settings

SIZES = ((80, 24), (140, 44))
Snap = Callable[..., bool]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("triage", tmp_path / "triage")


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


def open_app(workspace: Workspace) -> CompilotApp:
    return CompilotApp(workspace.root, Settings(theme="dark"))


def go(*keys: str, seen: str, surveyed: bool = True) -> Callable[[Pilot[None]], Any]:
    """Wait for the data, press keys, and wait for what must be in the picture."""

    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.screen.query(ProfilePane))
        if surveyed:
            await until(pilot, lambda: pilot.app.screen.query_one(ProfilePane).survey is not None)
            await until(pilot, lambda: "train" in screen_text(pilot))
        if keys:
            table = pilot.app.screen.query_one(TablePane)
            await until(pilot, lambda: table.source is not None and table.number is not None)
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: seen in screen_text(pilot))
        await finish_work(pilot)
        await pilot.pause(0.2)

    return before


def test_filled(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    before = go("down", "right", seen="FS-1108")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_filtered(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    before = go("slash", *"smoke", "enter", "right", "right", "s", seen="by urgency")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_an_edited_row(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    before = go("right", "right", "e", "home", "enter", "enter", seen="was  low")
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


@pytest.mark.parametrize(
    ("key", "seen"),
    [("p", "53 val examples"), ("c", "3 labels"), ("v", "not frozen")],
    ids=["profile", "columns", "split"],
)
def test_a_pane(snap_compare: Snap, workspace: Workspace, size: tuple[int, int], key: str, seen: str) -> None:
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=go(key, seen=seen))


def test_waiting_to_be_profiled(
    snap_compare: Snap, workspace: Workspace, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.panes.data.opening.AUTO_BYTES", 0)
    before = go("p", seen="press r", surveyed=False)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_empty(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    (workspace.root / "messages.jsonl").write_text("\n")
    before = go(seen="The file has no rows.", surveyed=False)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)


def test_in_trouble(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    (workspace.root / "messages.jsonl").write_bytes(b"PAR1 not parquet")
    before = go(seen="its content is parquet", surveyed=False)
    assert snap_compare(open_app(workspace), terminal_size=size, run_before=before)
