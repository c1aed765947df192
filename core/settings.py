"""From the text of compilot.toml, or any mapping of its shape, to a validated recipe."""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from .credentials import ENVIRONMENT_NAME, refuse_credentials
from .errors import ConfigError
from .recipe import (
    ROLES,
    SPLITS,
    THINKING,
    Budget,
    DataSpec,
    MetricSpec,
    ModelProfile,
    OptimizerSpec,
    ProgramSpec,
    Recipe,
    RunSpec,
    SplitSpec,
)

CONFIG_NAME = "compilot.toml"
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "program": ProgramSpec,
    "data": DataSpec,
    "metric": MetricSpec,
    "optimizer": OptimizerSpec,
    "budget": Budget,
    "run": RunSpec,
}
"""Sections that are one struct each; `models` holds one for each role."""

_REQUIRED = {
    "program": 'target = "program.py:MyProgram"',
    "data": 'path = "rows.jsonl"',
    "metric": 'target = "builtin:exact_match"',
}
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}


def parse_recipe(settings: Mapping[str, Any], where: str = CONFIG_NAME) -> Recipe:
    """A recipe from settings that name a program, data, a metric and at least a student model.

    Raises `ConfigError` with the path of the field (`models.student.temperature`), and with the nearest known
    name for an unknown one.
    """
    parts = parse_settings(settings, where)
    for section, example in _REQUIRED.items():
        if section not in parts:
            raise ConfigError(
                f"[{section}] is missing", where=where, fix=f"add the section, with at least {example}"
            )
    if "student" not in parts.get("models", {}):
        raise ConfigError(
            "models.student is missing: no model is named to run the program",
            where=where,
            fix='add [models.student] with model = "provider/name" ("embedded/student" needs no key)',
        )
    return Recipe(**parts)


def parse_settings(settings: Mapping[str, Any], where: str = CONFIG_NAME) -> dict[str, Any]:
    """The sections that are there, each validated, by name. A workspace in the making may lack some."""
    check = _Check(where)
    check.names(settings, (*SECTIONS, "models"), "")
    refuse_credentials(settings, where)
    parts: dict[str, Any] = {
        name: check.convert(settings[name], kind, name) for name, kind in SECTIONS.items() if name in settings
    }
    if "data" in parts:
        parts["data"] = _fill_split(check, parts["data"], settings["data"])
    if "models" in settings:
        profiles = check.table(settings["models"], "models")
        check.names(profiles, ROLES, "models")
        parts["models"] = {
            role: check.convert(profiles[role], ModelProfile, f"models.{role}")
            for role in ROLES
            if role in profiles
        }
    for name, part in parts.items():
        _CHECKS[name](check, part)
    return parts


def merge_settings(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it: tables are merged, None removes, everything else replaces."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            old = merged.get(key)
            merged[key] = merge_settings(old if isinstance(old, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


class _Check:
    """Raises errors that name the file and the field."""

    def __init__(self, where: str) -> None:
        self.where = where

    def error(self, path: str, what: str, fix: str = "") -> ConfigError:
        return ConfigError(f"{path} {what}", where=f"{self.where}: {path}", fix=fix)

    def table(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.error(
                path, "must be a table", f"write it as [{path}] with name = value lines under it"
            )
        return value

    def names(self, given: Mapping[str, Any], known: Iterable[str], path: str) -> None:
        known = tuple(known)
        for name in given:
            if name in known:
                continue
            full = f"{path}.{name}" if path else str(name)
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
            fix = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
            raise self.error(full, "is not a known setting", fix)

    def convert(self, value: Any, kind: type[msgspec.Struct], path: str) -> Any:
        """The section as its struct."""
        table = self.table(value, path)
        self.names(table, kind.__struct_fields__, path)
        for name, hint in get_type_hints(kind).items():
            inner = _struct_in(hint)
            if inner is not None and isinstance(table.get(name), Mapping):
                self.names(table[name], inner.__struct_fields__, f"{path}.{name}")
        self.finite(table, path)
        try:
            return msgspec.convert(table, kind)
        except msgspec.ValidationError as error:
            raise self._invalid(str(error), path, kind) from error

    def finite(self, value: Any, path: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self.finite(inner, f"{path}.{key}")
        elif isinstance(value, (list, tuple)):
            for inner in value:
                self.finite(inner, path)
        elif isinstance(value, float) and not math.isfinite(value):
            raise self.error(path, f"cannot be {value}", "give a finite number")

    def _invalid(self, message: str, path: str, section: type[msgspec.Struct]) -> ConfigError:
        problem, _, tail = message.partition(" - at `$")
        field = f"{path}{tail.rstrip('`')}".replace("[...]", "")
        missing = re.fullmatch(r"Object missing required field `(.+)`", problem)
        if missing:
            return self.error(f"{field}.{missing[1]}", "is missing")
        kinds = re.fullmatch(r"Expected `(.+)`, got `(.+)`", problem)
        if kinds:
            wanted = " or ".join(_KINDS.get(kind, kind) for kind in kinds[1].split(" | ") if kind != "null")
            fix = (
                'write it in brackets, as in ["a", "b"]' if kinds[1].startswith("array") else f"give {wanted}"
            )
            return self.error(field, f"must be {wanted}, not {_KINDS.get(kinds[2], kinds[2])}", fix)
        if problem.startswith("Invalid enum value"):
            known = get_args(get_type_hints(section)[field.removeprefix(f"{path}.")])
            return self.error(
                field, f"cannot be {problem.partition('value ')[2]}", f"one of {', '.join(known)}"
            )
        return self.error(field, f"is wrong: {problem[0].lower()}{problem[1:]}")

    def positive(self, part: Any, path: str, *names: str) -> None:
        for name in names:
            value = getattr(part, name)
            if value is not None and value <= 0:
                raise self.error(f"{path}.{name}", f"must be above 0, not {value:g}", "give a number above 0")

    def not_negative(self, part: Any, path: str, *names: str) -> None:
        for name in names:
            value = getattr(part, name)
            if value is not None and value < 0:
                raise self.error(f"{path}.{name}", f"must not be below 0: {value:g}", "give 0 or more")

    def filled(self, part: Any, path: str, *names: str) -> None:
        for name in names:
            value = getattr(part, name)
            if value is not None and not value.strip():
                raise self.error(f"{path}.{name}", "is empty")


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct)), None)


def _check_program(check: _Check, part: ProgramSpec) -> None:
    check.filled(part, "program", "target")
    inline = "->" in part.target
    if not inline and ":" not in part.target:
        raise check.error(
            "program.target",
            f"does not name a program: {part.target!r}",
            'write "file.py:Name", "package.module:Name", or an inline signature like "question -> answer"',
        )
    if part.tools and part.module != "ReAct":
        raise check.error(
            "program.tools", f"are for ReAct; the module here is {part.module}", 'set module = "ReAct"'
        )


def _fill_split(check: _Check, part: DataSpec, given: Mapping[str, Any]) -> DataSpec:
    """A split that names some of its parts gives nothing to the others."""
    split = given.get("split")
    if not isinstance(split, Mapping):
        return part
    named = [name for name in SPLITS if name in split]
    if part.train is not None and named:
        raise check.error(
            "data.split",
            "has nothing to split: train and val are files of their own",
            "take `split` out, or give one `path` instead of the files",
        )
    if not named:
        return part
    parts = {name: getattr(part.split, name) if name in named else 0.0 for name in SPLITS}
    return msgspec.structs.replace(part, split=SplitSpec(**parts, seed=part.split.seed))


def _check_data(check: _Check, part: DataSpec) -> None:
    check.filled(part, "data", "path", "train", "val", "test")
    check.positive(part, "data", "limit")
    files = [name for name in SPLITS if getattr(part, name) is not None]
    if part.path is not None and files:
        raise check.error(
            f"data.{files[0]}",
            "and data.path are both given",
            "keep `path` (one file, split for you), or `train`, `val` and `test` files",
        )
    if part.path is None and not files:
        raise check.error("data.path", "is missing", 'add path = "rows.jsonl", or train, val and test files')
    for name in ("train", "val"):
        if files and name not in files:
            raise check.error(
                f"data.{name}",
                f"is missing beside data.{files[0]}",
                "name both files, or one `path` to split",
            )
    if not files:
        _check_split(check, part.split)
    roles = {"inputs": part.inputs, "labels": part.labels or (), "ignore": part.ignore}
    seen: dict[str, str] = {}
    for role, columns in roles.items():
        for column in columns:
            if column in seen:
                again = "twice" if seen[column] == role else f"in data.{seen[column]} too"
                raise check.error(f"data.{role}", f"names {column!r} {again}", "keep it in one place")
            seen[column] = role


def _check_split(check: _Check, split: SplitSpec) -> None:
    check.not_negative(split, "data.split", *SPLITS)
    for name in ("train", "val"):
        if getattr(split, name) == 0:
            raise check.error(
                f"data.split.{name}",
                "gets no rows",
                "every run learns from train and is scored on val: give both a part",
            )
    for name in SPLITS:
        value = getattr(split, name)
        if value > 1 and not float(value).is_integer():
            raise check.error(
                f"data.split.{name}",
                f"is neither a fraction nor a count: {value:g}",
                "up to 1 it is a fraction of the rows, above 1 a whole number of rows",
            )
    total = math.fsum(value for name in SPLITS if (value := getattr(split, name)) <= 1)
    if total > 1 + 1e-9:
        raise check.error("data.split", f"gives away {total:g} of the rows", "fractions add up to at most 1")


def _check_metric(check: _Check, part: MetricSpec) -> None:
    check.filled(part, "metric", "target")
    if ":" not in part.target:
        raise check.error(
            "metric.target",
            f"does not name a metric: {part.target!r}",
            'write "metrics.py:name", "package.module:name" or "builtin:exact_match"',
        )
    for name, weight in part.weights.items():
        if weight < 0:
            raise check.error(f"metric.weights.{name}", f"must not be below 0: {weight:g}")
    if part.weights and not any(part.weights.values()):
        raise check.error("metric.weights", "are all 0", "give at least one sub-score a weight")


def _check_models(check: _Check, profiles: Mapping[str, ModelProfile]) -> None:
    for role, profile in profiles.items():
        path = f"models.{role}"
        check.filled(profile, path, "model", "api_base")
        if any(letter.isspace() for letter in profile.model):
            raise check.error(f"{path}.model", "holds a blank", 'write "provider/name"')
        check.not_negative(profile, path, "temperature", "retries")
        check.positive(profile, path, "max_tokens", "timeout", "requests_per_minute", "tokens_per_minute")
        _check_thinking(check, profile, path)
        if profile.key_env is not None and not ENVIRONMENT_NAME.fullmatch(profile.key_env):
            raise check.error(
                f"{path}.key_env",
                "is not the name of an environment variable",
                'name the variable that holds the key, as in key_env = "GEMINI_API_KEY"; never the key',
            )
        if profile.price is not None:
            check.not_negative(profile.price, f"{path}.price", "input", "output", "cached_input")
        if profile.dials and not profile.model.startswith("embedded/"):
            raise check.error(f"{path}.dials", "are for embedded models only", "take them out")
        twice = sorted(set(profile.options) & set(ModelProfile.__struct_fields__))
        if twice:
            raise check.error(
                f"{path}.options.{twice[0]}", "has a setting of its own", f"write it as {path}.{twice[0]}"
            )


def _check_thinking(check: _Check, profile: ModelProfile, path: str) -> None:
    thinking = profile.thinking
    wrong = thinking not in THINKING if isinstance(thinking, str) else thinking is not None and thinking < 0
    if wrong:
        raise check.error(
            f"{path}.thinking",
            f"is unknown: {thinking!r}",
            f"one of {', '.join(THINKING)}, or a token budget",
        )


def _check_optimizer(check: _Check, part: OptimizerSpec) -> None:
    check.filled(part, "optimizer", "name")


def _check_budget(check: _Check, part: Budget) -> None:
    check.positive(part, "budget", *Budget.__struct_fields__)


def _check_run(check: _Check, part: RunSpec) -> None:
    check.positive(part, "run", "num_threads")
    check.not_negative(part, "run", "seed", "max_errors")


_CHECKS: dict[str, Callable[[_Check, Any], None]] = {
    "program": _check_program,
    "data": _check_data,
    "metric": _check_metric,
    "models": _check_models,
    "optimizer": _check_optimizer,
    "budget": _check_budget,
    "run": _check_run,
}
