"""The guide's ways to make a run cheaper, each as a change of one key with its effect in numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..errors import CompilotError, ConfigError, DataError
from ..models.prices import load_metadata, model_entry, price_of, split_model
from ..models.roles import fill_roles
from ..optimizers import registry
from ..optimizers.gepa_budget import budget as gepa_budget
from ..optimizers.spec import resolve_params
from ..recipe import ModelProfile, Recipe
from .changes import Change, change_model, change_param, change_size, change_thinking, change_threads
from .estimate import estimate_run
from .facts import Measured
from .what_if import Effect, compare_changes, thinking_budget

GOOD_TRAIN = 100
"""Start with 50 to 100 examples (guide, cost factors)."""
GOOD_VAL = 15
"""Keep val at 10 to 15 rows, stratified (guide, cost factors)."""
_GUIDE_FULL_EVALS = 8
_MUCH_CHEAPER = 0.7
_NOT_STUDENTS = (
    *("preview", "exp", "audio", "image", "tts", "live", "realtime", "search", "vision", "embedding"),
    *("instruct", "codex", "computer", "deep", "latest", "ft:", "customtools", "transcribe", "robotics"),
)
"""Parts of names of models that are not meant to run a program, or not to stay."""


def suggest_changes(recipe: Recipe, measured: Measured) -> list[Change]:
    """The guide's mitigations that would change something here, each as a change of one key."""
    found: list[Change] = []
    for suggest in _MITIGATIONS:
        try:
            change = suggest(recipe, measured)
        except (ConfigError, DataError):
            continue  # the data are not sized by a split: then this is nothing to offer
        if change is not None:
            found.append(change)
    return found


def mitigate(recipe: Recipe, measured: Measured) -> list[Effect]:
    """The guide's mitigations with their effects, the most calls (then dollars, then minutes) saved first.

    Only those that save something: a mitigation that makes this run dearer is none.
    """
    effects = compare_changes(recipe, measured, suggest_changes(recipe, measured))
    useful = [one for one in effects if one.after is not None and _saving(one) < 0]
    return sorted(useful, key=_saving)


def _saving(effect: Effect) -> float:
    """The largest part saved of calls, dollars or minutes, negative; thinking counts by its notes."""
    shares = [share for share in (effect.calls, effect.usd, effect.minutes) if share is not None]
    least = min(shares, default=0.0)
    return least if least < -0.005 else (-0.001 if effect.notes and "thinking" in effect.id else 0.0)


def _fewer_train(recipe: Recipe, measured: Measured) -> Change | None:
    if measured.facts.sizes[0] <= GOOD_TRAIN:
        return None
    change = change_size(recipe, measured, "train", GOOD_TRAIN)
    return _explained(change, "start with 50 to 100 examples", "trainset size")


def _fewer_val(recipe: Recipe, measured: Measured) -> Change | None:
    if measured.facts.sizes[1] <= GOOD_VAL:
        return None
    change = change_size(recipe, measured, "val", GOOD_VAL)
    stratified = "" if recipe.data.stratify else "; set data.stratify, so that all classes stay in it"
    return _explained(change, f"keep val at 10 to 15 rows, stratified{stratified}", "valset evaluations")


def _less_thinking(recipe: Recipe, measured: Measured) -> Change | None:
    assert recipe.optimizer is not None
    spec = registry.get(recipe.optimizer.name).spec
    models = fill_roles(recipe.models)
    for role in ("reflection", "proposer"):
        thinking = thinking_budget(models[role])
        if role in spec.roles and thinking is not None and thinking >= 2048:
            change = change_thinking(recipe, role, thinking // 2)
            return _explained(change, "use the thinking budget wisely", "reflection LM")
    return None


def _fewer_iterations(recipe: Recipe, measured: Measured) -> Change | None:
    """Half of GEPA's budget as a limit of full evaluations; for others the next smaller preset."""
    assert recipe.optimizer is not None
    spec = registry.get(recipe.optimizer.name).spec
    params = resolve_params(spec, recipe.optimizer.params, measured.facts).params
    if spec.name == "GEPA":
        train, val, _ = measured.facts.sizes
        rollouts = gepa_budget(params, train=train, val=val, predictors=len(measured.facts.predictors))
        evals = min(_GUIDE_FULL_EVALS, math.floor(rollouts / max(train + val, 1) / 2))
        if evals < 1:
            return None
        change = change_param(recipe, "max_full_evals", evals)
        return _explained(change, "set a limit of full evaluations", "iterations")
    smaller = _smaller_preset(recipe, measured)
    if smaller is None:
        return None
    return _explained(change_param(recipe, "preset", smaller), "fewer iterations", "iterations")


def _smaller_preset(recipe: Recipe, measured: Measured) -> str | None:
    """The largest preset that makes fewer calls than the recipe does now."""
    assert recipe.optimizer is not None
    now = estimate_run(recipe, measured).total.calls.expected
    best: tuple[float, str] | None = None
    for name in registry.get(recipe.optimizer.name).spec.presets:
        try:
            changed = change_param(recipe, "preset", name).apply(recipe)
            calls = estimate_run(changed, measured).total.calls.expected
        except CompilotError:
            continue  # a preset that does not fit this data is no way to save
        if calls < now and (best is None or calls > best[0]):
            best = (calls, name)
    return best[1] if best is not None else None


def _matching_threads(recipe: Recipe, measured: Measured) -> Change | None:
    """As many threads as keep the student's model busy at its rate limit (Little's law), and no more."""
    profile = fill_roles(recipe.models)["student"]
    seconds = measured.latency_seconds.get("student", 0.0)
    limit = profile.requests_per_minute
    if limit is None or seconds <= 0:
        return None
    threads = max(1, math.ceil(limit / 60 * seconds))
    if threads == recipe.run.num_threads:
        return None
    change = change_threads(recipe, threads)
    why = f"{limit} requests a minute at {seconds:.2g} s each keep {threads} threads busy"
    return _explained(change, why, "parallel threads")


def _cheaper_student(recipe: Recipe, measured: Measured) -> Change | None:
    profile = fill_roles(recipe.models)["student"]
    cheaper = find_cheaper(profile)
    if cheaper is None:
        return None
    change = change_model(recipe, "student", cheaper)
    return _explained(change, "use cheaper models for the student", "tip")


def find_cheaper(profile: ModelProfile) -> str | None:
    """The cheapest chat model of the same provider, family and version; None where there is none.

    Same family and version: the same first word and the same numbers in the name.
    """
    price = price_of(profile)
    provider, name = split_model(profile.model)
    if price is None or provider in ("", "embedded") or price.input + price.output == 0:
        return None
    prefix = f"{provider}/" if "/" in profile.model else ""
    best: tuple[float, str] | None = None
    for key, entry in load_metadata().items():
        other = key.removeprefix(f"{provider}/")
        if entry.get("mode") != "chat" or "/" in other or other == name or not _alike(name, other):
            continue
        model = f"{prefix}{other}"
        if not model_entry(model):
            continue
        cost = price_of(model)
        if cost is None or cost.input + cost.output <= 0:
            continue
        total = cost.input + cost.output
        if total <= _MUCH_CHEAPER * (price.input + price.output) and (best is None or (total, model) < best):
            best = (total, model)
    return best[1] if best is not None else None


def _alike(name: str, other: str) -> bool:
    """Whether two names are of one family and version; dated and special ones are left out."""
    if any(part in other for part in _NOT_STUDENTS):
        return False
    words, others = name.split("-"), other.split("-")
    numbers = [sorted(_version(word) for word in one if _version(word)) for one in (words, others)]
    return words[0] == others[0] and bool(numbers[0]) and numbers[0] == numbers[1]


def _version(word: str) -> str:
    """The number in a part of a name (`4.1`, `4o`); empty for words."""
    return word if any(letter.isdigit() for letter in word) else ""


_MITIGATIONS: Sequence[Callable[[Recipe, Measured], Change | None]] = (
    _fewer_val,
    _fewer_train,
    _fewer_iterations,
    _less_thinking,
    _matching_threads,
    _cheaper_student,
)


def _explained(change: Change, why: str, row: str) -> Change:
    return Change(
        id=change.id, label=change.label, apply=change.apply, why=why, source=f"guide, cost factors: {row}"
    )
