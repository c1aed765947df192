"""The metric doctor: quiet on sound metrics, and each planted fault is found at its line."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from core.findings import has_failed
from core.recipe import MetricSpec, OptimizerSpec, ProgramSpec
from core.sandbox.client import Sandbox
from core.sandbox.limits import Limits
from core.workbench.desk import PRELOAD, Desk
from core.workspace import Workspace

FAULTS = sorted((Path(__file__).parent / "faults").glob("*.py"))
SAMPLES = Path(__file__).parents[3] / "sample_data"
SPECIAL = {"stuck_in_c": {"seconds": 3.0}, "eats_memory": {"row_seconds": 20.0}}
"""How the doctor is called where the usual limits would find something else first."""
ELSES_MODEL = """
import dspy
from dspy.clients.base_lm import BaseLM
class Scripted(BaseLM):
    def __init__(self):
        super().__init__(model="somebody/elses-model")
    def forward(self, prompt=None, messages=None, **kwargs):
        from types import SimpleNamespace as N
        choice = N(message=N(content="[[ ## label ## ]]\\nx\\n[[ ## completed ## ]]"), finish_reason="stop")
        return N(choices=[choice], usage={}, model="scripted")
lm = Scripted()
"""


def copy_sample(name, folder):
    shutil.copytree(SAMPLES / name, folder, ignore=shutil.ignore_patterns(".compilot", "__pycache__"))
    return Workspace.open(folder)


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor") / "router"
    workspace = copy_sample("router", folder)
    (folder / "core_less_lm.py").write_text(ELSES_MODEL)
    for fault in FAULTS:
        shutil.copy(fault, folder)
    with Sandbox(folder, preload=PRELOAD, limits=Limits(memory_mb=700)) as sandbox:
        sandbox.start()
        yield workspace, sandbox


def examine(router, target, optimizer=None, **options):
    workspace, sandbox = router
    recipe = msgspec.structs.replace(workspace.recipe(), metric=MetricSpec(target=target))
    if optimizer:
        recipe = msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name=optimizer))
    options = {"rows": 6, "row_seconds": 1.3, "seconds": 30.0, **options}
    return Desk(workspace.root, recipe, sandbox=sandbox).test_metric(**options)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_a_planted_fault_is_found(router, fault):
    level, code, _, where = re.match(r"# finds: (\w+) ([\w.|]+)(, at (.*))?\n", fault.read_text()).groups()
    options = SPECIAL.get(fault.stem, {})
    report = examine(router, f"{fault.name}:metric", "GEPA", **options)
    found = [finding for finding in report.findings if finding.code in code.split("|")]
    assert found, report.findings
    assert found[0].level == level
    assert found[0].what
    assert found[0].fix or code == "code.died"
    if where:
        assert found[0].where.startswith(where), found[0].where
    assert has_failed(report.findings) is (level == "fail")


def test_there_are_enough_faults():
    assert len(FAULTS) >= 15


@pytest.mark.parametrize("sample", ["router", "triage", "pipeline7", "extract", "tiny"])
def test_sound_metrics_of_the_samples_raise_nothing(sample, tmp_path):
    workspace = copy_sample(sample, tmp_path / sample)
    with Desk(workspace.root, workspace.recipe()) as desk:
        report = desk.test_metric(12)
    assert report.findings == ()
    assert report.summary["gold"] == 1.0
    assert report.summary["other"] < 0.3
    assert all(row.got is not None for row in report.rows)


@pytest.mark.parametrize(
    "target", ["builtin:exact_match", "builtin:normalized_match", "builtin:levenshtein", "builtin:json_match"]
)
def test_built_in_metrics_raise_nothing(router, target):
    report = examine(router, target)
    assert not [finding for finding in report.findings if finding.level in ("fail", "warn")]


def test_without_the_program_no_model_is_asked(router):
    report = examine(router, "metrics.py:routed_right", with_program=False)
    assert report.findings == ()
    assert not any(row.get("asked") for row in report.ledger.values())


def test_a_program_that_cannot_answer_is_told_and_the_metric_tested_without(router):
    workspace, sandbox = router
    (workspace.root / "broken_program.py").write_text(
        "import dspy\nclass P(dspy.Module):\n  def forward(self, message):\n    raise ValueError('no')\n"
    )
    program = ProgramSpec(target="broken_program.py:P")
    recipe = msgspec.structs.replace(workspace.recipe(), program=program)
    report = Desk(workspace.root, recipe, sandbox=sandbox).test_metric(4)
    (finding,) = report.findings
    assert (finding.level, finding.code) == ("warn", "program.raises")
    assert finding.where == "broken_program.py:4 in forward"
    assert report.summary["gold"] == 1.0


def test_feedback_that_is_missing_is_told_to_who_needs_it(router):
    (router[0].root / "plain_metric.py").write_text("def metric(e, p): return e.team == p.team\n")
    (finding,) = examine(router, "plain_metric.py:metric", "GEPA").findings
    assert (finding.level, finding.code) == ("info", "metric.no_feedback")
    assert examine(router, "plain_metric.py:metric").findings == ()


def test_after_everything_the_child_still_works(router):
    assert examine(router, "metrics.py:routed_right").findings == ()
