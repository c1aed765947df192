import threading
import time

import pytest

from core.data.load import load_splits
from core.data.seal import list_looks, remember_look
from core.errors import CompilotError, RunError
from core.recipe import Budget
from core.results.evaluate import evaluate_run
from core.results.export import export_run
from core.results.recorded import has_rows
from core.runs.folder import RunFolder
from core.runs.limits import set_limits
from core.workspace import Workspace
from tests.support.results import SEED, make_result_run
from tests.support.runs import make_recipe, make_workspace, run_to_end


@pytest.fixture
def workspace(tmp_path):
    return Workspace.init_sample("router", tmp_path / "w")


@pytest.fixture
def run(workspace):
    return make_result_run(workspace)


def kept(workspace):
    (folder,) = (workspace.state_dir / "evals").iterdir()
    return {path.name for path in folder.iterdir()}


def test_of_a_scoring_only_its_answer_stays(workspace, run):
    result = evaluate_run(run, split="train", candidate=SEED)
    assert result["size"] == len(result["rows"])
    assert kept(workspace) == {"request.json", "score.json", "out.log"}
    assert has_rows(RunFolder(run), SEED, "train")


def test_of_a_scoring_that_failed_its_output_stays(workspace, run):
    (workspace.root / "program.py").write_text("raise RuntimeError('not today')\n")
    with pytest.raises(CompilotError, match="not today"):
        evaluate_run(run, candidate=SEED)
    assert kept(workspace) == {"request.json", "score.json", "out.log"}


def test_a_look_at_test_counts_for_the_split_that_was_scored(workspace, run):
    evaluate_run(run, candidate=SEED)
    splits = load_splits(workspace.recipe().data, workspace.root, workspace.state_dir)
    assert [look.by for look in list_looks(workspace.store, splits.hash)] == [f"eval of {run.name}"]
    evaluate_run(run, candidate=SEED, split="val")
    assert len(list_looks(workspace.store)) == 1


def test_looks_remembered_without_a_hash_can_still_be_read(workspace):
    workspace.prepare()
    remember_look(workspace.store, "test", "eval of an earlier run")
    assert [look.by for look in list_looks(workspace.store)] == ["eval of an earlier run"]


@pytest.mark.parametrize("budget", [{"calls": 60}, {"tokens": 100_000}])
def test_what_a_run_spent_binds_no_scoring_of_it(tmp_path, budget):
    folder = make_workspace(tmp_path / "w")
    run, state = run_to_end(folder, make_recipe(folder, "GEPA", budget=budget))
    assert state.stop_reason == "budget"
    result = evaluate_run(run.folder)
    assert result["errors"] == 0
    assert result["ledger"]["student"]["paid"] == result["size"] == 108
    assert export_run(run.folder, tmp_path / "out")["verified"]["errors"] == 0


def test_a_scoring_keeps_to_the_budget_by_itself(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run, _ = run_to_end(folder, make_recipe(folder, "GEPA", budget={"tokens": 20_000}))
    with pytest.raises(RunError, match="the scoring was stopped: tokens cap reached") as raised:
        evaluate_run(run.folder)
    assert "Limits in Runs" in raised.value.fix
    set_limits(run.folder, budget=Budget(tokens=60_000), num_threads=4)
    assert evaluate_run(run.folder)["errors"] == 0


def test_a_scoring_that_is_cancelled_leaves_nothing(workspace, run, tmp_path):
    program = workspace.root / "program.py"
    mark = tmp_path / "begun"
    program.write_text(f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(600)\n")
    cancel = threading.Event()

    def cancel_once_begun():
        while not mark.exists():
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=cancel_once_begun, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(RunError, match="the scoring was cancelled"):
        evaluate_run(run, candidate=SEED, cancel=cancel)
    assert time.monotonic() - began < 60
    assert not list((workspace.state_dir / "evals").iterdir())
