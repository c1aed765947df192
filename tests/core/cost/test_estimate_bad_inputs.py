"""What an estimate says of inputs that cannot work: what is wrong, where, and how to put it right."""

import msgspec
import pytest

from core import Workspace, estimate
from core.cost.estimate import estimate_run
from core.cost.facts import CallTokens, Measured
from core.errors import CompilotError, OptimizerError
from core.optimizers.facts import Facts, PredictorFacts
from core.recipe import (
    Budget,
    DataSpec,
    MetricSpec,
    ModelProfile,
    OptimizerSpec,
    Price,
    ProgramSpec,
    Recipe,
)
from core.samples import copy_sample
from tui.cli import run_command

FACTS = Facts(
    train=60,
    val=20,
    test=20,
    predictors=(PredictorFacts(name="a"), PredictorFacts(name="b")),
    success_rate=0.5,
)
MEASURED = Measured(
    facts=FACTS,
    tokens={"student": CallTokens(200.0, 10.0)},
    latency_seconds={"student": 1.0},
    rows=20,
    calls=40,
)
PRICED = ModelProfile(model="openai/mine", price=Price(input=1.0, output=10.0))


def make_recipe(optimizer, params=None, *, student=PRICED, budget=None):
    return Recipe(
        program=ProgramSpec(target="question -> answer"),
        data=DataSpec(path="rows.jsonl", inputs=("question",)),
        metric=MetricSpec(target="builtin:exact_match"),
        models={"student": student},
        optimizer=OptimizerSpec(name=optimizer, params=params or {}),
        budget=budget or Budget(),
    )


@pytest.mark.parametrize(
    ("optimizer", "params", "what", "fix"),
    [
        ("GEPA", {"max_ful_evals": 3}, "no parameter `max_ful_evals`", "max_full_evals"),
        ("GEPA", {"metric": "x"}, "no parameter `metric`", "leave it out"),
        ("GEPA", {"auto": "light", "max_full_evals": 3}, "one budget", "keep one"),
        ("MIPROv2", {"auto": "light", "num_trials": 9}, "cannot be given as well", "leave out"),
        (
            "MIPROv2",
            {"num_candidates": 4, "num_trials": 9, "minibatch": True, "minibatch_size": 35},
            "larger than the val split (20 rows)",
            "at most 20",
        ),
        ("SIMBA", {"bsize": 61}, "larger than the train split (60 rows)", "at most 60"),
        ("COPRO", {"breadth": 1}, "cannot be 1", "at least 2"),
        ("KNNFewShot", {"preset": "gigantic"}, "no preset", "light"),
    ],
)
def test_parameters_that_cannot_work(optimizer, params, what, fix):
    with pytest.raises(OptimizerError) as caught:
        estimate_run(make_recipe(optimizer, params), MEASURED)
    error = caught.value
    assert what in error.what
    assert "optimizer.params" in error.where
    assert fix in error.fix


def test_too_few_rows_for_the_optimizer():
    measured = msgspec.structs.replace(MEASURED, facts=msgspec.structs.replace(FACTS, train=1))
    with pytest.raises(OptimizerError) as caught:
        estimate_run(make_recipe("SIMBA"), measured)
    assert "at least 2 train rows" in caught.value.what
    assert caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_part_of_the_split_without_rows(part, tmp_path):
    copy_sample("router", tmp_path / "w")
    config = tmp_path / "w" / "compilot.toml"
    shares = {"train": "train = 0.0, val = 0.5, test = 0.5", "val": "train = 0.5, val = 0.0, test = 0.5"}
    text = config.read_text().replace("train = 0.5, val = 0.2, test = 0.3", shares[part])
    config.write_text(text)
    with pytest.raises(CompilotError) as caught:
        estimate(Workspace.open(tmp_path / "w").recipe(optimizer="LabeledFewShot"))
    assert part in caught.value.what + caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(calls=1), "the cap of 1 calls is below one program run (about 2)"),
        (Budget(tokens=300), "below one program run"),
        (Budget(usd=0.0001), "below one program run"),
        (Budget(calls=100), "the cap of 100 calls ends the run before it is done"),
        (Budget(minutes=0.001), "ends the run before it is done"),
    ],
)
def test_caps_that_end_the_run_early_are_said(budget, said):
    found = estimate_run(make_recipe("LabeledFewShot", {"k": 4}, budget=budget), MEASURED)
    assert sum(said in line for line in found.assumptions) == 1


def test_a_cap_that_is_large_enough_is_not_mentioned():
    budget = Budget(calls=100_000, tokens=10**9, usd=1000.0)
    found = estimate_run(make_recipe("LabeledFewShot", budget=budget), MEASURED)
    assert not any("the cap" in line for line in found.assumptions)


def test_missing_prices_are_unknown_and_a_cap_on_dollars_says_so():
    nobody = ModelProfile(model="nobody/knows")
    found = estimate_run(make_recipe("LabeledFewShot", student=nobody, budget=Budget(usd=5.0)), MEASURED)
    assert found.total.usd is None
    assert any("nobody/knows" in line and "models.student.price" in line for line in found.assumptions)
    assert any("cap calls or tokens" in line for line in found.assumptions)


def test_the_command_gives_all_three_parts(tmp_path, capsys):
    copy_sample("router", tmp_path / "w")
    arguments = ["estimate", "--workspace", str(tmp_path / "w"), "--optimizer", "GEPA"]
    assert run_command([*arguments, "--set", "max_ful_evals=3"]) != 0
    printed = capsys.readouterr().err
    assert "no parameter `max_ful_evals`" in printed
    assert "max_full_evals" in printed


def test_a_model_that_cannot_be_reached_is_no_question_of_the_budget(tmp_path):
    workspace = Workspace.init_sample("router", tmp_path / "w")
    silent = ModelProfile(
        model="openai/foo-bar", api_base="http://127.0.0.1:9/v1", retries=0, key_env="SILENT_KEY"
    )
    recipe = workspace.recipe(optimizer="LabeledFewShot", models={"student": silent})
    workspace.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SILENT_KEY", "canary-1234567890")
        with pytest.raises(CompilotError, match="does not answer") as caught:
            estimate(recipe)
    assert caught.value.where == "models.student"
    assert "network" in caught.value.fix
    assert "cap" not in caught.value.fix


def test_two_rows_are_too_few_for_any_share(tmp_path):
    workspace = Workspace.init_sample("router", tmp_path / "w")
    rows = workspace.root / "messages.jsonl"
    rows.write_text("".join(rows.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    workspace.prepare()
    with pytest.raises(CompilotError, match="too few rows: of 2 rows none is left for the") as caught:
        estimate(workspace.recipe(optimizer="LabeledFewShot"))
    assert "add rows" in caught.value.fix
