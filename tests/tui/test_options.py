"""Options become a recipe: typed, checked, laid over the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from core.errors import ConfigError, OptimizerError
from core.recipe import Recipe
from core.workspace import Workspace
from tui.commands.options import read_recipe


def _read(workspace: Workspace, **given: Any) -> Recipe:
    nothing = dict.fromkeys(
        ("optimizer", "max_usd", "max_calls", "max_tokens", "max_minutes", "seed", "threads")
    )
    return read_recipe(workspace, **{**nothing, "settings": (), "models": (), **given})


def test_nothing_given_is_the_file(workspace: Workspace) -> None:
    assert _read(workspace).hash == workspace.recipe().hash


def test_everything_given(workspace: Workspace) -> None:
    recipe = _read(
        workspace,
        optimizer="gepa",
        settings=("max_full_evals=3", "use_merge=false", "data.limit=50", "run.max_errors=2"),
        models=("student=openai/x=y", "judge=embedded/student"),
        max_usd=1.5,
        max_calls=10,
        max_tokens=1000,
        max_minutes=2.0,
        seed=9,
        threads=3,
    )
    assert recipe.optimizer is not None
    assert recipe.optimizer.name == "GEPA"
    assert recipe.optimizer.params == {"max_full_evals": 3, "use_merge": False}
    assert recipe.data.limit == 50
    assert (recipe.run.seed, recipe.run.num_threads, recipe.run.max_errors) == (9, 3, 2)
    budget = recipe.budget
    assert (budget.usd, budget.calls, budget.tokens, budget.minutes) == (1.5, 10, 1000, 2.0)
    assert recipe.models["student"].model == "openai/x=y"
    assert recipe.models["judge"].model == "embedded/student"


def test_values_by_path_need_no_quotes(workspace: Workspace) -> None:
    recipe = _read(
        workspace,
        settings=("data.path=rows of mine.csv", 'data.inputs=["a", "b"]', "models.student.temperature=0.5"),
    )
    assert recipe.data.path == "rows of mine.csv"
    assert recipe.data.inputs == ("a", "b")
    assert recipe.models["student"].temperature == 0.5


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"optimizer": "MIPRO"}, OptimizerError, "MIPROv2"),
        ({"settings": ("max_boostrapped_demos=3",)}, OptimizerError, "max_bootstrapped_demos"),
        ({"settings": ("max_bootstrapped_demos=many",)}, OptimizerError, "max_bootstrapped_demos"),
        ({"settings": ("data.limt=3",)}, ConfigError, "limit"),
        (
            {"settings": ("models.student.api_key=sk-canary012345678901",)},
            ConfigError,
            "environment variable",
        ),
        ({"max_usd": 0.0}, ConfigError, "budget.usd"),
        ({"threads": 0}, ConfigError, "num_threads"),
        ({"settings": ("x",)}, click.UsageError, "NAME=VALUE"),
        ({"models": ("student",)}, click.UsageError, "ROLE=MODEL"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    workspace: Workspace, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        _read(workspace, **given)
    text = str(caught.value)
    assert said in text
    assert "canary" not in text
    assert not workspace.state_dir.exists()


def test_no_optimizer_asks_for_one(workspace: Workspace) -> None:
    workspace.write_config({"optimizer": None})
    with pytest.raises(ConfigError, match="no optimizer") as caught:
        _read(workspace)
    assert "GEPA" in caught.value.fix
    assert _read(workspace, optimizer="GEPA").optimizer


def test_run_with_a_wrong_option_makes_no_run(invoke, workspace: Workspace, tmp_path: Path) -> None:
    answer = invoke("run", "--workspace", workspace.root, "--set", "nope=1", "--json")
    assert answer.code == 1
    assert answer.json["error"] == "OptimizerError"
    assert not workspace.runs_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "option", "fix"),
    [
        (("run", "--max-calls", "-5"), "compilot run --max-calls", "give a whole number, 1 or more"),
        (("run", "--threads", "0"), "compilot run --threads", "give a whole number, 1 or more"),
        (("estimate", "--seed", "-1"), "compilot estimate --seed", "give a whole number, 0 or more"),
        (("run", "--max-usd", "0"), "compilot run --max-usd", "give a number above 0"),
        (("recommend", "--max-usd", "-1"), "compilot recommend --max-usd", "give a number above 0"),
        (("recommend", "--max-usd", "0"), "compilot recommend --max-usd", "give a number above 0"),
        (("runs", "stop", "--wait", "-3"), "compilot runs stop --wait", "give a number, 0 or more"),
        (("metric", "test", "--row-seconds", "-1"), "compilot metric test --row-seconds", "above 0"),
        (("program", "try", "--seconds", "-1"), "compilot program try --seconds", "above 0"),
        (
            ("estimate", "--dry-run", "--success-rate", "2"),
            "compilot estimate --success-rate",
            "give a number from 0 to 1",
        ),
    ],
)
def test_a_number_out_of_range_is_wrong_usage_of_its_option(
    invoke, workspace: Workspace, arguments: tuple[str, ...], option: str, fix: str
) -> None:
    answer = invoke(*arguments, "-w", workspace.root, "--json")
    assert answer.code == 2
    assert answer.json["where"] == option
    assert fix in answer.json["fix"]


@pytest.mark.parametrize(
    ("given", "where", "fix"),
    [
        ({"settings": ("data.limt=5",)}, "--set data.limt", "did you mean `limit`?"),
        ({"settings": ("data.limit=0",)}, "--set data.limit", "give a number above 0"),
        ({"settings": ("run.seed=-1",)}, "--set run.seed", "give 0 or more"),
        ({"settings": ("run.seed=x",)}, "--set run.seed", "give a whole number"),
        ({"models": ("student=a b/c",)}, "--model student", "provider/name"),
    ],
)
def test_an_option_is_blamed_for_what_it_says(
    workspace: Workspace, given: dict[str, Any], where: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(workspace, **given)
    assert caught.value.where == where
    assert fix in caught.value.fix


def test_the_file_is_blamed_for_what_it_says(workspace: Workspace) -> None:
    text = workspace.config_path.read_text("utf-8")
    workspace.config_path.write_text(text.replace("num_threads = 8", "num_threads = 0"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        _read(workspace, settings=("data.limit=5",))
    assert caught.value.where.startswith(str(workspace.config_path))
