"""The app's first frame beside an empty Textual app's, and what an idle screen sends; through a real pty."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from core.workspace import Workspace
from tests.support.results import make_result_run
from tests.support.terminal import Terminal, compilot

pytestmark = pytest.mark.benchmark
PAIRS = 7
MOST = 1.4
IDLE_SECONDS = 5.0
EMPTY = """
from textual.app import App
from textual.widgets import Footer, Header, Static

class Empty(App):
    def compose(self):
        yield Header()
        yield Static("the first frame")
        yield Footer()

Empty().run(mouse=False)
"""


class Start(NamedTuple):
    """Until the first frame was sent."""

    wall: float
    cpu: float
    rows: float | None = None
    """Until the first row of the data was sent."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


def start(command: list[str], home: Path, first: str, row: str | None = None) -> Start:
    with Terminal(command, home=home) as terminal:
        terminal.wait_for(first)
        wall, cpu = time.perf_counter() - terminal.started, terminal.cpu_seconds
        rows = None
        if row is not None:
            terminal.until(row)
            rows = time.perf_counter() - terminal.started
        return Start(wall, cpu, rows)


def test_first_frame(workspace: Workspace, home: Path, tmp_path: Path) -> None:
    script = tmp_path / "empty.py"
    script.write_text(EMPTY)
    empty, app = [sys.executable, str(script)], compilot(workspace.root)
    start(empty, home, "the first frame")
    start(app, home, "1 Data", "HD-2041")
    pairs = [
        (start(empty, home, "the first frame"), start(app, home, "1 Data", "HD-2041")) for _ in range(PAIRS)
    ]
    wall, cpu = (
        [statistics.median(getattr(pair[side], what) for pair in pairs) for side in (0, 1)]
        for what in ("wall", "cpu")
    )
    rows = statistics.median(pair[1].rows or 0.0 for pair in pairs)
    print(
        f"\nfirst frame, median of {PAIRS}: {1e3 * wall[1]:.0f} ms beside {1e3 * wall[0]:.0f} ms "
        f"of an empty app ({wall[1] / wall[0]:.2f}×); CPU {1e3 * cpu[1]:.0f} ms beside {1e3 * cpu[0]:.0f} ms "
        f"({cpu[1] / cpu[0]:.2f}×); first row of the data after {1e3 * rows:.0f} ms"
    )
    assert wall[1] / wall[0] <= MOST
    assert cpu[1] / cpu[0] <= MOST


def test_idle_screens_send_nothing(workspace: Workspace, home: Path) -> None:
    make_result_run(workspace)
    sent = {}
    with Terminal(compilot(workspace.root), home=home) as terminal:
        terminal.until("1 Data")
        for place in range(1, 7):
            terminal.press(f"f{place}")
            terminal.settle(2.0, 60.0)
            sent[place] = len(terminal.read(IDLE_SECONDS))
    print(f"\nbytes sent in {IDLE_SECONDS:g} s, by place: {sent}")
    assert set(sent.values()) == {0}
