"""A form over declared parameters: what is set, what holds otherwise, what is wrong. No widgets in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from core.errors import OptimizerError
from core.optimizers.facts import Facts
from core.optimizers.spec import Parameter, Spec, describe_values, parse_setting, resolve_params

Kind = Literal["choice", "switch", "text"]
PRESET = "preset"


@dataclass(frozen=True)
class Wrong:
    """Why a field cannot stay as it is."""

    what: str
    fix: str = ""
    text: str = ""
    """What was typed, where it could not be read."""


@dataclass(frozen=True)
class Field:
    """One parameter as the form shows it."""

    parameter: Parameter
    value: Any
    """What holds: the person's value, or the default (which may follow from others)."""
    is_set: bool
    wrong: Wrong | None = None

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def kind(self) -> Kind:
        if self.parameter.choices:
            return "choice"
        return "switch" if self.parameter.type == "bool" and not self.parameter.optional else "text"

    @property
    def text(self) -> str:
        return write_value(self.value)


@dataclass(frozen=True)
class Sheet:
    """The state of a form; every change gives another one."""

    spec: Spec
    params: Mapping[str, Any] = field(default_factory=dict)
    """What the person set; only values that differ from what would hold anyway."""
    facts: Facts | None = None
    unread: Mapping[str, Wrong] = field(default_factory=dict)
    """Fields whose text could not be read; their last good value stays in `params`."""

    def type(self, name: str, text: str) -> Sheet:
        """The field's text, as it was typed: blank means the default."""
        if not text.strip():
            return self.reset(name)
        try:
            _, value = parse_setting(self.spec, f"{name}={text}")
        except OptimizerError as error:
            return replace(self, unread={**self.unread, name: Wrong(error.what, error.fix, text)})
        return self.put(name, value)

    def put(self, name: str, value: Any) -> Sheet:
        """A value that fits the declaration; nothing is kept that would hold anyway."""
        plain = self.reset(name)
        if name != PRESET and plain._settled[name] == value:
            return plain
        return replace(plain, params={**plain.params, name: value})

    def reset(self, name: str) -> Sheet:
        """The default again."""
        return replace(
            self,
            params={key: value for key, value in self.params.items() if key != name},
            unread={key: wrong for key, wrong in self.unread.items() if key != name},
        )

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """One for each parameter, in the order of the declaration; a preset comes first."""
        settled, problems = self._settled, self.problems
        fields = [
            Field(
                parameter,
                settled[parameter.name],
                parameter.name in self.params,
                problems.get(parameter.name),
            )
            for parameter in self.spec.parameters
        ]
        if self._shows_preset:
            value = self.params.get(PRESET)
            fields.insert(0, Field(_preset(self.spec), value, value is not None, problems.get(PRESET)))
        return tuple(fields)

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    @cached_property
    def problems(self) -> dict[str, Wrong]:
        """By field: a text that cannot be read, or a combination that cannot work."""
        found: dict[str, Wrong] = {}
        for conflict in self.spec.conflicts:
            try:
                resolve_params(replace(self.spec, conflicts=(conflict,)), self.params, self.facts)
            except OptimizerError as error:
                told = [name for name in conflict.parameters if name in self.params]
                if not told and PRESET in self.params:
                    told = [PRESET]
                found = dict.fromkeys(told or conflict.parameters, Wrong(error.what, error.fix))
                break  # those that follow take it for granted that this one does not hold
        return {**found, **self.unread}

    @property
    def notes(self) -> tuple[str, ...]:
        """Defaults that were adapted to the data."""
        return resolve_params(replace(self.spec, conflicts=()), self.params, self.facts).notes

    @cached_property
    def _settled(self) -> dict[str, Any]:
        return resolve_params(replace(self.spec, conflicts=()), self.params, self.facts).params

    @property
    def _shows_preset(self) -> bool:
        """Presets that only set one parameter say nothing that its own field does not."""
        return PRESET in self.params or any(len(preset) > 1 for preset in self.spec.presets.values())


def read_sheet(spec: Spec, params: Mapping[str, Any], facts: Facts | None = None) -> Sheet:
    """The sheet of parameters as they stand in a file: what does not fit is marked, not lost.

    A name that is no parameter is marked under its own name; the next change leaves it out.
    """
    good: dict[str, Any] = {}
    unread: dict[str, Wrong] = {}
    for name, value in params.items():
        try:
            resolve_params(replace(spec, conflicts=()), {name: value}, facts)
        except OptimizerError as error:
            unread[name] = Wrong(error.what, error.fix, write_value(value))
        else:
            good[name] = value
    return Sheet(spec, good, facts, unread)


def write_value(value: Any) -> str:
    """A value as a person types it; `none` where there is none."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return ", ".join(str(item) for item in value)
    return str(value)


def describe_field(field: Field) -> tuple[str, str, str]:
    """What the parameter does, what that costs, and what it takes."""
    parameter = field.parameter
    meaning = f"{parameter.meaning[:1].upper()}{parameter.meaning[1:]}."
    cost = f"{parameter.cost_effect}." if parameter.cost_effect else "no more and no fewer calls."
    default = f"default {write_value(parameter.default)}" if parameter.default != "" else "needed"
    takes = f"{describe_values(parameter)}; {default}"
    return meaning, cost, takes


def _preset(spec: Spec) -> Parameter:
    told = "; ".join(
        f"{name}: " + ", ".join(f"{key} {write_value(value)}" for key, value in params.items())
        for name, params in spec.presets.items()
    )
    return Parameter(
        name=PRESET,
        type="str",
        default=None,
        optional=True,
        choices=tuple(spec.presets),
        meaning=f"several parameters at once, where none of them is set by itself ({told})",
        cost_effect="a heavier one tries more",
    )
