"""The app beside a run at full speed, through a real pseudo-terminal: bytes, lag, key latency, memory."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core.api import start_run
from core.runs import control
from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.launch import RunHandle
from core.workspace import Workspace
from tests.support.run_folders import write_run
from tests.support.runs import make_recipe, wait_for
from tests.support.stories import ending, story
from tests.support.terminal import ROOT, Terminal, compilot

pytestmark = pytest.mark.benchmark
_TURNS = 4

_WRITER = """
import sys, time
from pathlib import Path
from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.process import describe_self
folder = RunFolder(Path(sys.argv[1]))
rate, seconds = int(sys.argv[2]), float(sys.argv[3])
folder.write_owner(describe_self(1))
log = ev.EventLog(folder.events)
start = time.monotonic()
number = 0
while (now := time.monotonic() - start) < seconds:
    while number < now * rate:
        number += 1
        if number % 20 == 0:
            log.emit(ev.EvaluationProgress(evaluation="e3", done=number % 4, rollouts=number))
        else:
            log.emit(ev.LogLine(message=f"tick {number} of {int(time.time() * 1000)} is told"))
    time.sleep(0.005)
time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


def launch(workspace: Workspace) -> RunHandle:
    """Embedded models at full speed, for as long as it takes."""
    workspace.prepare()
    recipe = make_recipe(workspace.root, "GEPA", {"max_metric_calls": 1_000_000}, budget={"minutes": 5})
    run = start_run(recipe, workspace.root)
    wait_for(run, lambda state: state.trial is not None and state.trial > 1)
    return run


def go_to_runs(terminal: Terminal, seen: str) -> float:
    """Seconds until the place shows this text. Keys that come while the app starts may get lost."""
    began = time.perf_counter()
    for _ in range(20):
        terminal.press("5")
        try:
            terminal.until(seen, 5)
            return time.perf_counter() - began
        except AssertionError:
            continue
    raise AssertionError(terminal.text())


def latencies(terminal: Terminal) -> list[float]:
    """Milliseconds from a letter typed into the log's search to its echo; each letter comes once."""
    terminal.press("/")
    terminal.wait_for("log")
    times = []
    for letter in "αβγδεζηθικλμνξοπρστυφχψω":
        terminal.read(0.11)
        terminal.press(letter)
        times.append(1_000 * terminal.wait_for(letter))
    terminal.press("\x1b")
    terminal.settle(0.5)
    return times


def test_bytes_and_keys_beside_a_run_at_full_speed(workspace: Workspace, home: Path) -> None:
    """The same screen in turns: its run paused, its run at full speed, so that both meet the same machine."""
    # Long ago, so that its age does not change meanwhile.
    write_run(workspace, [*story(), *ending()], start=time.time() - 300_000)
    with Terminal(compilot(workspace.root), home=home) as terminal:
        terminal.until("messages.jsonl")
        go_to_runs(terminal, "full")
        terminal.read(6)
        idle = len(terminal.read(10)) / 10
    run = launch(workspace)
    still: list[float] = []
    busy: list[float] = []
    try:
        with Terminal(compilot(workspace.root), home=home) as terminal:
            terminal.until("messages.jsonl")
            go_to_runs(terminal, "threads")
            terminal.read(4)
            before = terminal.cpu_seconds
            live = len(terminal.read(20)) / 20
            used = (terminal.cpu_seconds - before) / 20
            for _ in range(_TURNS):
                control.pause(run.folder)
                wait_for(run, lambda state: state.status == "paused")
                terminal.read(2)
                still += latencies(terminal)
                control.resume(run.folder)
                wait_for(run, lambda state: state.status == "running")
                terminal.read(2)
                busy += latencies(terminal)
    finally:
        control.kill(run.folder)
    print(
        f"\nidle screen {idle:.0f} B/s · live at full speed {live / 1024:.1f} KiB/s, "
        f"{100 * used:.0f} % of a core\nkey, quartiles of {len(busy)} in ms: {show(still)} while the run is "
        f"paused · {show(busy)} at full speed: "
        f"{statistics.median(busy) / statistics.median(still):.2f}× at the median"
    )
    assert idle == 0
    assert live < 30 * 1024
    assert used < 0.15
    assert statistics.median(busy) <= 1.3 * statistics.median(still)


def show(times: list[float]) -> str:
    return " / ".join(f"{one:.1f}" for one in statistics.quantiles(times))


def test_a_thousand_events_a_second(workspace: Workspace, home: Path) -> None:
    folder = write_run(workspace, story(), owned=False)
    seconds = 20
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WRITER), str(folder.path), "1000", str(seconds)], cwd=ROOT
    )
    try:
        with Terminal(compilot(workspace.root), home=home) as terminal:
            terminal.until("messages.jsonl")
            go_to_runs(terminal, "is told")
            lags = []
            cpu_before, began = terminal.cpu_seconds, time.time()
            while time.time() - began < seconds - 8:
                terminal.read(0.5)
                shown = max(
                    int(found) for found in re.findall(rb"tick \d+ of (\d+)", terminal.bytes[-40_000:])
                )
                lags.append(time.time() - shown / 1_000)
            used = (terminal.cpu_seconds - cpu_before) / (time.time() - began)
            terminal.read(4)
            rate = len(terminal.read(3)) / 3
    finally:
        writer.kill()
        writer.wait()
    print(
        f"\n1,000 events a second: what is on screen is {statistics.median(lags):.2f} s old "
        f"(at most {max(lags):.2f}) · {100 * used:.0f} % of a core · {rate / 1024:.1f} KiB/s at the end"
    )
    assert statistics.median(lags) < 1.5
    assert lags[-1] < 3


def test_memory_after_a_hundred_thousand_lines(workspace: Workspace, home: Path) -> None:
    chatter = [
        ev.LogLine(
            message=f"iteration {number}: the quick brown fox was asked about its tickets, and answered"
        )
        for number in range(100_000)
    ]
    folder: RunFolder = write_run(
        workspace, [*story(), *chatter, ev.LogLine(message="the very last")], owned=True
    )
    with Terminal(compilot(workspace.root), home=home) as terminal:
        terminal.until("messages.jsonl")
        terminal.read(2)
        before = terminal.memory_mib
        seconds = go_to_runs(terminal, "the very last")
        terminal.read(3)
        after = terminal.memory_mib
    size = folder.events.stat().st_size / (1 << 20)
    print(
        f"\n100,000 log lines ({size:.0f} MiB of events) on screen after {seconds:.1f} s · "
        f"memory {before:.0f} → {after:.0f} MiB"
    )
    assert after < 150
