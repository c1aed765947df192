"""The preflight: one line for each thing, and what fails says how to mend it."""

import shutil
from pathlib import Path

import msgspec
import pytest

from core.recipe import Budget, MetricSpec, ModelProfile, OptimizerSpec, ProgramSpec
from core.sandbox.client import Sandbox
from core.workbench.desk import PRELOAD, Desk
from core.workbench.preflight import preflight
from core.workspace import Workspace

SAMPLES = Path(__file__).parents[3] / "sample_data"


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preflight") / "router"
    shutil.copytree(SAMPLES / "router", folder, ignore=shutil.ignore_patterns(".compilot", "__pycache__"))
    workspace = Workspace.open(folder)
    with Sandbox(folder, preload=PRELOAD) as sandbox:
        yield workspace, sandbox


def check(router, *, ask_models=False, **changes):
    workspace, sandbox = router
    recipe = msgspec.structs.replace(workspace.recipe(), **changes)
    return preflight(
        Desk(workspace.root, recipe, sandbox=sandbox), recipe, workspace.root, ask_models=ask_models
    )


def failed(checks):
    return [one for one in checks if one.status == "fail"]


def test_a_sample_passes(router):
    checks = check(router)
    assert [one.status for one in checks if one.status not in ("pass", "info")] == []
    names = [one.name for one in checks]
    assert names[:3] == ["program", "data", "metric"]
    assert {"model student", "model reflection", "optimizer", "budget", "disk"} <= set(names)


def test_models_are_asked_only_on_request(router):
    answered = [one for one in check(router, ask_models=True) if "answered in" in one.detail]
    assert [one.name for one in answered] == ["model student", "model reflection", "model proposer"]


def test_a_missing_key_is_named_and_nothing_else_of_it(router, monkeypatch):
    for name in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    profile = ModelProfile(model="openai/gpt-4.1-mini", key_env="MY_KEY")
    (one,) = failed(check(router, models={"student": profile}))
    assert one.name == "model student"
    assert "MY_KEY" in one.fix
    monkeypatch.setenv("MY_KEY", "sk-canary-1234567890")
    with Sandbox(router[0].root, preload=PRELOAD) as sandbox:
        checks = check((router[0], sandbox), models={"student": profile})
    assert failed(checks) == []
    assert "canary" not in msgspec.json.encode(checks).decode()


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"program": ProgramSpec(target="gone.py:X")}, "program", "no file 'gone.py'"),
        ({"program": ProgramSpec(target="text -> team")}, "program", "needs 'text'"),
        ({"metric": MetricSpec(target="metrics.py:gone")}, "metric", "has no 'gone'"),
        ({"metric": MetricSpec(target="builtin:gone")}, "metric", "no built-in metric"),
        ({"models": {"student": ModelProfile(model="embedded/nobody")}}, "models", "nobody"),
        ({"optimizer": OptimizerSpec(name="GEPPA")}, "optimizer", "GEPPA"),
        ({"optimizer": OptimizerSpec(name="GEPA", params={"colour": 1})}, "optimizer", "colour"),
    ],
)
def test_what_is_wrong_fails_with_a_fix(router, changes, name, said):
    found = [one for one in failed(check(router, **changes)) if one.name == name]
    assert found, check(router, **changes)
    assert any(said in one.detail for one in found)
    assert all(one.fix for one in found)


def test_paid_models_without_a_cap_are_a_warning(router, monkeypatch):
    monkeypatch.setenv("MY_KEY", "x" * 20)
    profile = ModelProfile(model="openai/gpt-4.1-mini", key_env="MY_KEY")
    checks = check(router, models={"student": profile}, budget=Budget())
    assert [one.status for one in checks if one.name == "budget"] == ["warn"]


def test_gepa_without_feedback_is_told(router):
    (router[0].root / "plain.py").write_text("def metric(e, p): return e.team == p.team\n")
    checks = check(router, metric=MetricSpec(target="plain.py:metric"), optimizer=OptimizerSpec(name="GEPA"))
    assert any(one.status == "info" and "feedback" in one.detail for one in checks)


@pytest.mark.parametrize("code", ["while True: pass", "import os; os._exit(1)", "import sys; sys.exit(0)"])
def test_code_that_does_not_come_back_is_a_line_like_any_other(router, code, monkeypatch):
    monkeypatch.setattr("core.workbench.desk.LOAD_SECONDS", 2.0)
    (router[0].root / "stuck.py").write_text(f"{code}\n")
    (one,) = [
        one
        for one in failed(check(router, program=ProgramSpec(target="stuck.py:X")))
        if one.name == "program"
    ]
    assert one.where.startswith("stuck.py:1")


BROKEN = """
import dspy


class Broken(dspy.Module):
    def __init__(self):
        super().__init__()
        self.route = dspy.Predict("message -> team")

    def forward(self, message):
        raise KeyError("oops")


def metric(example, prediction, trace=None):
    raise ValueError("no score")
"""


@pytest.fixture
def broken(router):
    path = router[0].root / "broken.py"
    path.write_text(BROKEN, "utf-8")
    yield router
    path.unlink()


def test_a_program_that_raises_on_every_row_fails_with_its_error(broken):
    (one,) = failed(check(broken, program=ProgramSpec(target="broken.py:Broken")))
    assert one.name == "program on rows"
    assert "3 of 3 rows" in one.detail
    assert "KeyError: 'oops'" in one.detail
    assert "broken.py:11" in one.where


def test_a_metric_that_raises_on_every_row_fails_with_its_error(broken):
    (one,) = failed(check(broken, metric=MetricSpec(target="broken.py:metric")))
    assert one.name == "metric on rows"
    assert "ValueError: no score" in one.detail
    assert "broken.py:15" in one.where


def test_with_models_that_cost_money_no_row_is_tried(router, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567890")
    with Sandbox(router[0].root, preload=PRELOAD) as sandbox:
        checks = check((router[0], sandbox), models={"student": ModelProfile(model="openai/gpt-4.1-mini")})
    (one,) = [one for one in checks if one.name == "rows"]
    assert one.status == "info"
    assert "no row was tried" in one.detail
