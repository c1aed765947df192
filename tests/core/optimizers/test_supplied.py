"""An optimizer that the workspace brings along: a class or a function, given what it names."""

import sys

import pytest

from core.errors import OptimizerError
from core.optimizers import registry
from core.optimizers.base import Optimizer
from core.optimizers.supplied import find_spec, is_supplied, load_optimizer
from core.programs.imports import open_project
from core.results.export import export_run
from tests.support.runs import make_recipe, make_workspace, run_to_end

MINE = '''
import dspy


class Mine(dspy.BootstrapFewShot):
    """Bootstraps with fewer demonstrations."""

    def __init__(self, metric, teacher_settings, demos=2):
        super().__init__(metric=metric, teacher_settings=teacher_settings, max_bootstrapped_demos=demos)


def mine(student, trainset, **more):
    assert more == {"k": 2}
    return dspy.LabeledFewShot(k=more["k"]).compile(student, trainset=trainset)


number = 3
'''


@pytest.fixture
def folder(tmp_path):
    place = make_workspace(tmp_path / "w")
    (place / "mine.py").write_text(MINE)
    return place


@pytest.fixture
def imported(folder):
    open_project(folder)
    yield folder
    sys.modules.pop("mine", None)
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "root", None) != folder]


def test_only_a_place_in_code_is_supplied():
    assert is_supplied("mine.py:Mine")
    assert not is_supplied("GEPA")
    assert find_spec("GEPA", {}) is registry.get("GEPA").spec
    assert find_spec("mine.py:Mine", {"demos": 3}).parameters[0].type == "int"
    with pytest.raises(OptimizerError, match="dry-run"):
        registry.get("mine.py:Mine")


def test_what_is_no_optimizer_is_refused(imported):
    assert isinstance(load_optimizer("mine.py:Mine", imported, {}), Optimizer)
    with pytest.raises(OptimizerError, match="int"):
        load_optimizer("mine.py:number", imported, {})
    with pytest.raises(OptimizerError):
        load_optimizer("mine.py:nobody", imported, {})


@pytest.mark.parametrize(("name", "params"), [("mine.py:Mine", {"demos": 3}), ("mine.py:mine", {"k": 2})])
def test_it_runs_and_is_exported_like_every_other(folder, tmp_path, name, params):
    run, state = run_to_end(folder, make_recipe(folder, name, params))
    assert state.status == "completed", state.detail
    assert state.ledger["student"]["asked"] == 360
    assert ("teacher" in state.ledger) == (name == "mine.py:Mine")
    export_run(run.folder, tmp_path / "out")
    assert (tmp_path / "out" / "program.json").exists()
