"""The Data place over a million rows through a real pty: first rows and paging, against 10,000 rows."""

from __future__ import annotations

import csv
import json
import random
import statistics
import sys
import time
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

pytestmark = pytest.mark.benchmark
FRAME_END = b"\x1b[?2026l"
FRAMES_MAY_BE_WHOLE = "\x1b[?2026;1$y"
"""What a terminal answers that can draw whole frames: their ends can be seen then."""
ROWS = {"large": 1_000_000, "small": 10_000}
COLUMNS = ("id", "message", "label", "score", "team", "note")
CONFIG = """\
[program]
target = "program.py:Program"
[data]
path = "rows.csv"
inputs = ["message"]
[metric]
target = "builtin:exact_match"
[models.student]
model = "embedded/student"
"""
APP = """
import asyncio, json, sys, time
began = time.perf_counter()
from pathlib import Path
from tui.app import CompilotApp
from tui.settings import Settings
from tui.widgets.paged_table import RowTable

async def watch(pilot):
    ready = time.perf_counter()
    while not (found := pilot.app.screen.query(RowTable)) or found.first().line is None:
        await asyncio.sleep(0.005)
    first, table = time.perf_counter(), found.first()
    await asyncio.sleep(2)
    shown, asked = table.source, time.perf_counter()
    await pilot.app.go("data", file="again.csv")
    while table.source is shown or table.line is None:
        await asyncio.sleep(0.005)
    opened = time.perf_counter() - asked
    heavy = [name for name in ("polars", "pandas", "dspy", "litellm") if name in sys.modules]
    numbers = {"start": ready - began, "rows": first - ready, "opened": opened, "heavy": heavy}
    Path(sys.argv[2]).write_text(json.dumps(numbers))

CompilotApp(Path(sys.argv[1]), Settings(theme="dark")).run(mouse=False, auto_pilot=watch)
"""


PLAIN = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
from rich.segment import Segment
from textual.app import App
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

class Plain(ScrollView, can_focus=True):
    BINDINGS = [("pagedown", "page_down"), ("pageup", "page_up"), ("j", "line")]
    def on_mount(self):
        self.virtual_size = Size(110, 1_000_000)
    def action_page_down(self):
        self.scroll_to(y=self.scroll_offset.y + 40, animate=False)
    def action_page_up(self):
        self.scroll_to(y=self.scroll_offset.y - 40, animate=False)
    def action_line(self):
        self.refresh_line(self.scroll_offset.y)
    def render_line(self, y):
        return Strip([Segment(f" {self.scroll_offset.y + y:>8} cell {n:<9}") for n in range(5)])

async def watch(pilot):
    start = time.perf_counter() - began
    Path(sys.argv[2]).write_text(json.dumps({"start": start, "rows": 0, "opened": 0, "heavy": []}))

class Empty(App):
    def compose(self):
        yield Plain()

Empty().run(mouse=False, auto_pilot=watch)
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    chance = random.Random(0)
    words = ["alpha", "beta", "gamma", "delta,", "epsilon", '"zeta"', "eta", "theta"]
    found = {}
    for name, rows in ROWS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "compilot.toml").write_text(CONFIG)
        with (folder / "rows.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for i in range(rows):
                text = " ".join(chance.choices(words, k=8))
                writer.writerow((i, text, chance.choice("abc"), chance.random(), i % 9, f"n{i % 1000}"))
        (folder / "again.csv").hardlink_to(folder / "rows.csv")
        found[name] = folder
    return found


def open_terminal(code: str, folder: Path, report: Path) -> Terminal:
    script = report.with_suffix(".py")
    script.write_text(code)
    return Terminal([sys.executable, str(script), str(folder), str(report)])


def seconds_to_frame(terminal: Terminal, key: str) -> float:
    """From a key to the end of the first frame that it changed; later ones are waited out."""
    start, before = time.perf_counter(), len(terminal.bytes)
    terminal.press(key)
    terminal.read(2.0, lambda: FRAME_END in terminal.bytes[before:])
    seconds = time.perf_counter() - start
    terminal.settle(0.15)
    return seconds


def wait_for_rows(terminal: Terminal, report: Path) -> dict[str, object]:
    end = time.monotonic() + 60
    while not report.exists() or not report.read_text():
        assert time.monotonic() < end, "no rows within a minute"
        terminal.settle(0.02)
    return dict(json.loads(report.read_text()))


def measure(code: str, folder: Path, report: Path) -> dict[str, float]:
    with open_terminal(code, folder, report) as terminal:
        seen = wait_for_rows(terminal, report)
        assert seen["heavy"] == []
        cached = folder / ".compilot" / "cache"
        end = time.monotonic() + 120
        while code is APP and not list(cached.glob("*.json")) and time.monotonic() < end:
            terminal.settle(0.2)
        terminal.press(FRAMES_MAY_BE_WHOLE)
        terminal.settle(1.0)
        pages = [seconds_to_frame(terminal, "pagedown") for _ in range(40)]
        back = [seconds_to_frame(terminal, "pageup") for _ in range(20)]
        rows = [seconds_to_frame(terminal, "j") for _ in range(20)]
        terminal.settle(1.0)
        return {
            "start": float(str(seen["start"])) * 1e3,
            "first rows after it": float(str(seen["rows"])) * 1e3,
            "another file": float(str(seen["opened"])) * 1e3,
            "page down": statistics.median(pages) * 1e3,
            "page up": statistics.median(back) * 1e3,
            "one row": statistics.median(rows) * 1e3,
            "idle bytes": float(terminal.settle(2.0)),
        }


def test_a_million_rows_page_like_ten_thousand(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = measure(PLAIN, tmp_path, tmp_path / "plain_report.json")
    found = {name: measure(APP, folder, tmp_path / f"{name}.json") for name, folder in folders.items()}
    with capsys.disabled():
        print("\n  milliseconds, median, on a pty of 120 × 40")
        for name, numbers in {"plain lines": plain, **found}.items():
            told = ", ".join(f"{what} {value:.1f}" for what, value in numbers.items())
            print(f"  {ROWS.get(name, name)} rows: {told}")
        ratio = found["large"]["page down"] / found["small"]["page down"]
        cost = found["large"]["page down"] / plain["page down"]
        print(f"  page down, large against small: {ratio:.2f}×; against plain lines: {cost:.2f}×")
    assert found["large"]["another file"] <= 300
    assert found["large"]["first rows after it"] <= max(300, 20 * plain["page down"])
    assert ratio <= 1.5
    assert cost <= 2
    assert found["large"]["idle bytes"] == 0
