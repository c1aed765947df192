import json
import threading

import pytest

from core.errors import CompilotError, RunError
from core.results.export import export_run
from core.workspace import Workspace
from tests.support.results import MERGED, make_result_run
from tests.support.runs import make_recipe, make_workspace, run_to_end

OURS = {"version": 1, "run_id": "r", "candidate": "c", "verified": {}}


@pytest.fixture
def workspace(tmp_path):
    return Workspace.init_sample("router", tmp_path / "w")


@pytest.fixture
def broken(workspace):
    """A run whose program no longer loads, so that no export of it can be verified."""
    run = make_result_run(workspace)
    (workspace.root / "program.py").write_text("raise RuntimeError('not today')\n")
    return run


def write_export(folder, manifest):
    folder.mkdir()
    (folder / "program.json").write_text('{"old": 1}')
    if manifest is not None:
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_failed_export_leaves_no_new_folder(broken, tmp_path):
    with pytest.raises(RunError, match="not today"):
        export_run(broken, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()


def test_an_export_that_cannot_be_verified_changes_nothing(workspace, tmp_path):
    run = make_result_run(workspace)
    before = write_export(tmp_path / "out", OURS)
    stop = threading.Event()
    stop.set()
    with pytest.raises(RunError, match="was cancelled"):
        export_run(run, tmp_path / "out", cancel=stop)
    copy_program(workspace, run)
    (workspace.root / "metrics.py").write_text("raise RuntimeError('no metric')\n")
    with pytest.raises(CompilotError, match="no metric"):
        export_run(run, tmp_path / "out")
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == before


def copy_program(workspace, run):
    """As if the run had ended with its program written: an export copies that."""
    (run / "program.json").write_text('{"new": 1}')
    (run / "result.json").write_text(json.dumps({"best": {"candidate": MERGED}}))


@pytest.mark.parametrize("manifest", [None, {"name": "an app"}, ["no", "object"]])
def test_files_of_others_are_not_overwritten(workspace, tmp_path, manifest):
    run = make_result_run(workspace)
    before = write_export(tmp_path / "out", manifest)
    with pytest.raises(RunError, match="that no export wrote") as raised:
        export_run(run, tmp_path / "out")
    assert "empty folder" in raised.value.fix
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == before


def test_an_earlier_export_is_replaced(tmp_path):
    folder = make_workspace(tmp_path / "w")
    run, _ = run_to_end(folder, make_recipe(folder, "LabeledFewShot"))
    write_export(tmp_path / "out", OURS)
    for _ in range(2):
        manifest = export_run(run.folder, tmp_path / "out")
        written = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert written["run_id"] == manifest["run_id"] == run.run_id
        assert manifest["program_file"] == str(tmp_path / "out" / "program.json")
        assert "old" not in json.loads((tmp_path / "out" / "program.json").read_text())
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"program.json", "manifest.json"}


def test_a_program_that_errors_on_every_row_says_why(workspace, tmp_path):
    run = make_result_run(workspace)
    stored = json.loads((run / "recipe.json").read_text())
    stored["recipe"].setdefault("run", {})["max_errors"] = 1000
    (run / "recipe.json").write_text(json.dumps(stored))
    target = workspace.recipe().metric.target.partition(":")
    (workspace.root / target[0]).write_text(
        f"def {target[2]}(example, prediction, trace=None):\n    raise ValueError('no labels today')\n"
    )
    with pytest.raises(RunError, match=r"every row of val errored.*row 0: ValueError: no labels") as raised:
        export_run(run, tmp_path / "out")
    assert "export again" in raised.value.fix
