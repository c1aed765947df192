"""The whole way in the app, by keys alone: an empty folder at the start, a deployed program at the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from core.runs.follow import load_state
from core.runs.listing import run_folders
from core.runs.reduce import RunState
from tests.tui.screens.waiting import screen_text, until
from tui.app import CompilotApp
from tui.settings import Settings

pytestmark = pytest.mark.slow
SIZE = (140, 44)


async def test_from_an_empty_folder_to_a_deployed_program(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    async with CompilotApp(root, Settings(theme="dark")).run_test(size=SIZE) as pilot:
        await start_from_the_sample(pilot)
        await browse_and_filter(pilot)
        await freeze_the_split(pilot)
        await break_and_mend_the_metric(pilot)
        await choose_and_price_gepa(pilot)
        await try_it_dry(pilot)
        await launch(pilot)
        await seen(pilot, "reflection", seconds=120)
        before = await first_accepted(root)
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)
    assert run_of(root).status == "running", "leaving the app leaves the run"
    async with CompilotApp(root, Settings(theme="dark")).run_test(size=SIZE) as pilot:
        await pilot.press("f5")
        await seen(pilot, "running", "baseline", before)
        await pilot.press("s")
        await seen(pilot, "best")
        await pilot.press("y")
        await until(pilot, lambda: run_of(root).status == "stopped", 60)
        best = run_of(root).best
        assert best.candidate is not None
        await look_at_the_results(pilot, best.candidate)
        score = await export(pilot, tmp_path / "out")
        tested = await score_on_test(pilot)
    assert score == pytest.approx(best.val, abs=5e-4)
    assert evaluate(root, tmp_path / "out", "val") == pytest.approx(best.val, abs=1e-9)
    assert evaluate(root, tmp_path / "out", "test") == pytest.approx(tested, abs=5e-4)


async def start_from_the_sample(pilot: Pilot[None]) -> None:
    await seen(pilot, "is no workspace yet", "triage")
    ways = pilot.app.screen.query_one("#ways")
    while "triage" not in str(ways.highlighted_option.prompt):  # type: ignore[attr-defined]
        await pilot.press("down")
    await pilot.press("enter")
    await seen(pilot, "Copy the sample")
    await pilot.press("enter")
    await seen(pilot, "messages.jsonl", "264 rows")


async def browse_and_filter(pilot: Pilot[None]) -> None:
    await pilot.press("down", "pagedown")
    await pilot.press("slash", *"leak", "enter")
    await seen(pilot, "29 of 264 rows")
    await pilot.press("escape", "escape")
    await until(pilot, lambda: "of 264 rows" not in screen_text(pilot))


async def freeze_the_split(pilot: Pilot[None]) -> None:
    await pilot.press("v")
    await seen(pilot, "stratify", "not frozen yet")
    await pilot.press("ctrl+s")
    await until(pilot, lambda: "not frozen yet" not in screen_text(pilot))
    await pilot.press("escape")


async def break_and_mend_the_metric(pilot: Pilot[None]) -> None:
    await pilot.press("f3")
    await seen(pilot, "metrics.py", "def triage_metric")
    await pilot.press("e", "end", "backspace")
    await seen(pilot, "expected ':'")
    await pilot.press("ctrl+n")
    assert pilot.app.screen.query_one(TextArea).cursor_location[0] == 5
    await pilot.press("end", "colon")
    await until(pilot, lambda: "expected ':'" not in screen_text(pilot))
    await pilot.press("ctrl+g")
    await seen(pilot, "Run this folder's code?")
    await pilot.press("y")
    await seen(pilot, "12 answers of the program", "feedback", seconds=90)
    await pilot.press("escape")


async def choose_and_price_gepa(pilot: Pilot[None]) -> None:
    await pilot.press("f4")
    await seen(pilot, "max_full_evals")
    await pilot.press("m")
    await until(pilot, lambda: expected_calls(pilot) is not None, 180)
    first = expected_calls(pilot)
    await focus_field(pilot, "max_full_evals")
    await pilot.press("h")
    await until(pilot, lambda: expected_calls(pilot) not in (None, first))
    second = expected_calls(pilot)
    await focus_field(pilot, "reflection_minibatch_size")
    await pilot.press("h", "h", "h")
    await until(pilot, lambda: expected_calls(pilot) not in (None, second))
    await pilot.press("ctrl+s")
    await until(pilot, lambda: not pilot.app.session.unsaved)  # type: ignore[attr-defined]


async def try_it_dry(pilot: Pilot[None]) -> None:
    await pilot.press("t")
    await seen(pilot, "dry run", "calls", seconds=120)
    await until(pilot, lambda: "x Cancel" not in screen_text(pilot), 180)


async def launch(pilot: Pilot[None]) -> None:
    await pilot.press("L")
    await seen(pilot, "Launch GEPA on FacilityTriage?", seconds=60)
    await pilot.press("y")
    await until(pilot, lambda: pilot.app.current_mode == "runs", 60)


async def first_accepted(root: Path) -> str:
    """Waits for the first candidate after the baseline, and gives its id."""
    import asyncio

    for _ in range(600):
        candidates = run_of(root).candidates
        if len(candidates) > 1:
            return candidates[1].id
        await asyncio.sleep(0.1)
    raise AssertionError("no candidate came")


async def look_at_the_results(pilot: Pilot[None], candidate: str) -> None:
    await pilot.press("f6")
    await seen(pilot, candidate, "GEPA", seconds=60)
    await pilot.press("right_square_bracket")
    await seen(pilot, "+ ", "characters")
    await pilot.press("right_square_bracket")
    await seen(pilot, "fixed", "expected", "before", "after")


async def export(pilot: Pilot[None], folder: Path) -> float:
    """Export the best; gives the score that the screen says was found again."""
    await pilot.press("x")
    await seen(pilot, "xport")
    await pilot.press("ctrl+u", *str(folder), "enter")
    await until(pilot, lambda: (folder / "manifest.json").exists(), 120)
    await seen(pilot, "verified", seconds=60)
    verified = json.loads((folder / "manifest.json").read_text())["verified"]
    assert verified["new_calls"] == 0
    return float(verified["score"])


async def score_on_test(pilot: Pilot[None]) -> float:
    """Score the best on the held-out rows; gives the score that the screen tells."""
    await pilot.press("s")
    await seen(pilot, "on test?", "program runs")
    await pilot.press("y")
    await seen(pilot, "tested", "new LM calls", seconds=120)
    found = re.search(r"on test: ([\d.]+) %", screen_text(pilot))
    assert found is not None
    return float(found[1]) / 100


def evaluate(root: Path, folder: Path, split: str) -> float:
    command = [sys.executable, "-m", "tui.start", "eval", str(folder), "--split", split, "--json"]
    done = subprocess.run([*command, "--workspace", str(root)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["score"])


def run_of(root: Path) -> RunState:
    (folder,) = run_folders(root)
    return load_state(folder)


def expected_calls(pilot: Pilot[None]) -> str | None:
    """The expected number of calls in the cost preview, as it is on screen."""
    found = re.search(r"total\s+([\d,]+)", screen_text(pilot))
    return found[1] if found else None


async def focus_field(pilot: Pilot[None], name: str) -> None:
    """Moves the form's cursor to a parameter, from its top."""
    form = next(one for one in pilot.app.screen.query("*") if getattr(one, "PANE", "") == "form")
    form.focus()
    await pilot.press("g")
    for _ in range(40):
        if form.field.parameter.name == name:  # type: ignore[attr-defined]
            return
        await pilot.press("j")
    raise AssertionError(f"no field {name}")


async def seen(pilot: Pilot[None], *texts: str, seconds: float = 30.0) -> None:
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts), seconds)
