"""The Program place: parts, states, one input tried. Real keys, what a person sees."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from textual.widgets import OptionList

from core.workspace import Workspace
from tests.support.results import make_result_run
from tests.tui.screens.waiting import OpenApp, screen_text, until
from tui.screens.program import ProgramScreen


async def loaded(pilot: Any, predictors: str = "1 predictor") -> ProgramScreen:
    await pilot.press("f2")
    await until(pilot, lambda: predictors in screen_text(pilot))
    screen = pilot.app.places["program"]
    assert isinstance(screen, ProgramScreen)
    await until(pilot, lambda: not screen.busy)
    return screen


async def asked(pilot: Any, question: str) -> None:
    await until(pilot, lambda: question in screen_text(pilot) and isinstance(pilot.app.focused, OptionList))


async def test_it_shows_predictors_with_their_calls_and_instructions(open_app: OpenApp) -> None:
    async with open_app("triage", size=(140, 44)) as pilot:
        await loaded(pilot, "3 predictors")
        await until(pilot, lambda: "FacilityTriage" in screen_text(pilot))
        await until(pilot, lambda: "×1" in screen_text(pilot))
        await until(pilot, lambda: "Calls of one run" in screen_text(pilot))
        await pilot.press("j")
        await until(pilot, lambda: "Instructions" in screen_text(pilot))
        await until(pilot, lambda: "urgency" in screen_text(pilot))
        await until(pilot, lambda: "Literal['low', 'medium', 'high']" in screen_text(pilot))


async def test_one_input_is_tried_in_the_open(open_app: OpenApp) -> None:
    async with open_app("router", size=(140, 44)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "(1 of 24)" in screen_text(pilot))
        await pilot.press("escape", "n")
        await until(pilot, lambda: "(2 of 24)" in screen_text(pilot))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "Metric  " in screen_text(pilot) and " %" in screen_text(pilot))
        await until(pilot, lambda: "predicted" in screen_text(pilot))
        await until(pilot, lambda: not screen.busy)
        # The second entry is the predictor's run: its prompt, completion, and what was read out of it.
        await pilot.press("j")
        await until(pilot, lambda: "Call 1" in screen_text(pilot))
        await until(pilot, lambda: "embedded/student" in screen_text(pilot))
        await pilot.press("enter", "G")
        await until(pilot, lambda: "Read out of it" in screen_text(pilot))


async def test_a_typed_input_has_no_gold(open_app: OpenApp) -> None:
    async with open_app("router", size=(140, 44)) as pilot:
        await loaded(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "(1 of 24)" in screen_text(pilot))
        await pilot.press(*"vpn ", "ctrl+g")
        await until(pilot, lambda: "No row, no score." in screen_text(pilot))


async def test_a_runs_state_is_shown_against_the_program_as_written(
    open_app: OpenApp, tmp_path: Path
) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    make_result_run(Workspace(root), demos=[{"message": "[/nope] \x1b[2J", "team": "network"}])
    async with open_app("router", size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("v")
        await asked(pilot, "Which state?")
        await pilot.press("j", "enter")
        await asked(pilot, "Which candidate?")
        await pilot.press("enter")
        await until(pilot, lambda: "Changes 1" in screen_text(pilot))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "+ - payslip or contract: payroll" in screen_text(pilot))
        text = screen_text(pilot)
        await until(pilot, lambda: "- what an employee wrote to the help desk" in screen_text(pilot))
        await until(pilot, lambda: "[/nope]" in screen_text(pilot))
        assert "\x1b" not in text
        await pilot.press("left_square_bracket", "j")
        await until(pilot, lambda: "Say `network` when a connection drops." in screen_text(pilot))
        # It is tried in that state: the demonstration is in the prompt.
        await pilot.press("t", "ctrl+g")
        await until(pilot, lambda: "predicted" in screen_text(pilot))


async def test_another_place_can_ask_for_a_state(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    run = make_result_run(Workspace(root)).name
    async with open_app("router", size=(120, 40)) as pilot:
        await pilot.app.go("program", state=f"{run}/cbbbbbbbbbb")  # type: ignore[attr-defined]
        await until(pilot, lambda: f"candidate cbbbbbbbbbb of {run}" in screen_text(pilot))


async def test_an_error_in_the_program_is_shown_in_place(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    path = root / "program.py"
    good = path.read_text()
    path.write_text(good.replace("dspy.Predict(RouteMessage)", "dspy.Predict(RootMessage)"))
    async with open_app("router", size=(80, 24)) as pilot:
        await pilot.press("f2")
        await until(
            pilot, lambda: "RootMessage" in screen_text(pilot) and "program.py:" in screen_text(pilot)
        )
        assert "Traceback" not in screen_text(pilot)
        path.write_text(good)
        await pilot.press("r")
        # Other content than was trusted: asked again.
        await until(pilot, lambda: "1 predictor" in screen_text(pilot) or "Run it (y)" in screen_text(pilot))
        if "Run it (y)" in screen_text(pilot):
            await pilot.press("y")
        await until(pilot, lambda: "1 predictor" in screen_text(pilot))


async def test_a_change_on_disk_is_noticed(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        await loaded(pilot)
        path = tmp_path / "router" / "program.py"
        path.write_text(path.read_text().replace("Decide which team handles", "Say who handles"))
        await pilot.press("f3", "f2")
        await until(pilot, lambda: "files changed" in screen_text(pilot))
        await pilot.press("r", "j")
        await until(pilot, lambda: "Say who handles" in screen_text(pilot))


async def test_nothing_runs_in_a_folder_that_is_not_trusted(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    path = root / "program.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + path.read_text())
    async with open_app("router", size=(80, 24), trusted=False) as pilot:
        await pilot.press("f2")
        await until(pilot, lambda: "Press r to load it" in screen_text(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "Run this folder's code?" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "Press r to load it" in screen_text(pilot))
        assert not (tmp_path / "ran").exists()


async def test_a_program_that_hangs_can_be_cancelled(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    (root / "program.py").write_text("while True:\n    pass\n")
    async with open_app("router", size=(80, 24)) as pilot:
        await pilot.press("f2")
        await until(pilot, lambda: "Describing the program" in screen_text(pilot))
        await until(pilot, lambda: "x Cancel" in screen_text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "Press r to load it" in screen_text(pilot))


async def test_a_new_program_is_written_from_a_form(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    (root / "program.py").unlink()
    async with open_app("router", size=(140, 44)) as pilot:
        await pilot.press("f2")
        await until(pilot, lambda: "a writes a new one" in screen_text(pilot))
        await until(pilot, lambda: "There is no file 'program.py'" in screen_text(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "class MyProgram(dspy.Module)" in screen_text(pilot))
        await pilot.press(*["backspace"] * 20, *"Router", "ctrl+s")
        await until(pilot, lambda: (root / "program.py").exists())
        await until(pilot, lambda: "1 predictor" in screen_text(pilot) or "Run it (y)" in screen_text(pilot))
        assert tomllib.loads((root / "compilot.toml").read_text())["program"]["target"] == "program.py:Router"
        assert "team: str = dspy.OutputField()" in (root / "program.py").read_text()
