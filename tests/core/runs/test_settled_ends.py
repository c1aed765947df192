"""However a run stops, its end counts every answer that was paid for, and a resume replays them all."""

from __future__ import annotations

import json
import time

import pytest

from core.models.journal import read_calls
from core.runs import control
from core.runs.launch import RunHandle, resume_run, start_run
from core.runs.reduce import RunState
from tests.support.runs import finish, make_recipe, make_workspace, run_to_end, totals, wait_for

OPTIMIZER = "BootstrapFewShotWithRandomSearch"


def check_end(run: RunHandle, state: RunState) -> int:
    """The journal, the last event and result.json tell the same; gives the number of answers."""
    answers = len(read_calls(run.folder / "journal.sqlite", limit=10_000))
    result = json.loads((run.folder / "result.json").read_text())
    assert result["ledger"] == state.ledger
    assert sum(role["in_flight"] for role in state.ledger.values()) == 0
    counts = totals(state)
    assert counts["paid"] == answers
    assert counts["asked"] == sum(counts[k] for k in ("paid", "joined", "replayed", "errors"))
    return answers


@pytest.mark.parametrize("calls", [1, 20, 50])
def test_at_a_cap_on_calls_every_answer_is_counted(tmp_path, calls):
    for name in ("a", "b", "c"):
        folder = make_workspace(tmp_path / name)
        recipe = make_recipe(folder, OPTIMIZER, budget={"calls": calls}, run={"num_threads": 8})
        run, state = run_to_end(folder, recipe)
        assert (state.status, state.stop_reason) == ("stopped", "budget"), state.detail
        assert check_end(run, state) == calls


def test_a_stop_waits_for_slow_answers_and_a_resume_replays_them(tmp_path):
    folder = make_workspace(tmp_path / "w", "triage")
    recipe = make_recipe(folder, OPTIMIZER, dials={"latency": 1.0}, run={"num_threads": 16})
    run = start_run(recipe, folder)
    wait_for(run, lambda state: totals(state)["paid"] > 0)
    time.sleep(0.3)
    control.stop(run.folder)
    state = finish(run)
    assert state.status == "stopped"
    answers = check_end(run, state)
    assert answers > 8, "the first eight were answered when the stop came, with more in flight"

    run = resume_run(run.folder)
    wait_for(run, lambda state: state.attempt == 2 and totals(state)["replayed"] >= answers)
    control.stop(run.folder)
    state = finish(run)
    check_end(run, state)
    assert totals(state)["replayed"] == answers
