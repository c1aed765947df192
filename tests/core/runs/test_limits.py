"""Caps and threads of a run that exists: what makes sense, who obeys, what a view is told."""

from __future__ import annotations

import threading
import time

import pytest

from core.errors import RunError, StopRun
from core.models.gate import Bound, Gate, Spend, Warn
from core.models.rates import Pace
from core.recipe import Budget
from core.runs import control
from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.launch import resume_run, start_run
from core.runs.limits import apply_limits, read_limits, set_limits
from core.runs.reduce import reduce_all
from tests.support.runs import finish, make_recipe, make_workspace, wait_for
from tests.support.stories import ending, story


def make_folder(tmp_path) -> RunFolder:
    workspace = make_workspace(tmp_path / "w")
    folder = RunFolder(workspace / ".compilot" / "runs" / "261101-100000-gepa-aaaa")
    folder.create(make_recipe(workspace, "GEPA"), workspace, time.time())
    return folder


@pytest.mark.parametrize(
    ("budget", "threads"),
    [
        (Budget(usd=0), 8),
        (Budget(calls=-1), 8),
        (Budget(minutes=float("nan")), 8),
        (Budget(usd=float("inf")), 8),
        (Budget(), 0),
        (Budget(), 10_000),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, budget, threads):
    folder = make_folder(tmp_path)
    with pytest.raises(RunError, match="no sense"):
        set_limits(folder.path, budget=budget, num_threads=threads)
    assert read_limits(folder) is None


def test_limits_take_the_recipes_place(tmp_path):
    folder = make_folder(tmp_path)
    recipe = folder.read_recipe().recipe
    assert apply_limits(recipe, read_limits(folder)) == recipe
    set_limits(folder.path, budget=Budget(usd=2.5), num_threads=3)
    obeyed = apply_limits(recipe, read_limits(folder))
    assert obeyed.budget == Budget(usd=2.5)
    assert obeyed.run.num_threads == 3
    assert obeyed.run.seed == recipe.run.seed


def test_a_damaged_file_is_as_none(tmp_path):
    folder = make_folder(tmp_path)
    (folder.path / "limits.json").write_bytes(b'{"budget": 7')
    assert read_limits(folder) is None
    (folder.path / "limits.json").write_bytes(b"[]")
    assert read_limits(folder) is None


def test_a_completed_run_takes_none(tmp_path):
    folder = make_folder(tmp_path)
    folder.write_json("result.json", {"status": "completed"})
    with pytest.raises(RunError, match="has completed"):
        set_limits(folder.path, budget=Budget(), num_threads=1)


def test_a_view_is_told_of_new_limits():
    state = reduce_all([*story(), ev.LimitsChanged(caps={"usd": 9.0}, threads=2)])
    assert (state.caps, state.threads) == ({"usd": 9.0}, 2)
    ended = reduce_all(ending(), state)
    assert ended.caps == {"usd": 9.0}


def test_a_raised_cap_lets_waiting_calls_go_on_and_warns_again():
    warned: list[Warn] = []
    gate = Gate(Budget(calls=4), on_warning=warned.append)
    held = [gate.reserve(Bound()) for _ in range(4)]
    passed = threading.Event()
    threading.Thread(target=lambda: (gate.reserve(Bound()), passed.set()), daemon=True).start()
    assert not passed.wait(0.05), "a fifth call waits for the four in flight"
    gate.set_caps(Budget(calls=8))
    assert passed.wait(5)
    for reservation in held:
        gate.settle(reservation, Spend(calls=1))
    assert [warn.fraction for warn in warned] == [0.5]
    gate.set_caps(Budget(calls=4))
    assert [warn.fraction for warn in warned] == [0.5, 0.5, 0.8, 0.95]
    with pytest.raises(StopRun):
        gate.reserve(Bound())


def test_fewer_calls_in_flight_and_more_again():
    pace = Pace(max_in_flight=4)
    slots = [pace.acquire() for _ in range(4)]
    pace.set_most(2)
    entered = threading.Event()
    threading.Thread(target=lambda: (pace.acquire(), entered.set()), daemon=True).start()
    for slot in slots[:2]:
        assert slot is not None
        pace.answered(slot, seconds=0.1)
    assert not entered.wait(0.05), "two are still in flight, and two are allowed"
    pace.set_most(4)
    assert entered.wait(5)
    assert pace.window == 4


@pytest.mark.slow
def test_a_living_run_obeys_and_a_resumed_one_remembers(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    recipe = make_recipe(
        workspace, "GEPA", {"max_metric_calls": 500}, dials={"latency": 0.05}, run={"num_threads": 6}
    )
    run = start_run(recipe, workspace)
    wait_for(run, lambda state: bool(state.ledger) and state.phase == "compile")
    set_limits(run.folder, budget=Budget(calls=100_000), num_threads=2)
    state = wait_for(run, lambda state: state.threads == 2)
    assert state.caps == {"calls": 100_000.0}
    calm = wait_for(run, lambda state: 0 < state.ledger["student"]["in_flight"] <= 2)
    assert calm.status == "running"
    set_limits(run.folder, budget=Budget(calls=100_000), num_threads=64)
    wait_for(run, lambda state: state.threads == 6)
    spent = wait_for(run, lambda state: state.ledger["student"]["paid"] > 20).ledger["student"]["paid"]
    set_limits(run.folder, budget=Budget(calls=spent), num_threads=2)
    state = finish(run)
    assert (state.status, state.stop_reason) == ("stopped", "budget")
    set_limits(run.folder, budget=Budget(calls=100_000), num_threads=4)
    again = resume_run(run.folder)
    state = wait_for(again, lambda state: state.attempt == 2 and state.status == "running")
    assert (state.caps, state.threads) == ({"calls": 100_000.0}, 4)
    control.kill(run.folder)
