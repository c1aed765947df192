"""What a failed run tells: the line that broke, and what to do about it."""

from __future__ import annotations

import json

import pytest

from core.errors import DataError
from core.runs.failures import complete, explain
from core.runs.folder import RunFolder
from tests.support.runs import make_recipe, make_workspace, run_to_end


def break_file(folder, kind: str) -> str:
    """Let the metric or the program raise on every row; gives the place of the line."""
    if kind == "metric":
        path = folder / "metrics.py"
        text = path.read_text()
        path.write_text(text + "\n\ndef routed_right(example, pred, trace=None):\n    return 1 / 0\n")
    else:
        path = folder / "program.py"
        head = "    def forward(self, **inputs):\n"
        text = path.read_text()
        path.write_text(text + f"\n{head}        return 1 / 0\n")
    return f"{path.name}:{len(path.read_text().splitlines())}"


@pytest.mark.parametrize(("kind", "check"), [("metric", "metric test"), ("program", "program try")])
def test_a_metric_or_program_that_raises_is_named_with_its_line(tmp_path, kind, check):
    folder = make_workspace(tmp_path / "w")
    where = break_file(folder, kind)
    run, state = run_to_end(folder, make_recipe(folder, "LabeledFewShot", run={"max_errors": 3}))
    assert state.status == "failed"
    assert "ZeroDivisionError" in state.detail
    assert state.where.startswith(where)
    assert f"mend the {kind}" in state.fix
    assert f"`compilot {check}`" in state.fix
    assert f"`compilot runs resume {run.run_id} --anyway`" in state.fix
    told = json.loads((run.folder / "result.json").read_text())["error"]
    assert (told["what"], told["where"], told["fix"]) == (state.detail, state.where, state.fix)


def test_answers_that_cannot_be_read_are_not_blamed_on_the_program(tmp_path):
    folder = make_workspace(tmp_path / "w")
    recipe = make_recipe(folder, "LabeledFewShot", run={"max_errors": 3}, dials={"malformed_rate": 1.0})
    _, state = run_to_end(folder, recipe)
    assert state.status == "failed", state.detail
    assert "compilot check" in state.fix


def test_an_unexpected_exception_of_the_workspace_names_its_line(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    folder = RunFolder(workspace / ".compilot" / "runs" / "261101-100000-gepa-aaaa")
    folder.create(make_recipe(workspace, "GEPA"), workspace, 0.0)
    (workspace / "helper.py").write_text("def help():\n    return {}['gone']\n")
    code = compile((workspace / "helper.py").read_text(), str(workspace / "helper.py"), "exec")
    space: dict = {}
    exec(code, space)
    with pytest.raises(KeyError) as caught:
        space["help"]()
    told = explain(caught.value, folder)
    assert (told.what, told.where) == ("KeyError: 'gone'", "helper.py:2 in help")
    assert "mend that line" in told.fix
    with pytest.raises(KeyError) as caught:
        {}["ours"]
    assert explain(caught.value, folder).where == str(folder.output)


def test_an_error_without_a_fix_gets_one(tmp_path):
    folder = RunFolder(tmp_path / "261101-100000-gepa-aaaa")
    told = complete(DataError("the file is empty", where="rows.csv"), folder)
    assert (type(told), told.what, told.where) == (DataError, "the file is empty", "rows.csv")
    assert told.fix.startswith("mend that")
    known = DataError("no", fix="look")
    assert complete(known, folder) is known
