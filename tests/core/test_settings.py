"""Settings become a recipe, or an error that names the field and what to write instead."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.models.thinking import reasoning_of
from core.recipe import THINKING, THINKING_OFF, THINKING_OPEN, OptimizerSpec, Recipe
from core.settings import merge_settings, parse_recipe, parse_settings

BASE: dict[str, Any] = {
    "program": {"target": "program.py:Router"},
    "data": {"path": "rows.jsonl", "inputs": ["message"]},
    "metric": {"target": "builtin:exact_match"},
    "models": {"student": {"model": "embedded/student"}},
}
SAMPLES = Path(__file__).parents[2] / "sample_data"


def _fail(changes: dict[str, Any]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_recipe(merge_settings(BASE, changes), where="my.toml")
    assert caught.value.where.startswith("my.toml")
    return caught.value


def test_the_least_that_is_a_recipe() -> None:
    recipe = parse_recipe(BASE)
    assert recipe.optimizer is None
    assert recipe.data.split.train == 0.6
    assert recipe.run.num_threads == 8
    assert recipe.budget.usd is None


@pytest.mark.parametrize("config", sorted(SAMPLES.glob("*/compilot.toml")), ids=lambda path: path.parent.name)
def test_every_sample_is_a_recipe(config: Path) -> None:
    assert parse_recipe(tomllib.loads(config.read_text())).optimizer


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"models": {"student": {"temperature": "hot"}}}, "models.student.temperature", "a number, not text"),
        ({"models": {"student": {"temperature": -1}}}, "models.student.temperature", "below 0"),
        ({"models": {"student": {"temprature": 1}}}, "models.student.temprature", "`temperature`"),
        ({"models": {"student": {"model": None}}}, "models.student.model", "missing"),
        ({"models": {"student": {"model": "a b"}}}, "models.student.model", "blank"),
        ({"models": {"student": {"model": ""}}}, "models.student.model", "empty"),
        ({"models": {"student": {"max_tokens": 0}}}, "models.student.max_tokens", "above 0"),
        ({"models": {"student": {"thinking": "hard"}}}, "models.student.thinking", "medium"),
        ({"models": {"student": {"thinking": -1}}}, "models.student.thinking", "budget"),
        (
            {"models": {"student": {"options": {"timeout": 3}}}},
            "models.student.options.timeout",
            "models.student.timeout",
        ),
        ({"models": {"student": {"price": {"input": 1}}}}, "models.student.price.output", "missing"),
        (
            {"models": {"student": {"price": {"input": 1, "ouput": 1}}}},
            "models.student.price.ouput",
            "`output`",
        ),
        (
            {"models": {"reflection": {"model": "openai/x", "dials": {"latency": 1}}}},
            "models.reflection.dials",
            "embedded",
        ),
        ({"models": {"studnt": {"model": "x"}}}, "models.studnt", "`student`"),
        ({"models": {"student": "openai/x"}}, "models.student", "must be a table"),
        ({"modles": {}}, "modles", "`models`"),
        ({"zzz": {}}, "zzz", "known here"),
        ({"program": {"target": "Router"}}, "program.target", "file.py:Name"),
        ({"program": {"target": " "}}, "program.target", "empty"),
        ({"program": {"module": "Chain"}}, "program.module", "ChainOfThought"),
        ({"program": {"tools": ["a.py:f"]}}, "program.tools", "ReAct"),
        ({"data": {"inputs": "message"}}, "data.inputs", '["a", "b"]'),
        ({"data": {"inputs": ["a", 1]}}, "data.inputs[1]", "text"),
        ({"data": {"labels": ["message"]}}, "data.labels", "data.inputs too"),
        ({"data": {"inputs": ["a", "a"]}}, "data.inputs", "twice"),
        ({"data": {"train": "t.csv"}}, "data.train", "data.path"),
        ({"data": {"path": None}}, "data.path", "missing"),
        ({"data": {"path": None, "train": "a", "test": "b"}}, "data.val", "missing"),
        (
            {"data": {"path": None, "train": "a", "val": "b", "split": {"train": 0.5}}},
            "data.split",
            "files of their own",
        ),
        ({"data": {"limit": 0}}, "data.limit", "above 0"),
        ({"data": {"split": {"train": 0.9, "val": 0.3}}}, "data.split", "at most 1"),
        ({"data": {"split": {"train": 0.9}}}, "data.split.val", "no rows"),
        ({"data": {"split": {"train": 2.5, "val": 1}}}, "data.split.train", "whole number"),
        ({"data": {"split": {"train": -0.1, "val": 0.1}}}, "data.split.train", "below 0"),
        ({"data": {"split": {"tran": 0.5}}}, "data.split.tran", "`train`"),
        ({"metric": {"target": "accuracy"}}, "metric.target", "builtin:"),
        ({"metric": {"weights": {"a": -1}}}, "metric.weights.a", "below 0"),
        ({"metric": {"weights": {"a": 0}}}, "metric.weights", "all 0"),
        ({"optimizer": {"params": {}}}, "optimizer.name", "missing"),
        ({"optimizer": {"name": "GEPA", "params": {"x": [float("nan")]}}}, "optimizer.params.x", "finite"),
        ({"budget": {"usd": 0}}, "budget.usd", "above 0"),
        ({"budget": {"usd": float("inf")}}, "budget.usd", "finite"),
        ({"budget": {"minutes": -1}}, "budget.minutes", "above 0"),
        ({"budget": {"usd": True}}, "budget.usd", "true or false"),
        ({"run": {"num_threads": 0}}, "run.num_threads", "above 0"),
        ({"run": {"seed": 1.5}}, "run.seed", "a whole number"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str, said: str) -> None:
    error = _fail(changes)
    assert error.where == f"my.toml: {field}"
    assert said in f"{error.what} {error.fix}"


@pytest.mark.parametrize("section", ["program", "data", "metric", "models"])
def test_a_missing_section_is_said(section: str) -> None:
    error = _fail({section: None})
    assert section in error.what
    assert error.fix


def test_a_workspace_in_the_making_is_checked_as_far_as_it_goes() -> None:
    assert set(parse_settings({"data": BASE["data"]})) == {"data"}
    with pytest.raises(ConfigError, match="limit"):
        parse_settings({"data": {**BASE["data"], "limit": -1}})


CANARIES = [
    "sk-proj-canary0123456789abcdefXYZ",
    "AIzaCanary0123456789_canary0123456789abcd",
    "ghp_canary0123456789canary0123456789",
    "Bearer canary.0123456789abcdef",
    "AKIACANARY0123456789",
    "nvapi-canary0123456789_canary",
    "glpat-canary0123456789canary",
    "r8_canary0123456789canary",
    "pplx-canary0123456789canary",
]


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "place",
    [
        {"models": {"student": {"api_key": "?"}}},
        {"models": {"student": {"options": {"extra_headers": {"x-custom": "?"}}}}},
        {"models": {"student": {"key_env": "?"}}},
        {"metric": {"params": {"anything": ["?"]}}},
        {"optimizer": {"name": "GEPA", "params": {"note": "?"}}},
    ],
)
def test_a_key_is_refused_and_never_repeated(place: dict[str, Any], canary: str) -> None:
    error = _fail(
        msgspec.json.decode(msgspec.json.encode(place).replace(b'"?"', msgspec.json.encode(canary)))
    )
    assert canary not in str(error)
    assert "key" in error.what
    assert "environment variable" in error.fix


@pytest.mark.parametrize(
    "name", ["api_key", "apikey", "API-KEY", "aws_secret_access_key", "password", "token", "Authorization"]
)
def test_a_telling_name_is_enough_under_models(name: str) -> None:
    error = _fail({"models": {"student": {"options": {name: "short"}}}})
    assert name in error.where
    assert "short" not in str(error)


def test_a_password_in_a_url_is_refused() -> None:
    error = _fail({"models": {"student": {"api_base": "https://me:hunter2@example.org/v1"}}})
    assert "hunter2" not in str(error)


def test_settings_that_only_sound_like_keys_are_fine() -> None:
    recipe = parse_recipe(
        merge_settings(
            BASE,
            {
                "models": {
                    "student": {
                        "max_tokens": 10,
                        "tokens_per_minute": 5,
                        "key_env": "MY_KEY",
                        "api_base": "http://localhost:8000/v1",
                        "options": {"max_completion_tokens": 3, "stop_token": "risk-assessment-frameworks"},
                    }
                }
            },
        )
    )
    assert recipe.models["student"].key_env == "MY_KEY"


def test_merging_adds_replaces_and_removes() -> None:
    merged = merge_settings(
        {"a": {"x": 1, "y": 2}, "b": 1, "c": 1}, {"a": {"y": 3, "z": 4}, "b": {"n": 1}, "c": None, "d": None}
    )
    assert merged == {"a": {"x": 1, "y": 3, "z": 4}, "b": {"n": 1}}


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: _shuffled(inner, chance) for key, inner in items}
    return value


_FULL = merge_settings(
    BASE,
    {
        "models": {
            "reflection": {"model": "embedded/reflection", "options": {"b": 1, "a": {"z": 1, "y": 2}}}
        },
        "metric": {"weights": {"b": 1, "a": 2}},
        "optimizer": {"name": "GEPA", "params": {"use_merge": True, "auto": "light", "seed": 3}},
    },
)


@given(st.integers())
def test_the_hash_does_not_depend_on_the_order_of_keys(seed: int) -> None:
    assert parse_recipe(_shuffled(_FULL, random.Random(seed))).hash == parse_recipe(_FULL).hash


def test_the_hash_takes_a_default_written_out_as_the_default() -> None:
    written = merge_settings(
        BASE,
        {
            "run": {"num_threads": 8, "seed": 0},
            "program": {"module": "Predict"},
            "budget": {},
            "data": {"split": {"train": 0.6, "val": 0.2, "test": 0.2}},
        },
    )
    assert parse_recipe(written).hash == parse_recipe(BASE).hash
    assert (
        parse_recipe(merge_settings(BASE, {"budget": {"minutes": 5}})).hash
        == parse_recipe(merge_settings(BASE, {"budget": {"minutes": 5.0}})).hash
    )


@pytest.mark.parametrize(
    "change",
    [
        {"run": {"seed": 1}},
        {"models": {"student": {"temperature": 0.1}}},
        {"optimizer": {"name": "GEPA"}},
        {"data": {"limit": 5}},
    ],
)
def test_the_hash_tells_recipes_apart(change: dict[str, Any]) -> None:
    assert parse_recipe(merge_settings(BASE, change)).hash != parse_recipe(BASE).hash


def test_a_recipe_survives_json_and_its_dict_form() -> None:
    recipe = parse_recipe(_FULL)
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe
    assert parse_recipe(recipe.to_dict()) == recipe
    assert recipe.optimizer == OptimizerSpec(name="GEPA", params=_FULL["optimizer"]["params"])


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["model", "split", "x", "train"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["program", "data", "metric", "models", "optimizer", "budget", "run"]),
        st.dictionaries(
            st.sampled_from(
                ["target", "path", "split", "student", "name", "params", "usd", "seed", "weights"]
            ),
            _ANY,
        )
        | _ANY,
    )
)
def test_anything_is_a_recipe_or_a_config_error(settings: dict[str, Any]) -> None:
    try:
        parse_recipe(merge_settings(BASE, settings))
    except ConfigError as error:
        problem = error
    else:
        return
    assert problem.what
    assert problem.where


@pytest.mark.parametrize("thinking", [*THINKING, 0, 4096])
def test_thinking_that_is_handled_is_accepted(thinking: str | int) -> None:
    recipe = parse_recipe(merge_settings(BASE, {"models": {"student": {"thinking": thinking}}}))
    profile = msgspec.structs.replace(recipe.models["student"], model="gemini/gemini-2.5-flash")
    assert profile.thinking == thinking
    asked = reasoning_of(profile)
    assert (asked is None) is (thinking in THINKING_OPEN)
    assert (asked is not None and asked.effort == "off") is (thinking in (*THINKING_OFF, 0))
