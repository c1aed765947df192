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
