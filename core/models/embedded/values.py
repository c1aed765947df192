"""Valid answers by type: each output value from demonstrations, rules, or the input itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .extract import NUMBER, locate, written_as
from .learner import LabelModel, choose
from .prompt import Field
from .reader import REASONING, Path, Reader, Seen
from .schema import Schema, options_of, resolve, split_optional
from .text import distinct_words, hash_parts, pattern_hash, text_of

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|to|and)\s*(-?\d+(?:\.\d+)?)")
_EMPTY_FORMATS = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00",
    "time": "00:00:00",
    "duration": "PT0S",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
_SHORT_WORDS = 12
_ITEM_WORDS = 3
_LABEL_WORDS = 6
_MEMBER_MARGIN = 2.0
"""Log-odds that a label of a list may lie behind the likeliest, where demonstrations show lists."""
_MEMBER_BAR = 1.0
_MEMBER_SHARE = 0.75
"""With rules alone: the least log-odds, and the least share of the likeliest label's."""
_LIKE_ENOUGH = 0.5


@dataclass(frozen=True)
class Draw:
    """How to pick among answers: at 0 the likeliest, above it drawn. The same draw gives the same picks."""

    temperature: float = 0.0
    salt: tuple[object, ...] = ()


class Answerer:
    """Answers one request. `notes` collects what spoke for the answers, for a reasoning field."""

    def __init__(self, reader: Reader, inputs: Mapping[str, str], draw: Draw) -> None:
        self.reader = reader
        self.inputs = inputs
        self.draw = draw
        self.seed = hash_parts(*(pattern_hash(text) for text in inputs.values()), *draw.salt)
        self.notes: list[str] = []

    def answer_all(self) -> dict[str, Any]:
        """A value for each output field, in order; reasoning is written when there is something to tell."""
        fields = self.reader.task.outputs
        told = {field.name for field in fields if field.name in REASONING and len(fields) > 1}
        values = {field.name: self.answer_field(field) for field in fields if field.name not in told}
        reasoning = self._explain(values) if told else ""
        return {field.name: reasoning if field.name in told else values[field.name] for field in fields}

    def answer_field(self, field: Field) -> Any:
        return self.answer_value(
            field.schema, (field.name,), field.schema.get("$defs", {}), field.description
        )

    def answer_value(self, schema: Schema, path: Path, definitions: Schema, description: str = "") -> Any:
        """A value that the schema allows, as far as the prompt shows the schema."""
        schema = resolve(schema, definitions)
        description = schema.get("description", description)
        inner, optional = split_optional(schema)
        inner = resolve(inner, definitions)
        if inner.get("type") == "null" or (optional and not self._is_present(path)):
            return None
        inner = {**{key: schema[key] for key in schema if key not in ("anyOf", "oneOf")}, **inner}
        options = options_of(inner)
        if options is not None:
            return self._option(options, path, boolean=inner.get("type") == "boolean")
        kind = inner.get("type") or self._kind_seen(path)
        if kind == "array":
            return self._array(inner, path, definitions, description)
        if kind == "object":
            return self._object(inner, path, definitions)
        if kind in ("integer", "number"):
            return self._number(inner, path, description, whole=kind == "integer")
        return self._string(inner, path, description)

    def _explain(self, values: Mapping[str, Any]) -> str:
        if self.notes:
            return " ".join(self.notes)
        chosen = ", ".join(text_of(value) for value in values.values())[:80]
        return f"Nothing in the prompt decides it; {chosen or 'this'} is a guess."

    def _note(self, path: Path, label: str, evidence: Sequence[str]) -> None:
        if evidence:
            self.notes.append(
                f"The input mentions {', '.join(evidence)}, which points to {path[-1]} {label}."
            )

    def _kind_seen(self, path: Path) -> str:
        """The kind of an undeclared value, from demonstrations."""
        for _, value in self.reader.seen(path):
            if isinstance(value, dict):
                return "object"
            if isinstance(value, list):
                return "array"
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return "number"
        return "string"

    def _is_present(self, path: Path) -> bool:
        given = [value is not None for _, value in self.reader.seen(path)]
        if all(given) or not any(given):
            return all(given)
        return bool(self._choose(self.reader.presence_model(path).judge(self.inputs).scores, path, "present"))

    def _choose(self, scores: Sequence[float], path: Path, *salt: object) -> int:
        return choose(scores, self.draw.temperature, self.seed, "/".join(path), *salt)

    def _pick(self, model: LabelModel, path: Path) -> int:
        judgement = model.judge(self.inputs)
        at = self._choose(judgement.scores, path)
        self._note(path, model.labels[at], judgement.evidence[at])
        return at

    def _option(self, options: Sequence[Any], path: Path, *, boolean: bool) -> Any:
        model = self.reader.label_model(path, tuple(str(option) for option in options))
        if boolean and not model.taught and (likeness := self._likeness()) is not None:
            self.notes.append(f"The texts share {likeness:.0%} of their words.")
            return likeness >= _LIKE_ENOUGH
        return options[self._pick(model, path)]

    def _likeness(self) -> float | None:
        """Share of words that the last two inputs have in common: what ratings go by without examples."""
        if len(self.inputs) < 2:
            return None
        first, second = (distinct_words(text) for text in list(self.inputs.values())[-2:])
        return len(first & second) / max(1, min(len(first), len(second)))

    def _array(self, schema: Schema, path: Path, definitions: Schema, description: str) -> list[Any]:
        if "prefixItems" in schema:
            parts = schema["prefixItems"]
            return [self.answer_value(part, (*path, str(at)), definitions) for at, part in enumerate(parts)]
        item = resolve(schema.get("items") or {}, definitions)
        inner = resolve(split_optional(item)[0], definitions)
        lists = [value for _, value in self.reader.seen(path) if isinstance(value, list)]
        options = options_of(inner)
        if options is None and inner.get("type", "string") == "string":
            options = self._members_seen(path)
            if options is None and inner.get("format") not in _EMPTY_FORMATS:
                return self._pieces(schema, path, description, lists)
        if options is not None:
            return self._members(options, schema, path, lists)
        wanted = max(schema.get("minItems", 0), round(_mean_length(lists)))
        wanted = min(wanted, schema.get("maxItems", wanted))
        return [self.answer_value(item, (*path, "[]"), definitions, description) for _ in range(wanted)]

    def _members_seen(self, path: Path) -> list[Any] | None:
        """The vocabulary of a free list: what demonstrations repeat, or what rules name."""
        values = [item for _, value in self.reader.seen(path) if isinstance(value, list) for item in value]
        named = dict.fromkeys(rule.label for rule in self.reader.rules(path, None).rules)
        counts = Counter(map(str, values))
        if named or (counts and len(values) >= 1.5 * len(counts)):
            return list(dict.fromkeys([*named, *counts]))
        return None

    def _members(
        self, options: Sequence[Any], schema: Schema, path: Path, lists: Sequence[list[Any]]
    ) -> list[Any]:
        """The likeliest label, and those nearly as likely."""
        labels = tuple(str(option) for option in options)
        judgement = self.reader.member_model(path, labels).judge(self.inputs)
        scores = judgement.scores
        best = self._choose(scores, path)
        if best == len(labels):
            return []
        top = max(scores)
        bar = top - _MEMBER_MARGIN if lists else max(_MEMBER_BAR, _MEMBER_SHARE * top)
        most = max(1, min(max(map(len, lists), default=len(labels)), schema.get("maxItems", len(labels))))
        ranked = sorted(range(len(labels)), key=lambda at: (at != best, -scores[at], at))
        chosen = [at for at in ranked if at == best or scores[at] >= bar][:most]
        rest = [at for at in ranked if at not in chosen]
        chosen += rest[: max(0, schema.get("minItems", 0) - len(chosen))]
        for at in chosen:
            self._note(path, labels[at], judgement.evidence[at])
        return [options[at] for at in sorted(chosen)]

    def _pieces(self, schema: Schema, path: Path, description: str, lists: Sequence[list[Any]]) -> list[Any]:
        """Pieces of the inputs, as many as demonstrations copied."""
        found = self.reader.span_model(path, description).find(self.inputs)
        texts = list(dict.fromkeys(span.text for _, span in found)) or [self._opening(_ITEM_WORDS)]
        wanted = max(round(_mean_length(lists)) if lists else 1, schema.get("minItems", 0))
        kept = texts[: min(wanted, schema.get("maxItems", wanted))]
        return kept + [self._opening(_ITEM_WORDS)] * (schema.get("minItems", 0) - len(kept))

    def _object(self, schema: Schema, path: Path, definitions: Schema) -> dict[str, Any]:
        properties = schema.get("properties")
        if properties:
            return {
                name: self.answer_value(part, (*path, name), definitions) for name, part in properties.items()
            }
        maps = [value for _, value in self.reader.seen(path) if isinstance(value, dict)]
        keys = Counter(key for value in maps for key in value)
        part = schema.get("additionalProperties")
        part = part if isinstance(part, Mapping) else {}
        usual = [key for key, seen in keys.items() if 2 * seen >= len(maps)]
        return {key: self.answer_value(part, (*path, key), definitions) for key in usual}

    def _number(self, schema: Schema, path: Path, description: str, *, whole: bool) -> int | float:
        seen = [(inputs, float(value)) for inputs, value in self.reader.seen(path) if _is_number(value)]
        if seen:
            return _bounded(self._number_like(seen, path, description), schema, whole=whole)
        return _bounded(self._number_blind(schema, path, description, whole=whole), schema, whole=whole)

    def _number_like(
        self, seen: Sequence[tuple[Mapping[str, str], float]], path: Path, description: str
    ) -> float:
        """A number copied from the input where demonstrations copied theirs, else one of those they gave."""
        copied = sum(locate(written_as(value, inputs), inputs) is not None for inputs, value in seen)
        if 2 * copied > len(seen):
            for _, span in self.reader.span_model(path, description).find(self.inputs):
                if found := NUMBER.search(span.text):
                    return float(found.group().replace(",", ""))
        values = sorted({value for _, value in seen})
        labels = tuple(_plain(value) for value in values)

        def build() -> LabelModel:
            pairs = [(inputs, values.index(value)) for inputs, value in seen]
            return LabelModel(labels, pairs, self.reader.rules(path, labels))

        return values[self._pick(self.reader.keep("number", path, build), path)]

    def _number_blind(self, schema: Schema, path: Path, description: str, *, whole: bool) -> float:
        """A number that rules name, a rating by likeness, the first fitting number of the input, or any."""
        named = [rule.label for rule in self.reader.rules(path, None).rules if _is_number(rule.label)]
        if named:
            labels = tuple(dict.fromkeys(named))
            return float(labels[self._pick(self.reader.label_model(path, labels), path)])
        low, high = _range_of(schema, description)
        likeness = self._likeness()
        if likeness is not None and (high is not None or not whole):
            self.notes.append(f"The texts share {likeness:.0%} of their words.")
            low = 0.0 if low is None else low
            return low + ((1.0 if high is None else high) - low) * likeness
        for text in self.inputs.values():
            for found in NUMBER.finditer(text):
                number = float(found.group().replace(",", ""))
                if (low is None or number >= low) and (high is None or number <= high):
                    return number
        if low is not None and high is not None:
            steps = max(1, int(high - low)) if whole else 10
            return low + (high - low) * self._choose([0.0] * (steps + 1), path) / steps
        return next((bound for bound in (low, high) if bound is not None), 0.0)

    def _string(self, schema: Schema, path: Path, description: str) -> str:
        style = schema.get("format")
        if style in _EMPTY_FORMATS:
            return self._formatted(style, path, description)
        value = self._free_text(path, description)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if len(value) < least:
            value = value.ljust(least, ".")
        return value if most is None else value[: int(most)]

    def _formatted(self, style: str, path: Path, description: str) -> str:
        if style in ("date", "date-time"):
            found = [span.text for _, span in self.reader.span_model(path, description).find(self.inputs)]
            for text in (*found, *self.inputs.values()):
                if date := _DATE.search(text):
                    return date.group() if style == "date" else f"{date.group()}T00:00:00"
        seen = [value for _, value in self.reader.seen(path) if isinstance(value, str)]
        return Counter(seen).most_common(1)[0][0] if seen else _EMPTY_FORMATS[style]

    def _free_text(self, path: Path, description: str) -> str:
        """A label, a piece of the input, the nearest demonstration's answer, or the input's first words."""
        seen = [
            (inputs, value) for inputs, value in self.reader.seen(path) if isinstance(value, str) and value
        ]
        labels = self._labels_seen(path, seen)
        if labels:
            return labels[self._pick(self.reader.label_model(path, labels), path)]
        found = self.reader.span_model(path, description).find(self.inputs)[:5]
        if found:
            text = found[self._choose([2 * points for points, _ in found], path)][1].text
            self.notes.append(f"The input gives {path[-1]} as {text}.")
            return text
        if seen:
            return self._nearest(seen)
        return self._opening(_SHORT_WORDS)

    def _labels_seen(self, path: Path, seen: Sequence[Seen]) -> tuple[str, ...]:
        """The labels of a text field with a small vocabulary: demonstrations repeat or rules name them."""
        named = dict.fromkeys(rule.label for rule in self.reader.rules(path, None).rules)
        counts = Counter(value for _, value in seen if len(value.split()) <= _LABEL_WORDS)
        copied = sum(locate(value, inputs) is not None for inputs, value in seen)
        repeats = len(seen) >= 1.5 * len(counts) or (len(seen) <= 2 and not copied)
        if counts and 2 * copied <= len(seen) and repeats and 2 * sum(counts.values()) > len(seen):
            return tuple(dict.fromkeys([*named, *counts]))
        return tuple(named)

    def _nearest(self, seen: Sequence[Seen]) -> str:
        """The answer of the demonstration whose inputs share most words with these."""
        own = {word for text in self.inputs.values() for word in distinct_words(text)}

        def likeness(pair: Seen) -> float:
            other = {word for text in pair[0].values() for word in distinct_words(text)}
            return len(own & other) / max(1, len(own | other))

        return str(max(seen, key=likeness)[1])

    def _opening(self, length: int) -> str:
        """The first words of the input: the plainest thing that can be said of it."""
        text = next((text for text in self.inputs.values() if text.strip()), "")
        return " ".join(text.split()[:length]) or "none"


def _mean_length(lists: Sequence[list[Any]]) -> float:
    return sum(map(len, lists)) / len(lists) if lists else 0.0


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"-?\d+(?:\.\d+)?", value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _range_of(schema: Schema, description: str) -> tuple[float | None, float | None]:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None and (found := _RANGE.search(description)):
        low, high = float(found.group(1)), float(found.group(2))
    return low, high


def _bounded(value: float, schema: Schema, *, whole: bool) -> int | float:
    """The nearest number that the schema allows."""
    step = schema.get("multipleOf", 1 if whole else 1e-6)
    low = max(schema.get("minimum", float("-inf")), schema.get("exclusiveMinimum", float("-inf")) + step)
    high = min(schema.get("maximum", float("inf")), schema.get("exclusiveMaximum", float("inf")) - step)
    value = min(max(value, low), high)
    if "multipleOf" in schema:
        value = round(value / step) * step
        value += step if value < low else -step if value > high else 0
    return round(value) if whole else round(float(value), 6)
