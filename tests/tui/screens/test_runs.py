"""The Runs place: what a person sees of runs, and what keys do to them. Real keys, real runs."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.api import start_run
from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.follow import load_state
from core.runs.launch import RunHandle
from core.runs.process import is_alive
from core.workspace import Workspace
from tests.support.run_folders import append_events, write_run
from tests.support.runs import make_recipe
from tests.support.stories import ending, story
from tests.tui.screens.waiting import OpenApp, screen_text, until
from tui.app import CompilotApp
from tui.panes.runs.list import RunList

HOSTILE = [
    "\x1b]0;X\x07title",
    "\x1b[2Jwiped",
    "[/nope] [bold",
    "[@click=app.quit]press[/]",
    "a\u202eb\u2066c",
    "\x9b31mred\x1bc",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


def launch(workspace: Workspace, latency: float = 0.02, **params: object) -> RunHandle:
    """A real run on embedded models, slow enough to be met alive."""
    workspace.prepare()
    recipe = make_recipe(
        workspace.root,
        "GEPA",
        {"max_metric_calls": 3_000, **params},
        dials={"latency": latency},
        run={"num_threads": 4},
    )
    return start_run(recipe, workspace.root)


async def seen(pilot: Pilot[None], *texts: str, seconds: float = 40.0) -> None:
    for text in texts:
        await until(pilot, lambda text=text: text in screen_text(pilot), seconds)


async def go_to_runs(pilot: Pilot[None]) -> None:
    """Once the app has started: a key that comes while its first place is put up may get lost."""
    app = pilot.app
    assert isinstance(app, CompilotApp)
    await until(pilot, lambda: app.place == "data" and "messages.jsonl" in screen_text(pilot))
    await pilot.press("5")
    await until(pilot, lambda: app.place == "runs")


async def test_nothing_yet_says_what_to_do(open_app: OpenApp, workspace: Workspace) -> None:
    async with open_app(root=workspace.root) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "No runs yet", "Press 4")


async def test_a_run_with_all_that_is_known_of_it(open_app: OpenApp, workspace: Workspace) -> None:
    write_run(workspace, story(), owned=True)
    async with open_app(root=workspace.root, size=(160, 48)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "running", "trial 2 of 4", "minibatch of cbbbbbbbbbb", "2/4 rows")
        text = screen_text(pilot)
        await until(pilot, lambda: "25.0 %" in screen_text(pilot))
        await until(pilot, lambda: "75.0 %" in screen_text(pilot))
        await until(pilot, lambda: "+50.0 points" in screen_text(pilot))
        await until(pilot, lambda: "student" in screen_text(pilot))
        await until(pilot, lambda: "1,410" in screen_text(pilot))
        assert "190 replayed" not in text, "both roles replayed some"
        await until(pilot, lambda: "380 replayed" in screen_text(pilot))
        await until(pilot, lambda: "6 failed calls" in screen_text(pilot))
        await until(pilot, lambda: "1 row errored" in screen_text(pilot))
        await until(pilot, lambda: "of $5.00" in screen_text(pilot))
        await until(pilot, lambda: "of 15 min" in screen_text(pilot))
        await until(pilot, lambda: "hello from the optimizer" in screen_text(pilot))
        await until(pilot, lambda: "best so far" in screen_text(pilot))
        await until(pilot, lambda: "1 live of 1" in screen_text(pilot))


async def test_the_chart_without_colours(
    open_app: OpenApp, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    write_run(workspace, story(), owned=True)
    async with open_app(root=workspace.root, size=(160, 48)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "minibatch  ━ best so far", "60 % ┫")
        await pilot.resize_terminal(140, 60)
        await seen(pilot, "trial 2 of 4")


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_chosen_run_is_read_in_sixteen_colours(
    open_app: OpenApp, workspace: Workspace, theme: str
) -> None:
    write_run(workspace, story(), owned=True)
    async with open_app(root=workspace.root, size=(160, 48), theme=theme) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "75.0 %")
        rows = pilot.app.screen.query_one(RunList).rows
        await until(pilot, lambda: rows.has_focus)
        styles = [segment.style for segment in rows.render_line(0) if segment.style]
        assert {style.reverse for style in styles} == {True}
        assert all(style.bgcolor is not None and style.bgcolor.is_default for style in styles)
        await pilot.press("tab")
        await until(pilot, lambda: not rows.has_focus)
        assert {segment.style.bold for segment in rows.render_line(0) if segment.style} == {True}


async def test_views_one_at_a_time_where_it_is_narrow(open_app: OpenApp, workspace: Workspace) -> None:
    write_run(workspace, story(), owned=True)
    async with open_app(root=workspace.root, size=(80, 24)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "trial 2 of 4", "spent ")
        assert "hello from the optimizer" not in screen_text(pilot)
        assert re.search(r"status +optimizer +baseline +best +calls +spent +age", screen_text(pilot))
        await pilot.press("right_square_bracket")
        await seen(pilot, "cbbbbbbbbbb", "← caaaaaaaaaa")
        await pilot.press("right_square_bracket")
        await seen(pilot, "No calls yet")
        await pilot.press("right_square_bracket")
        await seen(pilot, "hello from the optimizer", "a row is empty")
        await pilot.press("left_square_bracket", "left_square_bracket")
        await seen(pilot, "← caaaaaaaaaa")
        await pilot.resize_terminal(160, 48)
        await seen(pilot, "hello from the optimizer", "trial 2 of 4", "← caaaaaaaaaa")


async def test_minibatch_scores_are_named_as_such(open_app: OpenApp, workspace: Workspace) -> None:
    start = story()[:6]
    events = [
        *start,
        ev.CandidateNoted(id="cmmmmmmmmmm", file="m.json", parents=("caaaaaaaaaa",), origin="x"),
        ev.EvaluationEnded(
            evaluation="e9", kind="minibatch", split="train", score=1.0, size=3, candidate="cmmmmmmmmmm"
        ),
        ev.BestChanged(candidate="cmmmmmmmmmm", score=1.0, kind="minibatch", split="train"),
    ]
    write_run(workspace, events, owned=True)
    async with open_app(root=workspace.root, size=(160, 48)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "100.0 % mini", "on minibatches", "not yet scored in full")
        assert "+75.0" not in screen_text(pilot)


async def test_a_dead_run_says_so_and_how_to_go_on(open_app: OpenApp, workspace: Workspace) -> None:
    write_run(workspace, story())
    async with open_app(root=workspace.root, size=(120, 40)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "dead", "its process is gone", "press r")


async def test_rejected_proposals_open_in_full(open_app: OpenApp, workspace: Workspace) -> None:
    long = "\n".join(f"rule {number}" for number in range(40))
    rejected = ev.Proposal(component="route", text=long, accepted=False, reason="no better on its minibatch")
    write_run(workspace, [*story(), rejected], owned=True)
    async with open_app(root=workspace.root, size=(160, 48)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "rejected", "no better on its minibatch")
        pilot.app.screen.query_one("#runs-steps").focus()
        await pilot.press("g", "enter")
        await seen(pilot, "rule 0", "rule 20")
        await pilot.press("escape")
        await until(pilot, lambda: "rule 20" not in screen_text(pilot))


async def test_the_log_is_filtered_and_searched(open_app: OpenApp, workspace: Workspace) -> None:
    chatter = [ev.LogLine(message=f"chatter {number}") for number in range(60)]
    folder = write_run(workspace, [*story(), *chatter], owned=True)
    folder.output.write_bytes(b"starting up\n 1%|\r 2%|\r 3%| done\n")
    async with open_app(root=workspace.root, size=(120, 40)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "chatter 59")
        await pilot.press("slash", *"chatter 7", "enter")
        await seen(pilot, "held, G follows · 1 × chatter 7")
        append_events(folder, [ev.LogLine(message="chatter 71")], start=time.time(), after=200)
        await seen(pilot, "2 × chatter 7")
        await pilot.press("n", "G")
        await seen(pilot, "chatter 71")
        await pilot.press("escape")
        await until(pilot, lambda: "× chatter 7" not in screen_text(pilot))
        await pilot.press("v")
        await seen(pilot, "a row is empty")
        await until(pilot, lambda: "chatter 59" not in screen_text(pilot))
        await pilot.press("x")
        await seen(pilot, "starting up", "3%| done")
        assert "1%" not in screen_text(pilot)


async def test_foreign_text_is_shown_as_it_is(open_app: OpenApp, workspace: Workspace) -> None:
    events: list[ev.Event] = [*story()]
    for text in HOSTILE:
        events += [
            ev.LogLine(message=text),
            ev.Warned(what=text, where=text, fix=text),
            ev.Proposal(component=text, text=text, accepted=False, reason=text),
            ev.CandidateNoted(id=text, file="f", parents=(text,), origin=text),
            ev.TrialStarted(trial=3, total=4, note=text),
        ]
    events += [
        ev.RunEnded(status="failed", stop_reason="failed", detail=HOSTILE[3], where=HOSTILE[2], fix="[/x]")
    ]
    folder = write_run(workspace, events)
    folder.output.write_text("\n".join(HOSTILE))
    async with open_app(root=workspace.root, size=(160, 48)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "failed", "[@click=app.quit]press[/]")
        await pilot.resize_terminal(80, 24)
        for _ in range(5):
            await pilot.press("right_square_bracket")
            await pilot.pause()
            text = screen_text(pilot)
            assert not any((ord(letter) < 32 and letter != "\n") or letter in "\x9b\u202e" for letter in text)
        pilot.app.screen.query_one("#runs-steps").focus()
        await pilot.press("g", "enter")
        await pilot.pause()
        await pilot.press("escape")


async def test_a_live_run_is_paused_resumed_and_stopped(open_app: OpenApp, workspace: Workspace) -> None:
    run = launch(workspace, max_metric_calls=30_000)
    async with open_app(root=workspace.root, size=(140, 44)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "● running", "calls/s", "1 live of 1")
        await pilot.press("p")
        await seen(pilot, "‖ paused")
        paid = load_state(run.folder).ledger["student"]["paid"]
        await pilot.press("r")
        await until(pilot, lambda: load_state(run.folder).ledger["student"]["paid"] > paid + 10)
        await seen(pilot, "● running")
        await pilot.press("b")
        await seen(pilot, "Limits of")
        await pilot.press("down", *"90000", "down", "down", "down", "backspace", "2", "enter")
        await until(pilot, lambda: load_state(run.folder).threads == 2)
        await seen(pilot, "of 2 threads", "of 90,000")
        await pilot.press("s")
        await seen(pilot, "Stop ")
        await pilot.press("y")
        await seen(pilot, "■ stopped")
        state = load_state(run.folder)
        assert state.status == "stopped"
        assert state.caps["calls"] == 90_000
        assert state.best.candidate


@pytest.mark.slow
async def test_leaving_and_coming_back_misses_nothing(open_app: OpenApp, workspace: Workspace) -> None:
    run = launch(workspace)
    async with open_app(root=workspace.root, size=(140, 44)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "● running")
        await pilot.press("q")
        await pilot.pause()
    assert is_alive(RunFolder(run.folder).read_owner()), "quitting leaves the run alive"
    async with open_app(root=workspace.root, size=(140, 44)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "● running", "trial 1")
        await pilot.press("s")
        await seen(pilot, "Stop ")
        await pilot.press("y")
        await seen(pilot, "■ stopped")
        await pilot.press("v", "v", "v")
        lines = pilot.app.screen.query_one("#runs-events")
        state = load_state(run.folder)
        events = [event for event in (run.folder / "events.jsonl").read_bytes().splitlines() if event]
        told = [lines.buffer[number].text for number in range(lines.buffer.first, lines.buffer.end)]  # type: ignore[attr-defined]
        scored = sum(b'"evaluation_ended"' in event for event in events)
        assert sum(bool(re.search(r" on \d+ (train|val|test) rows", text)) for text in told) == scored
        assert all(any(one.id in text for text in told) for one in state.candidates)


@pytest.mark.slow
async def test_a_killed_run_is_resumed_where_it_was(open_app: OpenApp, workspace: Workspace) -> None:
    run = launch(workspace, max_metric_calls=1_200)
    async with open_app(root=workspace.root, size=(140, 44)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "compile", "● running", "trial 1")
        await pilot.press("K", "y")
        await seen(pilot, "✗ killed")
        before = load_state(run.folder).ledger["student"]["paid"]
        await pilot.press("r")
        await seen(pilot, "attempt 2")
        await seen(pilot, "✓ completed", seconds=90)
        state = load_state(run.folder)
        assert state.ledger["student"]["replayed"] >= before - 4
        await pilot.press("right_square_bracket")
        await seen(pilot, "newest", "team:")
        pilot.app.screen.query_one("#runs-call-rows").focus()
        await pilot.press("g", "enter")
        await seen(pilot, "answer", "prompt · system")
        await pilot.press("escape")
        await pilot.press("d")
        await seen(pilot, "gone for good")
        await pilot.press("y")
        await seen(pilot, "No runs yet")
        assert not run.folder.exists()


async def test_a_run_started_elsewhere_comes_into_the_list(open_app: OpenApp, workspace: Workspace) -> None:
    write_run(workspace, [*story(), *ending()], run_id="261101-100000-gepa-aaaa")
    async with open_app(root=workspace.root, size=(120, 40)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "✓ completed", "75.0 %")
        write_run(workspace, story("COPRO"), run_id="261102-100000-copro-bbbb", owned=True, optimizer="COPRO")
        await seen(pilot, "1 live of 2", "COPRO")
        assert "✓ completed" in screen_text(pilot), "the chosen run stays chosen"
        await pilot.press("k")
        await seen(pilot, "● running")


async def test_a_damaged_run_is_told_and_can_be_deleted(open_app: OpenApp, workspace: Workspace) -> None:
    folder = write_run(workspace, story())
    (folder.path / "recipe.json").write_text("{")
    async with open_app(root=workspace.root, size=(120, 40)) as pilot:
        await go_to_runs(pilot)
        await seen(pilot, "is damaged")
