"""How an optimizer declares itself: parameters, presets, conflicts and needs, all of it as data.

The form in the terminal, `--set` on the command line, validation and the docs come from these declarations.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import OptimizerError
from ..recipe import Role
from .facts import Facts

ParameterType = Literal["int", "float", "bool", "str", "ints"]
GoesTo = Literal["init", "compile", "gepa", "ours"]
Params = Mapping[str, Any]
NO_FACTS = Facts()


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One thing a person can set."""

    name: str
    type: ParameterType
    default: Any
    meaning: str
    """What it does, in one sentence."""
    cost_effect: str = ""
    """What a larger value does to the number of LM calls; empty when nothing."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    target: bool = False
    """Also takes code of the workspace, written `file.py:attr` or `package.module:attr`."""
    optional: bool = False
    """May be None (written `none` on the command line)."""
    goes_to: GoesTo = "init"
    """Where DSPy takes it: the class, its `compile`, `gepa.optimize`, or nowhere because it is ours."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A combination DSPy refuses, or that cannot work with this data; explained before the run."""

    parameters: tuple[str, ...]
    when: Callable[[Params, Facts], bool]
    explanation: str
    """May name parameters and sizes in braces, as in `{bsize}` or `{train}`."""
    fix: str


@dataclass(frozen=True, kw_only=True)
class DefaultRule:
    """A default that follows from the data or from other parameters, used only where the person set none."""

    parameter: str
    when: Callable[[Params, frozenset[str], Facts], bool]
    """Looks at all values, the names that the person set, and the facts."""
    value: Callable[[Params, Facts], Any]
    note: str
    """Told to the person when the rule applies; braces as in `Conflict.explanation`. Empty: not told."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What must be there before the optimizer makes sense."""

    feedback: Literal["wanted", "useful", "unused"] = "unused"
    min_train: int = 1
    min_val: int = 0
    extras: tuple[str, ...] = ()
    """Python packages besides plain dspy."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What the optimized program is when it is saved."""

    kind: Literal["state", "ensemble", "retrieval"] = "state"
    portable: bool = True
    """Whether the state file alone makes the same program again under plain dspy."""
    note: str = "A state file: plain `MyProgram().load(path)` reads it."


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything about an optimizer that can be known without importing dspy."""

    name: str
    """The DSPy class name."""
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    roles: tuple[Role, ...]
    """Roles whose models are called besides the judge."""
    seed_use: str
    """What the run's seed changes."""
    needs: Needs = field(default_factory=Needs)
    presets: Mapping[str, Params] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    default_rules: tuple[DefaultRule, ...] = ()
    not_exposed: Mapping[str, str] = field(default_factory=dict)
    """Arguments of the DSPy class that are no parameters here, each with where its value comes from."""
    artifact: Artifact = field(default_factory=Artifact)

    def parameter(self, name: str) -> Parameter:
        """The parameter of this name, or an error that offers the nearest ones."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise self._unknown_parameter(name)

    def arguments(self, params: Params, goes_to: GoesTo) -> dict[str, Any]:
        """The values DSPy takes at one place."""
        return {p.name: params[p.name] for p in self.parameters if p.goes_to == goes_to}

    def _unknown_parameter(self, name: str) -> OptimizerError:
        names = [parameter.name for parameter in self.parameters]
        if self.presets:
            names.append("preset")
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        reason = self.not_exposed.get(name)
        if reason is not None:
            fix = f"leave it out: {reason}"
        elif near:
            fix = "did you mean " + " or ".join(f"`{other}`" for other in near) + "?"
        else:
            fix = f"{self.name} takes: " + ", ".join(names)
        return OptimizerError(f"{self.name} has no parameter `{name}`", where=_place(name), fix=fix)


@dataclass(frozen=True)
class Resolved:
    """Parameters with every default filled in, and what was adapted on the way."""

    params: dict[str, Any]
    notes: tuple[str, ...] = ()


def validate_params(spec: Spec, params: Params, facts: Facts | None = None) -> dict[str, Any]:
    """The parameters with every default filled in.

    Raises `OptimizerError` at `optimizer.params.<name>` for an unknown name, a wrong type or range, an
    unknown preset, and combinations that DSPy refuses or that the data is too small for.
    """
    return resolve_params(spec, params, facts).params


def resolve_params(spec: Spec, params: Params, facts: Facts | None = None) -> Resolved:
    """Like `validate_params`, with the notes of the defaults that were adapted to the data.

    What comes out may be put in again with the same facts and comes out the same.
    """
    facts = facts or NO_FACTS
    given = dict(params)
    if "preset" in given and spec.presets:
        given = {**_preset(spec, given.pop("preset")), **given}
    for name, value in given.items():
        given[name] = _checked(spec.parameter(name), value)
    values = {parameter.name: given.get(parameter.name, parameter.default) for parameter in spec.parameters}
    names = frozenset(given)
    notes = []
    for rule in spec.default_rules:
        if rule.parameter not in names and rule.when(values, names, facts):
            values[rule.parameter] = rule.value(values, facts)
            if rule.note:
                notes.append(_filled(rule.note, values, facts))
    for conflict in spec.conflicts:
        if conflict.when(values, facts):
            raise OptimizerError(
                _filled(conflict.explanation, values, facts),
                where=", ".join(_place(name) for name in conflict.parameters),
                fix=_filled(conflict.fix, values, facts),
            )
    return Resolved(values, tuple(notes))


def parse_setting(spec: Spec, setting: str) -> tuple[str, Any]:
    """Name and value of a `name=value` text, in the parameter's declared type."""
    name, equals, text = setting.partition("=")
    name, text = name.strip(), text.strip()
    if not equals or not name:
        raise OptimizerError(
            f"`{setting}` is no setting", where="--set", fix="write it as name=value, such as max_steps=4"
        )
    if name == "preset" and spec.presets:
        _preset(spec, text)
        return name, text
    parameter = spec.parameter(name)
    return name, _checked(parameter, _parsed(parameter, text))


def check_needs(spec: Spec, facts: Facts) -> None:
    """Raise `OptimizerError` when the data is too small for the optimizer to run at all."""
    for split, size, least in (
        ("train", facts.train, spec.needs.min_train),
        ("val", facts.val, spec.needs.min_val),
    ):
        if size is not None and size < least:
            raise OptimizerError(
                f"{spec.name} needs at least {least} {split} row{'s' if least > 1 else ''}; there are {size}",
                where="data.split",
                fix="give it more rows, or give this part of the split a larger share",
            )


def _place(name: str) -> str:
    return f"optimizer.params.{name}"


def _preset(spec: Spec, name: Any) -> Params:
    try:
        return spec.presets[name]
    except (KeyError, TypeError):
        known = ", ".join(spec.presets)
        raise OptimizerError(
            f"{spec.name} has no preset {name!r}", where=_place("preset"), fix=f"choose one of: {known}"
        ) from None


def _filled(text: str, values: Params, facts: Facts) -> str:
    return text.format(**values, train=facts.train, val=facts.val)


def _parsed(parameter: Parameter, text: str) -> Any:
    if parameter.optional and text.lower() in ("none", "null", ""):
        return None
    try:
        match parameter.type:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                    text.lower()
                ]
            case "ints":
                return [int(part) for part in text.strip("[]").split(",") if part.strip()]
            case "str":
                return text
    except (ValueError, KeyError):
        raise _wrong_value(parameter, text) from None


def _checked(parameter: Parameter, value: Any) -> Any:
    if value is None:
        if parameter.optional:
            return None
        raise _wrong_value(parameter, value)
    match parameter.type:
        case "bool":
            fits = isinstance(value, bool)
        case "int":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "float":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        case "ints":
            fits = isinstance(value, (list, tuple)) and all(type(item) is int for item in value)
        case "str":
            fits = isinstance(value, str) and bool(value)
    if fits and parameter.type in ("int", "float"):
        fits = (parameter.low is None or value >= parameter.low) and (
            parameter.high is None or value <= parameter.high
        )
    if fits and parameter.choices:
        fits = value in parameter.choices or (parameter.target and ":" in value)
    elif fits and parameter.target and parameter.type == "str" and parameter.default is None:
        fits = ":" in value
    if not fits:
        raise _wrong_value(parameter, value)
    if parameter.type == "float":
        return float(value)
    return list(value) if parameter.type == "ints" else value


def _wrong_value(parameter: Parameter, value: Any) -> OptimizerError:
    return OptimizerError(
        f"`{parameter.name}` cannot be {value!r}",
        where=_place(parameter.name),
        fix=f"give {describe_values(parameter)}; {parameter.meaning}",
    )


def describe_values(parameter: Parameter) -> str:
    """What the parameter takes, in words: `a whole number from 1 to 50, or none`."""
    words = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "a text",
        "ints": "whole numbers, as in [0, 1, 2]",
    }[parameter.type]
    if parameter.choices:
        words = "one of " + ", ".join(parameter.choices)
    if parameter.target:
        words = f"{words}, or file.py:attr" if parameter.choices else "file.py:attr"
    if parameter.low is not None and parameter.high is not None:
        words += f" from {parameter.low:g} to {parameter.high:g}"
    elif parameter.low is not None:
        words += f" of at least {parameter.low:g}"
    elif parameter.high is not None:
        words += f" of at most {parameter.high:g}"
    return f"{words}, or none" if parameter.optional else words
