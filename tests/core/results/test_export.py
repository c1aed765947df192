import json

import pytest

from core.errors import RunError
from core.results.export import export_run
from core.workspace import Workspace
from tests.support.results import make_result_run


def test_a_program_that_errors_on_every_row_says_why(tmp_path):
    workspace = Workspace.init_sample("router", tmp_path / "w")
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
