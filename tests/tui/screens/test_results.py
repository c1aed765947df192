"""The Results place: runs ranked, candidates as a tree, any two side by side. Real keys only."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import orjson
import pytest
from textual.pilot import Pilot

from core.data.seal import list_looks
from core.results.pins import list_pins
from core.runs.folder import RunFolder
from core.runs.process import describe_self
from core.workspace import Workspace
from tests.support.results import (
    CHILD,
    MERGED,
    OTHER,
    SEED,
    make_result_run,
    make_rows,
    make_state,
    write_evaluation,
)
from tests.tui.screens.waiting import OpenApp, screen_text, until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "router")


async def open_results(pilot: Pilot[None], *seen: str) -> None:
    await pilot.press("f6")
    await shown(pilot, *(seen or ("Scores",)))


async def shown(pilot: Pilot[None], *texts: str) -> None:
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts), 15)


async def test_without_runs_it_says_what_to_do(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await open_results(pilot, "No runs yet.", "Press 4")


async def test_runs_are_ranked_and_the_best_candidate_is_shown(
    open_app: OpenApp, workspace: Workspace
) -> None:
    make_result_run(workspace)
    make_result_run(workspace, "261102-100000-simba-bbbb", optimizer="SIMBA", best=CHILD, started=1.77e9)
    make_result_run(workspace, "261001-100000-copro-cccc", optimizer="COPRO", data="e" * 16)
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "3 runs", "held out")
        lines = screen_text(pilot).splitlines()
        ranks = [
            line.split()[1:3]
            for line in lines
            if any(name in line[:20] for name in ("GEPA", "SIMBA", "COPRO"))
        ]
        assert ["1", "GEPA"] in ranks
        assert ["2", "SIMBA"] in ranks
        assert ["≠", "COPRO"] in ranks
        await until(pilot, lambda: "12.5 %  2.2 – 47.1" in screen_text(pilot))
        await until(pilot, lambda: "62.5 %  30.6 – 86.3" in screen_text(pilot))
        await until(pilot, lambda: "held out" in screen_text(pilot))


async def test_the_tree_shows_where_a_merge_came_from(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "4 of 4 scored in full")
        lines = [line[:66] for line in screen_text(pilot).splitlines()]
        child = next(line for line in lines if CHILD in line and "reflection" in line)
        merge = next(line for line in lines if MERGED in line and "best" in line)
        assert merge.index(MERGED) > child.index(CHILD)
        assert f"merge + {OTHER}" in merge


async def test_a_candidate_is_compared_with_baseline_parents_and_the_marked_one(
    open_app: OpenApp, workspace: Workspace
) -> None:
    make_result_run(workspace)
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("right_square_bracket")
        await shown(pilot, f"against the baseline  {SEED}", "+ - payslip or contract: payroll", f"‹ {CHILD}")
        await pilot.press("b")
        await shown(pilot, f"against its parent 1 of 2  {CHILD}", "- - printer or laptop: devices")
        await pilot.press("b")
        await shown(pilot, f"against its parent 2 of 2  {OTHER}")
        await pilot.press("enter", "k", "m")
        await shown(pilot, f"marked {CHILD} reflection")
        await pilot.press("j")
        await shown(pilot, f"against the marked one  {CHILD}")


async def test_rows_show_both_outputs_and_can_be_narrowed(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace, errored=[0])
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shown(pilot, "7 rows scored by both: 4 fixed, 0 broken", "Rows (+4 -0)")
        await until(pilot, lambda: "rows that errored are left out: 0 before, 1 after" in screen_text(pilot))
        await until(pilot, lambda: "row 1  fixed" in screen_text(pilot))
        await until(pilot, lambda: "expected" in screen_text(pilot))
        await pilot.press("n")
        await shown(pilot, "row 3  fixed", "Wrong team: expected")
        await pilot.press("N")
        await shown(pilot, "row 1  fixed")
        await pilot.press("f", "f")
        await shown(pilot, "only right (f)")
        await pilot.press("f", "f")
        await shown(pilot, "only errored (f)", "row 0  errored", "TimeoutError")
        assert "Traceback" not in screen_text(pilot)


async def test_looking_at_held_out_rows_asks_and_is_remembered(
    open_app: OpenApp, workspace: Workspace
) -> None:
    make_result_run(workspace)
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("t")
        await shown(pilot, "Look at the held-out rows?")
        await pilot.press("n")
        await shown(pilot, "on val")
        assert list_looks(workspace.store) == []
        await pilot.press("t")
        await shown(pilot, "Look at the held-out rows?")
        await pilot.press("y")
        await shown(pilot, "against the baseline, on test", "4 fixed")
        assert len(list_looks(workspace.store)) == 1
        await pilot.press("t")
        await shown(pilot, "against the baseline, on val")


async def test_rows_that_were_not_kept_say_how_to_get_them(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace, right={SEED: (0,), MERGED: (0, 1)})
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("right_square_bracket", "right_square_bracket", "enter", "k")
        await shown(pilot, "was never scored on", "compilot eval")


async def test_fronts_by_row_and_by_objective(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("left_square_bracket")
        await shown(pilot, "of 8 val rows", "rows + objectives", "by row: 2 that nobody gets")
        await pilot.press("tab", "tab")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "front-candidates")
        await pilot.press("G", "enter")
        await until(pilot, lambda: f"{OTHER} ─" in screen_text(pilot))


async def test_pins_stay(open_app: OpenApp, workspace: Workspace) -> None:
    run = make_result_run(workspace)
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("p")
        await shown(pilot, "best, pinned")
        assert [(pin.run, pin.candidate) for pin in list_pins(workspace.store)] == [(run.name, MERGED)]
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "best, pinned")


async def test_y_copies_what_is_looked_at(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("right_square_bracket")
        await shown(pilot, "Instructions")
        await pilot.press("y")
        assert pilot.app.clipboard.startswith("Decide which team handles the message.\n\nRules:")
        await pilot.press("right_square_bracket", "y")
        assert pilot.app.clipboard.startswith("row 1: fixed")
        await pilot.press("left_square_bracket", "left_square_bracket", "y")
        assert "62.5 %" in pilot.app.clipboard


async def test_the_report_is_written_where_asked(open_app: OpenApp, workspace: Workspace) -> None:
    run = make_result_run(workspace)
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("w")
        await shown(pilot, "Write the report into which file?")
        written = workspace.root / "reports" / f"{run.name}.md"
        await pilot.press("enter")
        await until(pilot, written.exists)
    assert written.read_text().startswith(f"# Run {run.name}")


async def test_an_export_that_fails_says_why_in_place(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    (workspace.root / "full").mkdir()
    (workspace.root / "full" / "mine.txt").write_text("")
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("x")
        await shown(pilot, f"Export {MERGED} into which folder?")
        await pilot.press("ctrl+u", *"full", "enter")
        await shown(pilot, "the export folder holds other files", "choose an empty folder")


async def test_another_place_leads_to_a_run_and_a_candidate(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    other = make_result_run(workspace, "261102-100000-simba-bbbb", optimizer="SIMBA")
    async with open_app("router", size=(160, 48)) as pilot:
        await pilot.app.go("results", run=other.name, candidate=CHILD)  # type: ignore[attr-defined]
        await until(pilot, lambda: f"{CHILD} ─" in screen_text(pilot))
        assert other.name in screen_text(pilot)
        await pilot.app.go("results", run="gone")  # type: ignore[attr-defined]
        await shown(pilot, "there is no run gone")


async def test_a_damaged_run_hides_no_other(open_app: OpenApp, workspace: Workspace) -> None:
    make_result_run(workspace)
    damaged = make_result_run(workspace, "261102-100000-simba-bbbb", optimizer="SIMBA")
    (damaged / "recipe.json").write_text("{")
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "recipe.json is damaged", "1 run, 1 unreadable", "GEPA")


async def test_a_run_that_goes_on_shows_what_it_has(open_app: OpenApp, workspace: Workspace) -> None:
    run = make_result_run(workspace, ended=False)
    RunFolder(run).write_owner(describe_self(1))
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "GEPA running", "75.0 %")
        assert "held out" not in screen_text(pilot)


async def test_the_best_is_followed_until_another_candidate_is_chosen(
    open_app: OpenApp, workspace: Workspace
) -> None:
    run = make_result_run(workspace, ended=False, best=CHILD)
    RunFolder(run).write_owner(describe_self(1))
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, f"{CHILD} ─")
        change_best(run, MERGED)
        await pilot.press("r")
        await shown(pilot, f"{MERGED} ─")
        await pilot.press("enter", "k")
        await shown(pilot, f"{CHILD} ─", "against the baseline")
        change_best(run, OTHER)
        await pilot.press("r")
        await until(pilot, lambda: any("best cdddddd" in line for line in screen_text(pilot).splitlines()))
        await until(pilot, lambda: f"{CHILD} ─" in screen_text(pilot))


def change_best(run: Path, candidate: str) -> None:
    event = {"type": "best_changed", "candidate": candidate, "score": 0.9, "kind": "full", "split": "val"}
    with RunFolder(run).events.open("ab") as log:
        log.write(orjson.dumps({**event, "seq": 50, "t": 1.76e9 + 60}) + b"\n")


async def test_foreign_text_cannot_paint_or_act(open_app: OpenApp, workspace: Workspace) -> None:
    """In instructions, outputs, feedback and origins."""
    run = make_result_run(workspace)
    hostile = "\x1b]0;X\x07[@click=app.quit]x[/] [/nope] \x9b31m \u202e [bold\x00"
    folder = RunFolder(run)
    record = {
        "id": MERGED,
        "parents": [CHILD],
        "origin": hostile,
        "runtime": "",
        "state": make_state(f"{hostile}\n{hostile}"),
    }
    (folder.candidates / f"{MERGED}.json").write_bytes(orjson.dumps(record))
    rows = [
        msgspec.structs.replace(row, prediction={hostile: hostile}, feedback=hostile, error=None)
        for row in make_rows((1,))
    ]
    write_evaluation(folder, "e0009", MERGED, "val", rows)
    async with open_app("router", size=(120, 40)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        for _ in range(4):
            await pilot.press("right_square_bracket")
            await pilot.pause()
            text = screen_text(pilot)
            assert not any(letter in text for letter in "\x1b\x07\x9b\x00\u202e")
        await pilot.press("right_square_bracket")
        await shown(pilot, "[@click=app.quit]x[/] [/nope]")


@pytest.fixture
def slow_workspace(workspace: Workspace) -> Workspace:
    """Scoring a program of it takes longer than any test."""
    program = workspace.root / "program.py"
    program.write_text("import time\ntime.sleep(600)\n" + program.read_text())
    make_result_run(workspace)
    return workspace


def scorings(workspace: Workspace) -> list[Path]:
    return list((workspace.state_dir / "evals").glob("*/request.json"))


async def start_scoring(pilot: Pilot[None], workspace: Workspace) -> None:
    await open_results(pilot, "against the baseline, on val")
    await pilot.press("s")
    await shown(pilot, f"Score {MERGED} on test?")
    await pilot.press("y")
    await shown(pilot, "scoring on test", "x cancels", "x Cancel")
    await until(pilot, lambda: scorings(workspace))


async def test_a_scoring_can_be_cancelled(open_app: OpenApp, slow_workspace: Workspace) -> None:
    async with open_app("router", size=(160, 48)) as pilot:
        await start_scoring(pilot, slow_workspace)
        await pilot.press("x")
        await until(pilot, lambda: "scoring on test" not in screen_text(pilot), 15)
        assert not list((slow_workspace.state_dir / "evals").iterdir())
        assert "cancelled" not in screen_text(pilot)
        await pilot.press("x")
        await shown(pilot, f"Export {MERGED} into which folder?")


async def test_an_export_can_be_cancelled(open_app: OpenApp, slow_workspace: Workspace) -> None:
    async with open_app("router", size=(160, 48)) as pilot:
        await open_results(pilot, "against the baseline, on val")
        await pilot.press("x")
        await shown(pilot, f"Export {MERGED} into which folder?")
        await pilot.press("ctrl+u", *"out/deep", "enter")
        await shown(pilot, "exporting and verifying", "x cancels")
        await until(pilot, lambda: (slow_workspace.root / "out").exists())
        await pilot.press("x")
        await until(pilot, lambda: "exporting" not in screen_text(pilot), 15)
        assert not (slow_workspace.root / "out").exists()


async def test_leaving_the_app_ends_a_scoring(open_app: OpenApp, slow_workspace: Workspace) -> None:
    async with open_app("router", size=(160, 48)) as pilot:
        await start_scoring(pilot, slow_workspace)
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)
    end = time.monotonic() + 15
    while scorings(slow_workspace) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert not scorings(slow_workspace)
