"""Models, budget and run as declared parameters, so that one form serves them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from core.models.profiles import check_profile
from core.optimizers.spec import Parameter, Spec
from core.recipe import THINKING_EFFORTS, Budget, ModelProfile, Price, Recipe, Role, RunSpec
from core.settings import parse_settings

_PRICES = {"price_input": "input", "price_output": "output", "price_cached_input": "cached_input"}


def _optional(name: str, kind: Any, meaning: str, cost: str = "", **more: Any) -> Parameter:
    return Parameter(
        name=name, type=kind, default=None, optional=True, meaning=meaning, cost_effect=cost, **more
    )


def _section(name: str, *parameters: Parameter) -> Spec:
    return Spec(name=name, summary="", description="", parameters=parameters, roles=(), seed_use="")


LIMITS = _section(
    "limits",
    _optional(
        "usd", "float", "most dollars, all models together", "the run stops before it, keeping the best"
    ),
    _optional("calls", "int", "most LM calls that a provider answers", "the run stops before it", low=1),
    _optional("tokens", "int", "most tokens in and out", "the run stops before it", low=1),
    _optional("minutes", "float", "most minutes of wall-clock time", "the run stops then, keeping the best"),
    Parameter(
        name="num_threads",
        type="int",
        default=RunSpec().num_threads,
        low=1,
        meaning="rows of an evaluation that run at once",
        cost_effect="as many calls in less time, as far as the provider's rate allows",
    ),
    Parameter(
        name="seed",
        type="int",
        default=RunSpec().seed,
        low=0,
        meaning="what every draw of the run starts from; the same seed gives the same run",
    ),
    Parameter(
        name="max_errors",
        type="int",
        default=RunSpec().max_errors,
        low=0,
        meaning="errored rows in one evaluation after which the run ends",
    ),
)
PROFILE = _section(
    "model",
    Parameter(
        name="model",
        type="str",
        default="",
        meaning="the model as dspy names it, such as gemini/gemini-2.5-flash-lite or embedded/student",
        cost_effect="the student is asked most: a cheap one there saves most",
    ),
    _optional("temperature", "float", "how freely it answers; none leaves it to the provider", low=0),
    _optional("max_tokens", "int", "most tokens of one answer", "caps what one answer can cost", low=1),
    _optional(
        "thinking",
        "str",
        f"disabled, {', '.join(THINKING_EFFORTS)}, or a number of tokens",
        "thinking is paid as output",
    ),
    _optional("key_env", "str", "the variable that holds the key, if not the provider's usual one"),
    _optional("api_base", "str", "address of a server of your own, such as http://localhost:8000/v1"),
    _optional("price_input", "float", "dollars per million input tokens, instead of the listed price", low=0),
    _optional(
        "price_output", "float", "dollars per million output tokens, instead of the listed price", low=0
    ),
    _optional("price_cached_input", "float", "dollars per million cached input tokens", low=0),
    _optional("requests_per_minute", "int", "the provider's limit; the run keeps below it", low=1),
    _optional("tokens_per_minute", "int", "the provider's limit; the run keeps below it", low=1),
    Parameter(name="retries", type="int", default=4, low=0, meaning="attempts after a request that failed"),
    _optional("timeout", "float", "seconds for one request", low=0.001),
)


def limit_params(recipe: Recipe) -> dict[str, Any]:
    """Caps and run settings that are not their defaults."""
    return {**msgspec.to_builtins(recipe.budget), **msgspec.to_builtins(recipe.run)}


def read_limits(params: Mapping[str, Any]) -> tuple[Budget, RunSpec]:
    """Raises `ConfigError` for a cap that is not above 0."""
    caps = {name: value for name, value in _given(params).items() if name in Budget.__struct_fields__}
    run = {name: value for name, value in _given(params).items() if name in RunSpec.__struct_fields__}
    parts = parse_settings({"budget": caps, "run": run})
    return parts["budget"], parts["run"]


def profile_params(profile: ModelProfile) -> dict[str, Any]:
    """A profile's values by the names of the form; dials and options have no field there."""
    values: dict[str, Any] = msgspec.to_builtins(profile)
    price = values.pop("price", None) or {}
    for name, part in _PRICES.items():
        if part in price:
            values[name] = price[part]
    if "thinking" in values:
        values["thinking"] = str(values["thinking"])
    return {name: value for name, value in values.items() if name not in ("dials", "options")}


def read_profile(role: Role, params: Mapping[str, Any], base: ModelProfile | None) -> ModelProfile:
    """The profile of a filled form; what has no field there stays as `base` has it.

    Raises `ConfigError` or `ModelError` for what is wrong with it; a missing key is not.
    """
    values = _given(params)
    price = {part: values.pop(name) for name, part in _PRICES.items() if name in values}
    if price:
        values["price"] = price
    thinking = values.get("thinking")
    if isinstance(thinking, str) and thinking.lstrip("-").isdigit():
        values["thinking"] = int(thinking)
    if base is not None:
        kept: dict[str, Any] = msgspec.to_builtins(base)
        same = values.get("model") == base.model
        values |= {
            name: kept[name] for name in ("dials", "options") if name in kept and (same or name != "dials")
        }
    profile: ModelProfile = parse_settings({"models": {role: values}})["models"][role]
    check_profile(profile, where=f"models.{role}", need_key=False)
    return profile


def price_text(price: Price | None) -> str:
    """What a million tokens in and out cost."""
    if price is None:
        return "unknown"
    if price.input == price.output == 0:
        return "free"
    return f"${price.input:g} / ${price.output:g}"


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
