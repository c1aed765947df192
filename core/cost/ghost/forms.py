"""Values that fit a type: from its JSON schema, right ones from a label, wrong ones that differ from it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from dspy.adapters.types import ToolCalls
from pydantic import TypeAdapter

from ...jsonable import to_json
from ...models.embedded.schema import Schema, options_of, resolve

VARIANTS = 8
"""Different answers kept for one field of one row: answers vary, and none is made twice."""
_KEPT = 0.5
"""Part of a wrong record that is as the label has it: wrong answers are seldom wrong throughout."""
_TRIES = 12
_DEEPEST = 6
_MOMENTS = {
    "date": "2024-0{0}-1{0}",
    "date-time": "2024-0{0}-1{0}T10:00:00Z",
    "time": "1{0}:00:00",
    "duration": "PT{0}H",
    "uuid": "00000000-0000-4000-8000-00000000000{0}",
    "email": "ghost{0}@example.org",
    "uri": "https://example.org/{0}",
    "ipv4": "192.0.2.{0}",
}
_NO_VALUE = object()


class Form:
    """One type: makes typed values of it. Thread-safe; every value is a new object."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.plain_text = annotation is str
        try:
            self._adapter: TypeAdapter[Any] | None = TypeAdapter(annotation)
            self.schema: Schema = self._adapter.json_schema()
        except Exception:  # noqa: BLE001  # a type that pydantic cannot describe is given text
            self._adapter, self.schema = None, {"type": "string"}
        self._definitions: Schema = self.schema.get("$defs", {})
        self._written: dict[Any, bytes | None] = {}

    def make(self, variant: int) -> Any:
        """Some value of the type, the same for the same variant."""
        return self._cached(("free", variant), lambda seed: self._fill(random.Random(variant + seed)))

    def fits(self, label: Any) -> bool:
        """Whether the label can be a value of the type."""
        return self._right(label) is not None

    def make_right(self, label: Any) -> Any:
        """The label as a value of the type; some value where it is none."""
        if self.plain_text:
            return label if isinstance(label, str) else str(label)
        data = self._right(label)
        return self._read(data) if data is not None else self.make(0)

    def make_wrong(self, label: Any, variant: int) -> Any:
        """A value that is not the label, where the type has another one."""
        if self.plain_text:
            return f"not so: {variant}"
        data = self._right(label)
        if data is None:
            return self.make(variant)
        told = orjson.loads(data)

        def spoil(seed: int) -> Any:
            made = self._spoil(told, random.Random(variant + seed))
            return _NO_VALUE if made == told else made

        return self._cached(("wrong", data, variant), spoil)

    def _right(self, label: Any) -> bytes | None:
        key = ("right", _key_of(label))
        if key not in self._written:
            self._written[key] = self._write(label)
        return self._written[key]

    def _write(self, label: Any) -> bytes | None:
        """The label as JSON that the type reads back; None where it does not."""
        told = to_json(label)
        readings = [told]
        if isinstance(told, str):
            # Files hold numbers, lists and records as text; a model's answer is read in the same way.
            try:
                readings.append(orjson.loads(told))
            except orjson.JSONDecodeError:
                lowered = {"true": True, "false": False, "yes": True, "no": False}.get(told.strip().lower())
                readings += [lowered] if lowered is not None else []
        for reading in readings:
            try:
                data = self._as_told(orjson.dumps(reading, option=orjson.OPT_NON_STR_KEYS))
            except Exception:  # noqa: BLE001, S112  # validators are the user's code: any error means no
                continue
            return data
        return None

    def _as_told(self, data: bytes) -> bytes:
        """The same value as the type itself writes it: 3 and not "3". Raises what the type raises."""
        value = self._read(data)
        return data if self._adapter is None else self._adapter.dump_json(value)

    def _cached(self, key: Any, make: Any) -> Any:
        if key not in self._written:
            self._written[key] = self._settle(make)
        data = self._written[key]
        return self._read(data) if data is not None else self._unchecked()

    def _settle(self, make: Any) -> bytes | None:
        """The first value made that passes the type's own validators."""
        spare: bytes | None = None
        for seed in range(_TRIES):
            made = make(1000 * seed)
            if made is _NO_VALUE:
                continue
            data = orjson.dumps(made, option=orjson.OPT_NON_STR_KEYS)
            try:
                self._read(data)
            except Exception:  # noqa: BLE001, S112  # as above
                continue
            spare = data
            break
        return spare

    def _read(self, data: bytes) -> Any:
        # From JSON each time: programs may change the lists and records they are given.
        return orjson.loads(data) if self._adapter is None else self._adapter.validate_json(data)

    def _unchecked(self) -> Any:
        """For types whose validators refuse everything that their schema allows."""
        kind = self.annotation
        if isinstance(kind, type) and hasattr(kind, "model_construct"):
            return kind.model_construct(**(self._fill(random.Random(0)) or {}))
        return self._fill(random.Random(0))

    def _fill(self, dice: random.Random) -> Any:
        if self.annotation is ToolCalls:
            return {"tool_calls": []}
        return fill(self.schema, dice, self._definitions)

    def _spoil(self, told: Any, dice: random.Random) -> Any:
        return spoil(told, self.schema, dice, self._definitions)


class TextForm(Form):
    """The form of a field that a prompt describes: JSON values, for an answer that is written as text."""

    def __init__(self, schema: Schema) -> None:
        self.annotation = None
        self.plain_text = schema.get("type") == "string" and not ({"enum", "format"} & schema.keys())
        self._adapter = None
        self.schema = schema
        self._definitions = schema.get("$defs", {})
        self._written = {}

    def _write(self, label: Any) -> bytes | None:
        options = options_of(self.schema)
        if options and label not in options:
            label = next((option for option in options if str(option) == str(label)), _NO_VALUE)
        return None if label is _NO_VALUE else orjson.dumps(to_json(label), option=orjson.OPT_NON_STR_KEYS)


@lru_cache(4096)
def _hashable_form(annotation: Any) -> Form:
    return Form(annotation)


_OTHER_FORMS: dict[int, Form] = {}


def form_of(annotation: Any) -> Form:
    """The form of a type; equal types share one."""
    try:
        return _hashable_form(annotation)
    except TypeError:  # types annotated with something unhashable
        form = _OTHER_FORMS.get(id(annotation))
        if form is None:
            form = _OTHER_FORMS[id(annotation)] = Form(annotation)
        return form


def fill(schema: Schema, dice: random.Random, definitions: Schema, depth: int = 0) -> Any:
    """A JSON value that the schema allows."""
    schema = resolve(schema, definitions)
    definitions = schema.get("$defs", definitions)
    options = options_of(schema)
    if options:
        return dice.choice(options)
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            return fill(_alternative(schema[several], dice, depth), dice, definitions, depth)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _fill_object(schema, dice, definitions, depth)
    if kind == "array":
        return _fill_array(schema, dice, definitions, depth)
    if kind in ("integer", "number"):
        return _fill_number(schema, dice, whole=kind == "integer")
    if kind == "null":
        return None
    return _fill_text(schema, dice)


def spoil(told: Any, schema: Schema, dice: random.Random, definitions: Schema, depth: int = 0) -> Any:
    """A value near the one told that is not it: records and lists keep some of their parts."""
    schema = resolve(schema, definitions)
    definitions = schema.get("$defs", definitions)
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            others = [part for part in schema[several] if part.get("type") != "null"]
            return spoil(told, others[0] if others else {}, dice, definitions, depth)
    options = options_of(schema)
    if options:
        others = [option for option in options if option != told]
        return dice.choice(others) if others else told
    if isinstance(told, dict) and depth < _DEEPEST:
        return _spoil_object(told, schema, dice, definitions, depth)
    if isinstance(told, list) and depth < _DEEPEST:
        return _spoil_array(told, schema, dice, definitions, depth)
    for _ in range(_TRIES):
        made = fill(schema, dice, definitions, depth)
        if made != told:
            return made
    return told


def _alternative(parts: Sequence[Schema], dice: random.Random, depth: int) -> Schema:
    empty = [part for part in parts if part.get("type") == "null"]
    if depth >= _DEEPEST and empty:
        return empty[0]  # types that hold themselves must end somewhere
    others = [part for part in parts if part.get("type") != "null"]
    return dice.choice(others) if others else {"type": "null"}


def _fill_object(schema: Schema, dice: random.Random, definitions: Schema, depth: int) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    required = set(schema.get("required", properties))
    made = {
        name: fill(part, dice, definitions, depth + 1)
        for name, part in properties.items()
        if name in required or depth < 2
    }
    extra = schema.get("additionalProperties")
    if not properties and isinstance(extra, Mapping) and depth < _DEEPEST:
        made = {
            f"key{number}": fill(extra, dice, definitions, depth + 1)
            for number in range(max(1, int(schema.get("minProperties", 1))))
        }
    return made


def _fill_array(schema: Schema, dice: random.Random, definitions: Schema, depth: int) -> list[Any]:
    made = [fill(part, dice, definitions, depth + 1) for part in schema.get("prefixItems", ())]
    least = int(schema.get("minItems", 0))
    most = int(schema.get("maxItems", max(least, 2)))
    items = schema.get("items", {} if not made else None)
    if not isinstance(items, Mapping):
        return made
    wanted = least if depth >= _DEEPEST else dice.randint(least or min(1, most), max(least, min(most, 2)))
    for _ in range(_TRIES * max(wanted, 1)):
        if len(made) >= wanted:
            break
        item = fill(items, dice, definitions, depth + 1)
        if not schema.get("uniqueItems") or item not in made:
            made.append(item)
    return made


def _fill_number(schema: Schema, dice: random.Random, *, whole: bool) -> float:
    step = schema.get("multipleOf", 1 if whole else None)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        low, high = (0, 9) if whole else (0.0, 1.0)
    low = high - 9 if low is None else low
    high = low + 9 if high is None else high
    if step:
        first = int(low // step) + (0 if low % step == 0 and "exclusiveMinimum" not in schema else 1)
        last = int(high // step) - (1 if high % step == 0 and "exclusiveMaximum" in schema else 0)
        number = dice.randint(first, max(first, last)) * step
        return round(number) if whole else float(number)
    # Away from the edges, which may be excluded.
    inside: float = low + (high - low) * dice.uniform(0.05, 0.95)
    return round(inside, 6)


def _fill_text(schema: Schema, dice: random.Random) -> str:
    digit = dice.randint(1, 9)
    known = _MOMENTS.get(str(schema.get("format", "")))
    if known is not None:
        return known.format(digit)
    text = f"ghost {digit}"
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    text = text.ljust(least, "x")
    return text if most is None else text[: int(most)]


def _spoil_object(
    told: dict[str, Any], schema: Schema, dice: random.Random, definitions: Schema, depth: int
) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    parts = {name: properties.get(name, extra if isinstance(extra, Mapping) else {}) for name in told}
    if not parts:
        return told
    wrong = {name for name in parts if dice.random() > _KEPT} or {dice.choice(list(parts))}
    return {
        name: spoil(value, parts[name], dice, definitions, depth + 1) if name in wrong else value
        for name, value in told.items()
    }


def _spoil_array(
    told: list[Any], schema: Schema, dice: random.Random, definitions: Schema, depth: int
) -> list[Any]:
    items = schema.get("items", {})
    kept = [item for item in told if dice.random() < _KEPT]
    if len(kept) == len(told):
        kept = kept[:-1]
    least = int(schema.get("minItems", 0))
    for _ in range(_TRIES):
        if kept and len(kept) >= max(least, min(1, len(told))):
            break
        made = fill(items, dice, definitions, depth + 1) if isinstance(items, Mapping) else None
        if made not in told and made not in kept:
            kept.append(made)
    return kept


def _key_of(label: Any) -> Any:
    return label if isinstance(label, (str, int, float, bool, type(None))) else ("by content", repr(label))
