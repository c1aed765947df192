"""Real optimizers in real processes, on the sample workspaces and embedded models."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.errors import CompilotError, RunError
from core.results.evaluate import evaluate_run
from core.results.export import export_run
from core.runs import control
from core.runs.launch import resume_run, start_run
from core.runs.listing import find_run, list_runs
from tests.support.runs import SMALL, finish, make_recipe, make_workspace, run_to_end, totals, wait_for

SLOW = {"latency": 0.02}


def test_a_run_leaves_a_better_program_that_plain_dspy_loads(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run, state = run_to_end(folder, make_recipe(folder, "LabeledFewShot"))
    assert state.status == "completed", state.detail
    assert state.best.test is not None
    assert state.best.test > state.baseline["test"] + 0.1
    counts = totals(state)
    assert counts["asked"] == sum(counts[k] for k in ("paid", "joined", "replayed", "errors"))
    result = json.loads((run.folder / "result.json").read_text())
    assert result["best"]["candidate"] == state.best.candidate
    rows = [json.loads(p.read_text()) for p in sorted((run.folder / "evaluations").glob("*.json"))]
    assert {r["split"]: len(r["rows"]) for r in rows} == {s: state.sizes[s] for s in ("val", "test")}
    assert all(r["rows"][0]["prediction"] for r in rows)

    manifest = export_run(run.folder, tmp_path / "out")
    assert manifest["verified"] == {
        "split": "val",
        "score": pytest.approx(state.best.val),
        "errors": 0,
        "same_as_run": True,
        "new_calls": 0,
        "reloaded": True,
    }
    script = "from program import Router; p = Router(); p.load(r'%s'); print(len(p.route.demos))"
    loaded = subprocess.run(
        [sys.executable, "-c", script % (tmp_path / "out" / "program.json")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout) > 0
    scored = evaluate_run(run.folder, split="test")
    assert scored["score"] == pytest.approx(state.best.test)
    assert [s.run_id for s in list_runs(folder)] == [run.run_id]
    assert find_run(folder, run.run_id[:10]) == run.folder


def test_stop_keeps_the_best_and_makes_no_more_calls(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(folder, "BootstrapFewShotWithRandomSearch", {}, dials=SLOW), folder)
    wait_for(run, lambda s: len([c for c in s.candidates if c.full() is not None]) >= 3)
    control.stop(run.folder)
    state = finish(run)
    assert (state.status, state.stop_reason) == ("stopped", "stopped")
    assert state.best.candidate is not None
    assert state.best.val == max(c.full() for c in state.candidates if c.full() is not None)
    assert (run.folder / "program.json").exists()


def test_pause_holds_every_call_until_resumed(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(folder, "LabeledFewShot", dials={"latency": 0.05}), folder)
    wait_for(run, lambda s: totals(s)["paid"] > 0)
    control.pause(run.folder)
    paused = wait_for(run, lambda s: s.status == "paused")
    wait_for(run, lambda s: totals(s)["paid"] >= totals(paused)["paid"])
    before = run.folder.joinpath("journal.sqlite-wal").stat().st_mtime_ns
    import time

    time.sleep(1.0)
    after = run.folder.joinpath("journal.sqlite-wal").stat().st_mtime_ns
    assert after - before < 0.5e9, "at most the calls in flight were answered after the pause"
    control.resume(run.folder)
    assert finish(run).status == "completed"


@pytest.mark.parametrize("cap", [{"calls": 120}, {"tokens": 150_000}])
def test_a_cap_is_never_passed_and_keeps_the_best(tmp_path, cap):
    folder = make_workspace(tmp_path / "w")
    recipe = make_recipe(folder, "BootstrapFewShotWithRandomSearch", budget=cap)
    _, state = run_to_end(folder, recipe)
    assert (state.status, state.stop_reason) == ("stopped", "budget"), state.detail
    paid = totals(state)["paid"]
    tokens = sum(r["input_tokens"] + r["output_tokens"] for r in state.ledger.values())
    spent = {"calls": paid, "tokens": tokens}
    [(name, limit)] = cap.items()
    assert 0.9 * limit <= spent[name] <= limit
    assert state.best.candidate is not None


def test_only_one_process_owns_a_run(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(folder, "LabeledFewShot", dials=SLOW), folder)
    with pytest.raises(RunError, match="running already"):
        resume_run(run.folder)
    finish(run)
    with pytest.raises(RunError, match="nothing to resume"):
        resume_run(run.folder)


BROKEN = {
    "raises on import": ("program.py", "import nothing_like_this\n", "nothing_like_this"),
    "no such class": ("program.py", "x = 1\n", "Router"),
    "exits on import": ("program.py", "import sys\nsys.exit(3)\n", "exit"),
    "metric gone": ("metrics.py", "y = 1\n", "metrics.py"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_workspaces_fail_with_three_parts_and_no_traceback(tmp_path, name):
    folder = make_workspace(tmp_path / "w")
    file, text, expected = BROKEN[name]
    (folder / file).write_text(text)
    try:
        run, state = run_to_end(folder, make_recipe(folder, "LabeledFewShot"))
    except CompilotError as error:
        assert expected in str(error)
        return
    assert state.status == "failed"
    assert expected in state.detail + state.where
    assert state.fix
    assert "Traceback" not in state.detail
    assert json.loads((run.folder / "result.json").read_text())["error"]["what"] == state.detail


def test_a_program_that_errors_on_too_many_rows_fails_the_run(tmp_path):
    folder = make_workspace(tmp_path / "w")
    metrics = (folder / "metrics.py").read_text()
    recipe = make_recipe(folder, "LabeledFewShot", run={"max_errors": 3})
    name = recipe.metric.target.split(":")[1]
    (folder / "metrics.py").write_text(metrics + f"\n\ndef {name}(a, b, c=None):\n    return 1 / 0\n")
    _, state = run_to_end(folder, recipe)
    assert state.status == "failed"
    assert "ZeroDivisionError" in state.detail


def test_an_outage_is_never_a_success(tmp_path):
    folder = make_workspace(tmp_path / "w")
    recipe = make_recipe(folder, "BootstrapFewShotWithRandomSearch", dials={"outage_after": 90})
    _, state = run_to_end(folder, recipe)
    assert state.status == "failed", state


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", SMALL)
def test_every_optimizer_runs_the_same_way(tmp_path, optimizer):
    """Completes, shows its trials and candidates, keeps counts that add up, and exports what it says."""
    folder = make_workspace(tmp_path / "w")
    run, state = run_to_end(folder, make_recipe(folder, optimizer))
    assert state.status == "completed", state.detail
    assert state.trial is not None
    assert len(state.candidates) >= 2
    assert state.best.val >= state.baseline["val"]
    counts = totals(state)
    assert counts["asked"] == sum(counts[k] for k in ("paid", "joined", "replayed", "errors"))
    manifest = export_run(run.folder, tmp_path / "out")
    assert manifest["verified"]["same_as_run"]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["BootstrapFewShotWithRandomSearch", "MIPROv2", "SIMBA", "GEPA"])
def test_the_same_seed_gives_the_same_run(tmp_path, optimizer):
    states = []
    for name in ("a", "b"):
        folder = make_workspace(tmp_path / name)
        states.append(run_to_end(folder, make_recipe(folder, optimizer))[1])
    assert states[0].best == states[1].best
    assert {c.id for c in states[0].candidates} == {c.id for c in states[1].candidates}
    assert totals(states[0])["asked"] == totals(states[1])["asked"]


def test_a_program_that_hangs_while_it_loads_can_be_stopped(tmp_path):
    folder = make_workspace(tmp_path / "w")
    (folder / "program.py").write_text("import time\ntime.sleep(600)\n")
    run = start_run(make_recipe(folder, "LabeledFewShot"), folder)
    wait_for(run, lambda s: s.phase == "load")
    control.stop(run.folder)
    state = finish(run)
    assert (state.status, state.stop_reason) == ("stopped", "stopped")


def test_a_program_that_exits_inside_the_optimizer_fails_the_run_with_its_line(tmp_path):
    folder = make_workspace(tmp_path / "w")
    program = (folder / "program.py").read_text()
    call = "    def forward(self, **inputs):\n        if next(CALLS) >= 72:\n            sys.exit(7)\n"
    (folder / "program.py").write_text(
        "import itertools\nimport sys\n\nCALLS = itertools.count()\n"
        + program.replace(
            "    def forward(", f"{call}        return self.answer(**inputs)\n\n    def answer("
        )
    )
    run, state = run_to_end(folder, make_recipe(folder, "BootstrapFewShot"))
    assert state.status == "failed", state.detail
    assert "sys.exit: 7" in state.detail
    assert state.where.startswith("program.py:")
    assert "exception" in state.fix
    assert json.loads((run.folder / "result.json").read_text())["status"] == "failed"
