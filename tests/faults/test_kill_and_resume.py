"""Kill -9 in mid-run, then the same command on the same folder: nothing paid twice, the same end."""

from __future__ import annotations

import pytest

from core.runs import control
from core.runs.follow import load_state
from core.runs.launch import resume_run, start_run
from tests.support.runs import finish, make_recipe, make_workspace, run_to_end, totals, wait_for

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    "optimizer", ["BootstrapFewShotWithRandomSearch", "MIPROv2", "SIMBA", "COPRO", "GEPA", "InferRules"]
)
def test_a_killed_run_ends_as_an_unbroken_one(tmp_path, optimizer):
    whole = make_workspace(tmp_path / "whole", duplicate_rows=True)
    _, expected = run_to_end(whole, make_recipe(whole, optimizer))
    assert expected.status == "completed"

    folder = make_workspace(tmp_path / "killed", duplicate_rows=True)
    run = start_run(make_recipe(folder, optimizer, dials={"latency": 0.03}), folder)
    for share in (0.15, 0.5):
        paid = totals(expected)["paid"] * share
        wait_for(run, lambda s, paid=paid: totals(s)["paid"] >= paid or s.status == "completed")
        if load_state(run.folder).status != "running":
            break
        control.kill(run.folder)
        run = resume_run(run.folder)
    state = finish(run)
    assert state.attempt > 1, "it was killed at least once"

    assert state.status == "completed", state.detail
    assert state.best == expected.best
    assert state.baseline == expected.baseline
    assert {c.id for c in state.candidates} == {c.id for c in expected.candidates}
    assert totals(state)["paid"] == totals(expected)["paid"], "each answer was paid for once"


def test_a_changed_program_is_not_resumed_silently(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(folder, "BootstrapFewShotWithRandomSearch", dials={"latency": 0.02}), folder)
    wait_for(run, lambda s: totals(s)["paid"] > 80)
    control.kill(run.folder)
    program = folder / "program.py"
    program.write_text(program.read_text() + "\n# changed\n")
    state = finish(resume_run(run.folder))
    assert state.status == "failed"
    assert "program.py" in state.detail
    assert "--anyway" in state.fix
    assert finish(resume_run(run.folder, force=True)).status == "completed"
