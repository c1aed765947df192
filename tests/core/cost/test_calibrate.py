"""Past runs of a workspace: which ones count, and what they teach the estimate."""

import json

import msgspec
import pytest

from core.cost.calibrate import PastRole, PastRun, calibrate, read_past_runs, read_proposals
from core.cost.estimate import estimate_run
from core.cost.facts import CallTokens, Measured
from core.optimizers.facts import Facts, PredictorFacts
from core.recipe import DataSpec, MetricSpec, ModelProfile, OptimizerSpec, Price, ProgramSpec, Recipe
from core.samples import copy_sample
from core.workspace import Workspace
from tests.support.runs import run_to_end

STUDENT = ModelProfile(model="openai/small", price=Price(input=1.0, output=2.0, cached_input=0.1))
STRONG = ModelProfile(model="openai/large", price=Price(input=5.0, output=10.0))
FACTS = Facts(train=60, val=20, test=20, predictors=(PredictorFacts(name="a"),), success_rate=0.5)
MEASURED = Measured(facts=FACTS, tokens={"student": CallTokens(200.0, 10.0)}, rows=6, calls=9, depth="small")


def make_recipe(params=None, name="GEPA", **models):
    return Recipe(
        program=ProgramSpec(target="question -> answer"),
        data=DataSpec(path="rows.jsonl", inputs=("question",)),
        metric=MetricSpec(target="builtin:exact_match"),
        models={"student": STUDENT, "reflection": STRONG, **models},
        optimizer=OptimizerSpec(name=name, params=params or {}),
    )


def make_run(recipe, **more):
    ledger = {
        "student": PastRole(
            asked=1000,
            paid=800,
            input_tokens=400_000,
            output_tokens=8_000,
            cached_input_tokens=100_000,
            latency_seconds=2.0,
        ),
        "reflection": PastRole(
            asked=10, paid=10, input_tokens=9_000, output_tokens=6_000, latency_seconds=20.0
        ),
    }
    return PastRun("r1", recipe, ledger, **more)


def test_an_equal_run_tells_tokens_repeats_and_latency():
    recipe = make_recipe({"max_full_evals": 4})
    known = calibrate(MEASURED, recipe, [make_run(recipe)])
    assert known.latency_seconds == {"student": 2.0, "reflection": 20.0}
    assert known.tokens["reflection"] == CallTokens(900.0, 600.0)
    assert known.paid_shares["student"] == 0.8
    assert known.run_tokens["student"] == CallTokens(500.0, 10.0)
    found = estimate_run(recipe, known)
    student = found.roles["student"]
    assert student.paid.expected == pytest.approx(0.8 * student.calls.expected, abs=1)
    assert student.input_tokens.expected == pytest.approx(500 * student.paid.expected, rel=0.01)
    assert any("1 past run " in line for line in found.assumptions)
    assert not any("guess" in line for line in found.assumptions)


def test_cached_input_is_priced_as_past_runs_had_it():
    recipe = make_recipe({"max_full_evals": 4})
    plain, known = MEASURED, calibrate(MEASURED, recipe, [make_run(recipe)])
    assert any("reckon with none" in line for line in estimate_run(recipe, plain).assumptions)
    found = estimate_run(recipe, known)
    student = found.roles["student"]
    tokens = student.input_tokens.expected
    expected = (0.75 * tokens * 1.0 + 0.25 * tokens * 0.1 + student.output_tokens.expected * 2.0) / 1e6
    assert student.usd.expected == pytest.approx(expected, rel=0.01)
    assert any(line.startswith("25 % of the input of openai/small") for line in found.assumptions)


def test_other_parameters_and_models_teach_only_what_is_alike():
    past = make_run(make_recipe({"max_full_evals": 2}))
    known = calibrate(MEASURED, make_recipe({"max_full_evals": 4}), [past])
    assert known.tokens["reflection"] == CallTokens(900.0, 600.0)
    assert known.paid_shares == {}
    other = make_recipe({"max_full_evals": 4}, reflection=ModelProfile(model="openai/another"))
    assert "reflection" not in calibrate(MEASURED, other, [past]).tokens
    assert calibrate(MEASURED, make_recipe(name="LabeledFewShot"), []) == MEASURED


def test_reflections_count_where_minibatches_were_the_same():
    record = ("accepted", "rejected") * 6
    past = make_run(make_recipe({"max_full_evals": 2}), reflections=record)
    assert calibrate(MEASURED, make_recipe({"max_full_evals": 4}), [past]).facts.reflections == record
    other = make_recipe({"max_full_evals": 4, "reflection_minibatch_size": 8})
    assert calibrate(MEASURED, other, [past]).facts.reflections == ()


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    folder = tmp_path_factory.mktemp("used") / "w"
    copy_sample("router", folder)
    workspace = Workspace.open(folder)
    recipe = workspace.recipe(optimizer="GEPA", params={"max_metric_calls": 200})
    run, state = run_to_end(folder, recipe)
    assert state.status == "completed"
    return workspace, recipe, run


def test_a_real_run_is_read_back(used):
    workspace, recipe, run = used
    (past,) = read_past_runs(recipe, workspace.root)
    assert past.run_id == run.folder.name
    assert past.ledger["student"].asked > 200
    known = read_proposals(past, workspace.root)
    assert 1 <= len(known.reflections) <= past.ledger["reflection"].asked
    assert known.texts.count == past.ledger["reflection"].asked


def test_runs_of_other_code_or_data_do_not_count(used, tmp_path):
    workspace, recipe, run = used
    other = msgspec.structs.replace(recipe, metric=MetricSpec(target="builtin:exact_match"))
    assert read_past_runs(other, workspace.root) == []
    metrics = workspace.root / "metrics.py"
    text = metrics.read_text()
    metrics.write_text(text + "\n# changed\n")
    assert read_past_runs(recipe, workspace.root) == []
    metrics.write_text(text)
    result = run.folder / "result.json"
    whole = result.read_bytes()
    result.write_bytes(whole[: len(whole) // 2])
    assert read_past_runs(recipe, workspace.root) == []
    result.write_bytes(json.dumps({**json.loads(whole), "status": "stopped"}).encode())
    assert read_past_runs(recipe, workspace.root) == []
    result.write_bytes(whole)
    assert len(read_past_runs(recipe, workspace.root)) == 1
