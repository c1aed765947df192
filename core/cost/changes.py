"""Changes of a recipe that a person would make with one key: a model, threads, sizes, parameters."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from ..data.load import plan_parts
from ..data.split import part_sizes
from ..errors import ConfigError
from ..models.profiles import check_profile
from ..models.roles import fill_roles
from ..optimizers import registry
from ..optimizers.spec import parse_setting, resolve_params
from ..recipe import ROLES, SPLITS, DataSpec, ModelProfile, Recipe, Role, SplitName, SplitSpec
from ..settings import parse_recipe
from .buys import with_params
from .facts import Measured


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of a recipe, as a person would make it with one key."""

    id: str
    label: str
    """What changes, from what to what."""
    apply: Callable[[Recipe], Recipe]
    why: str = ""
    source: str = ""


def parse_change(text: str, recipe: Recipe, measured: Measured) -> Change:
    """A change written as NAME=VALUE.

    NAME is a role (the value is a model), `ROLE.thinking`, `threads`, `val` or `train` (rows), `preset`, or a
    parameter of the optimizer. Raises `ConfigError`, `ModelError` or `OptimizerError`, with nearest names.
    """
    name, value = read_change(text, recipe)
    if name in ("val", "train"):
        return change_size(recipe, measured, cast("SplitName", name), _whole(name, value, least=2))
    return _change_of(recipe, name, value)


def check_change(text: str, recipe: Recipe) -> None:
    """Raise what `parse_change` raises, as far as it can be told before anything is measured."""
    name, value = read_change(text, recipe)
    if name in ("val", "train"):
        _whole(name, value, least=2)
    else:
        _change_of(recipe, name, value)


def read_change(text: str, recipe: Recipe) -> tuple[str, str]:
    """Name and value of a change. Raises `ConfigError` for a name that nothing has."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise ConfigError(
            f"`{text}` is no change", where="--what-if", fix="write it as NAME=VALUE, such as threads=4"
        )
    assert recipe.optimizer is not None
    spec = registry.get(recipe.optimizer.name).spec
    known = [parameter.name for parameter in spec.parameters] + (["preset"] if spec.presets else [])
    names = [
        *ROLES,
        *(f"{role}.thinking" for role in ROLES),
        "threads",
        "num_threads",
        "val",
        "train",
        *known,
    ]
    if name in names:
        return name, value
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    offered = " or ".join(f"`{one}`" for one in near)
    raise ConfigError(
        f"nothing to change is called `{name}`",
        where=f"--what-if {text}",
        fix=f"did you mean {offered}?" if near else f"choose one of: {', '.join(names)}",
    )


def _change_of(recipe: Recipe, name: str, value: str) -> Change:
    role, _, dial = name.partition(".")
    if name in ROLES:
        return change_model(recipe, name, value)
    if dial and role in ROLES:
        return change_thinking(recipe, role, int(value) if value.isdecimal() else value)
    if name in ("threads", "num_threads"):
        return change_threads(recipe, _whole(name, value, least=1))
    assert recipe.optimizer is not None
    spec = registry.get(recipe.optimizer.name).spec
    return change_param(recipe, *parse_setting(spec, f"{name}={value}"))


def change_model(recipe: Recipe, role: Role, model: str) -> Change:
    """Another model for a role. Raises `ModelError` for a name that no provider has."""
    old = fill_roles(recipe.models)[role]
    # What was set for the old model (price, address, thinking) need not fit the new one.
    profile = ModelProfile(
        model=model, temperature=old.temperature, max_tokens=old.max_tokens, retries=old.retries
    )
    check_profile(profile, where=f"models.{role}", need_key=False)

    def apply(one: Recipe) -> Recipe:
        return msgspec.structs.replace(one, models={**one.models, role: profile})

    return Change(id=f"{role}={model}", label=f"{role} {old.model} → {model}", apply=apply)


def change_thinking(recipe: Recipe, role: Role, thinking: int | str) -> Change:
    """Another thinking budget for a role's model. Raises `ConfigError` for what is no such thing."""
    old = fill_roles(recipe.models)[role]
    profile = msgspec.structs.replace(old, thinking=thinking)
    tree = msgspec.structs.replace(recipe, models={**recipe.models, role: profile}, workspace="").to_dict()
    parse_recipe(tree, where="--what-if")

    def apply(one: Recipe) -> Recipe:
        return msgspec.structs.replace(one, models={**one.models, role: profile})

    shown = "the model's own" if old.thinking is None else old.thinking
    return Change(
        id=f"{role}.thinking={thinking}", label=f"{role} thinking {shown} → {thinking}", apply=apply
    )


def change_threads(recipe: Recipe, threads: int) -> Change:
    """Another number of threads for the evaluations."""

    def apply(one: Recipe) -> Recipe:
        return msgspec.structs.replace(one, run=msgspec.structs.replace(one.run, num_threads=threads))

    return Change(id=f"threads={threads}", label=f"threads {recipe.run.num_threads} → {threads}", apply=apply)


def change_param(recipe: Recipe, name: str, value: Any) -> Change:
    """Another value of a parameter of the optimizer; a preset takes the place of what it sets."""
    assert recipe.optimizer is not None
    spec = registry.get(recipe.optimizer.name).spec
    given = dict(recipe.optimizer.params)
    if name == "preset":
        presets = {key for preset in spec.presets.values() for key in preset}
        params = {key: old for key, old in given.items() if key not in {*presets, *_rivals(presets)}}
    else:
        params = {key: old for key, old in given.items() if key not in _rivals({name})}
    old = "as it is set" if name == "preset" else resolve_params(spec, given).params[name]

    def apply(one: Recipe) -> Recipe:
        return with_params(one, {**params, name: value})

    return Change(id=f"{name}={value}", label=f"{name} {old} → {value}".replace("None", "none"), apply=apply)


_EXCLUSIVE = (
    {"auto", "max_full_evals", "max_metric_calls"},
    {"auto", "num_candidates", "num_trials"},
)
"""Parameters of which one takes the place of the others (GEPA's budgets, MIPROv2's sizes)."""


def _rivals(names: set[str]) -> set[str]:
    """Parameters that a change of these puts out of force; MIPROv2's two sizes go together."""
    rivals: set[str] = set()
    for group in _EXCLUSIVE:
        if names & group:
            together = (
                {"num_candidates", "num_trials"} if names <= {"num_candidates", "num_trials"} else set()
            )
            rivals |= group - names - together
    return rivals


def change_size(recipe: Recipe, measured: Measured, part: SplitName, rows: int) -> Change:
    """Another number of val or train rows, stratified as before; rows set free are in no part.

    More val rows than there are come out of train. Raises `ConfigError` where the part is a file of its own,
    or where there are too few rows.
    """
    _, carved, own = plan_parts(recipe.data)
    if part in own or part not in carved:
        raise ConfigError(
            f"{part} is a file of its own, so the split does not size it",
            where=f"data.{part}",
            fix=f"put fewer rows into {getattr(recipe.data, part)}, or name one file as data.path",
        )
    train, val, test = measured.facts.sizes
    sizes = {"train": train, "val": val, "test": test}
    before = sizes[part]
    total = sum(sizes[name] for name in carved)
    sizes[part] = rows
    spare = total - sum(sizes[name] for name in carved)
    if spare < 0 and part == "val":
        sizes["train"] += spare
    if spare < 0 and (part == "train" or sizes["train"] < 2):
        raise ConfigError(
            f"{rows:,} {part} rows are more than there are",
            where=f"--what-if {part}={rows}",
            fix=f"the data have {total:,} rows: {train:,} train, {val:,} val, {test:,} test",
        )
    split = SplitSpec(**{name: _as_size(sizes[name], total) for name in carved}, seed=recipe.data.split.seed)
    label = f"{part} {before:,} → {rows:,}"
    if sizes["train"] != train and part == "val":
        label += f", train {train:,} → {sizes['train']:,}"

    def apply(one: Recipe) -> Recipe:
        return msgspec.structs.replace(one, data=msgspec.structs.replace(one.data, split=split))

    return Change(id=f"{part}={rows}", label=label, apply=apply)


def _as_size(rows: int, total: int) -> float:
    """A count as the split takes it: numbers up to 1 are fractions there."""
    return float(rows) if rows > 1 else rows / max(total, 1)


def sizes_of(data: DataSpec, measured: Measured) -> dict[str, int]:
    """Rows of each part under another split; those of files of their own stay."""
    known = dict(zip(SPLITS, measured.facts.sizes, strict=True))
    _, carved, _ = plan_parts(data)
    total = sum(known[name] for name in carved)
    sizes = part_sizes(data.split, total, carved)
    return {name: sizes.get(name, known[name]) for name in SPLITS}


def _whole(name: str, text: str, *, least: int) -> int:
    try:
        number = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        number = least - 1
    if number < least:
        raise ConfigError(
            f"`{name}` cannot be {text!r}",
            where=f"--what-if {name}={text}",
            fix=f"give a whole number of at least {least}",
        )
    return number
