"""What advice is read from: profiles, descriptions, the doctor's report, past runs, feedback's words."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from core.advice.explains import explains_more
from core.advice.gather import (
    chosen_name,
    for_optimizer,
    gather,
    price_all,
    read_metric,
    read_profile,
    read_program,
)
from core.advice.history import read_history
from core.advice.recommend import recommend
from core.advice.situation import Situation
from core.data import profile_file
from core.data.profile.report import profile_data
from core.errors import OptimizerError
from core.metrics.verdict import Verdict
from core.optimizers import registry
from core.programs.describe import FieldDescription, ModuleNode, PredictorDescription, ProgramDescription
from core.recipe import Budget, DataSpec, OptimizerSpec
from core.runs.folder import Provenance, RunFolder
from core.workbench.reports import DoctorRow, MetricReport
from core.workspace import Workspace
from tests.core.advice.situations import measured

ROUTER = Path(__file__).parents[3] / "sample_data" / "router"
LABELS = [{"team": team} for team in ("identity", "devices", "network", "payroll", "devices")]


def test_feedback_that_compares_explains_nothing_more():
    texts = [f"Wrong team: expected '{row['team']}', got 'devices'." for row in LABELS]
    assert explains_more(texts, LABELS) is False


def test_feedback_with_reasons_explains():
    texts = [
        "Wrong team: the message names a password, and passwords belong to identity.",
        "Laptops that do not start are hardware. Devices handles hardware, whoever wrote the message.",
        "Read the second sentence: the wifi drops in one building only, so it is the network.",
        "Money that arrives late is a matter for payroll even when a form is mentioned.",
        "A broken screen was mentioned in passing; what the sender asks for is a new badge.",
    ]
    assert explains_more(texts, LABELS) is True


@pytest.mark.parametrize("texts", [[], ["Wrong."], ["", " ", "\n", "", ""]])
def test_too_little_feedback_says_nothing(texts):
    assert explains_more(texts, LABELS) is None


def test_nested_labels_have_as_many_fields_as_leaves():
    rows = [
        {"invoice": {"vendor": f"v{n}", "items": [{"name": "a", "count": n}, {"name": "b"}]}}
        for n in range(5)
    ]
    fields = ("vendor", "items", "name", "count")
    texts = [f"Wrong {field}: expected 'v{n}', got 'x'." for n in range(5) for field in fields]
    assert explains_more(texts, rows) is False


def describe(*predictors, kind="Predict"):
    return ProgramDescription(
        kind="Program",
        doc="",
        inputs=("message",),
        required_inputs=("message",),
        takes_any_input=False,
        predictors=tuple(
            PredictorDescription(
                name=f"p{number}",
                module=kind,
                signature="S",
                instructions="",
                fields=(FieldDescription("message", "input", "str", "", ""), *fields),
                demos=(),
            )
            for number, fields in enumerate(predictors)
        ),
        modules=ModuleNode(name="program", kind="Program"),
    )


def output(name, type="str", choices=(), fields=()):
    return FieldDescription(name, "output", type, "", "", tuple(choices), tuple(fields))


def test_outputs_are_told_apart_by_what_they_can_hold():
    kind = FieldDescription("kind", "nested", "Kind", "", "", ("a", "b"))
    facts = read_program(
        describe(
            [output("reasoning"), output("team", "Literal['a']", ["a", "b"])],
            [
                output("invoice", "Invoice", fields=[kind, output("vendor")]),
                output("ok", "bool"),
                output("reply"),
            ],
        ),
        labels=("team", "invoice", "reply"),
    )
    assert facts.predictors == ("p0", "p1")
    assert facts.closed == ("team", "ok")
    assert (facts.structured, facts.enums) == (("invoice",), 1)
    assert facts.open == ("reply",)
    assert facts.unlabeled == ("reasoning", "ok")
    assert read_program(describe()).predictors == ()


def test_columns_from_use_are_logs_and_no_labels(tmp_path):
    rows = [
        {"question": f"q {n}", "answer": "x " * 60 + str(n), "feedback": "good", "call_id": n}
        for n in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    facts = read_profile(profile_data(DataSpec(path="rows.jsonl", inputs=("question",)), tmp_path))
    assert facts.labels == ("answer",)
    assert facts.text_labels == ("answer",)
    assert facts.log_columns == ("feedback", "call_id")
    assert facts.train + facts.val + facts.test == 40
    chosen = read_profile(profile_file("rows.jsonl", tmp_path), chosen=("other",))
    assert chosen.labels == ()


def row(number, *, program=None, other=None):
    return DoctorRow(
        row=number,
        id=str(number),
        inputs={},
        expected={"team": "a"},
        got={"team": "b"},
        program_error=None,
        program=program,
        gold=Verdict(1.0, "Correct."),
        other=other,
    )


def test_the_doctor_s_report_in_short():
    rows = tuple(
        row(n, program=Verdict(0.0, "Wrong.", {"x": 0.0, "y": 0.0}), other=Verdict(0.0, "Wrong."))
        for n in range(5)
    )
    summary = {"gold": 1.0, "other": 0.0, "program": 0.0, "takes_pred_name": True, "routes_feedback": False}
    facts = read_metric(MetricReport(rows=rows, summary=summary))
    assert (facts.gold, facts.other, facts.program) == (1.0, 0.0, 0.0)
    assert (facts.feedback, facts.explains, facts.objectives) == (True, False, 2)
    assert (facts.takes_name, facts.routes, facts.distinct) == (True, False, 1)
    empty = read_metric(MetricReport())
    assert (empty.feedback, empty.explains, empty.rows) == (None, None, 0)


def test_estimates_for_all_with_what_the_caps_buy():
    recipe = Workspace.open(ROUTER).recipe(budget={"calls": 900})
    facts = price_all(Situation(), recipe, {"BootstrapFewShot": measured()})
    assert set(facts.costs) | set(facts.refused) == set(registry.names())
    assert facts.budget.calls == 900
    assert all(cost.buys for cost in facts.costs.values())
    over = [cost for cost in facts.costs.values() if cost.calls > 900 and cost.fit]
    assert over
    assert all("=" in cost.fit for cost in over)
    assert price_all(facts, recipe, {}).costs == {}


def test_an_optimizer_that_its_parameters_forbid_is_refused_with_the_reason():
    recipe = msgspec.structs.replace(
        Workspace.open(ROUTER).recipe(),
        optimizer=OptimizerSpec(name="GEPA", params={"nope": 1}),
    )
    facts = price_all(Situation(), recipe, {"GEPA": measured()})
    assert "no parameter" in facts.refused["GEPA"]
    assert "MIPROv2" in facts.costs


def test_the_chosen_optimizer_keeps_its_parameters():
    recipe = Workspace.open(ROUTER).recipe()
    assert for_optimizer(recipe, recipe.optimizer.name) is recipe
    assert for_optimizer(recipe, "GEPA").optimizer == OptimizerSpec(name="GEPA")


def test_an_optimizer_of_the_person_s_own_is_no_reason_against_advice():
    recipe = Workspace.open(ROUTER).recipe()
    own = msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name="mine.py:Search"))
    assert chosen_name(own) is None
    assert chosen_name(msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name="gepa"))) == "GEPA"
    with pytest.raises(OptimizerError, match="there is no optimizer"):
        recommend(msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name="GEPPA")), ROUTER)


# Past runs


@pytest.fixture
def workspace(tmp_path):
    return Workspace.init_sample("tiny", tmp_path / "w")


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def past_run(workspace, number, *, days_ago, data="d1", code=None, baseline=0.5, recipe=None, now=1e9):
    workspace.prepare()
    folder = RunFolder(workspace.runs_dir / f"2601{number:02d}-100000-gepa-aaaa")
    folder.create(recipe or workspace.recipe(), workspace.root, now - days_ago * 86_400)
    program = code or sha(workspace.root / "program.py")
    folder.write_provenance(Provenance({"program.py": program}, data, {"dspy": "3"}))
    folder.write_json("result.json", {"baseline": {"val": baseline, "test": None}})
    return folder


def test_no_runs_tell_nothing(workspace):
    assert read_history(workspace.recipe(), workspace.root, "d1").runs == 0


def test_edits_between_runs_and_since_the_last_one(workspace):
    past_run(workspace, 1, days_ago=9, code="old")
    past_run(workspace, 2, days_ago=5)
    past_run(workspace, 3, days_ago=1, data="d2")
    history = read_history(workspace.recipe(), workspace.root, "d2", now=1e9)
    assert history.runs == 3
    assert [edit.what for edit in history.edits] == [("the data",), ("program.py",)]
    assert [round(edit.days) for edit in history.edits] == [1, 5]
    (workspace.root / "program.py").write_text("changed = True\n")
    later = read_history(workspace.recipe(), workspace.root, "d3", now=1e9)
    assert later.edits[0].what == ("program.py", "the data")
    assert later.edits[0].days == 0


def test_baselines_of_equal_setups_only(workspace):
    past_run(workspace, 1, days_ago=3, baseline=0.1, data="other")
    past_run(workspace, 2, days_ago=2, baseline=0.5)
    past_run(workspace, 3, days_ago=1, baseline=0.6)
    other = workspace.recipe(models={"student": {"model": "embedded/other"}})
    past_run(workspace, 4, days_ago=0.5, baseline=0.9, recipe=other)
    past_run(workspace, 5, days_ago=0.1, baseline=0.7)
    assert read_history(workspace.recipe(), workspace.root, "d1", now=1e9).baselines == (0.5, 0.6, 0.7)


def test_damaged_and_unfinished_runs_are_left_out(workspace):
    good = past_run(workspace, 1, days_ago=3)
    (past_run(workspace, 2, days_ago=2).path / "provenance.json").write_text("{")
    (past_run(workspace, 3, days_ago=1).path / "provenance.json").unlink()
    (past_run(workspace, 4, days_ago=1).path / "recipe.json").write_text("")
    history = read_history(workspace.recipe(), workspace.root, "d1", now=1e9)
    assert history.runs == 1
    assert good.path.exists()


# Whole workspaces, without a process of the user's code


class BrokenDesk:
    """A desk at which nothing can be loaded."""

    sandbox = SimpleNamespace()

    def __init__(self, root, recipe):
        self.root, self.recipe = root, recipe

    def describe_program(self, **_):
        from core.errors import ProgramError

        raise ProgramError("it cannot be loaded", where="program.py:3", fix="mend it")

    def test_metric(self, *_, **__):
        from core.errors import MetricError

        raise MetricError("it cannot be called", where="metrics.py:3", fix="mend it")


def test_what_cannot_be_looked_at_is_a_failed_check_and_no_error(workspace):
    (workspace.root / "comments.jsonl").unlink()
    recipe = workspace.recipe()
    facts = gather(recipe, workspace.root, desk=BrokenDesk(workspace.root, recipe), run_program=False)
    assert [one.part for one in facts.problems] == ["data", "program"]
    advice = recommend(recipe, desk=BrokenDesk(workspace.root, recipe), run_program=False)
    assert not advice.ready
    assert {check.status for check in advice.readiness if check.check in ("examples", "task")} == {"fail"}
    assert advice.situation.budget == Budget(minutes=15)


def test_a_metric_that_cannot_be_called_is_told_with_its_place(workspace):
    recipe = workspace.recipe()
    advice = recommend(recipe, desk=BrokenDesk(workspace.root, recipe), run_program=False)
    (check,) = (one for one in advice.readiness if one.check == "metric")
    assert check.status == "fail"
    assert "metrics.py:3" in check.detail
