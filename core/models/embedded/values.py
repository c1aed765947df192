"""Valid answers by type: each output value from demonstrations, rules, or the input itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .extract import SpanModel, learn_spans, locate
from .learner import LabelModel, choose
from .prompt import Demo, Field, Prompt, Task, read_demo, read_task
from .rules import RuleBook, read_rules
from .schema import Schema, options_of, resolve, split_optional
from .text import distinct_words, hash_parts, pattern_hash, text_of

Path = tuple[str, ...]

_NUMBER = re.compile(r"-?\d+(?:[.,]\d{3})*(?:\.\d+)?")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|to|and)\s*(-?\d+(?:\.\d+)?)")
_REASONING = frozenset({"reasoning", "rationale"})
_EMPTY_FORMATS = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00",
    "time": "00:00:00",
    "duration": "PT0S",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
_SHORT_WORDS = 12
_LABEL_WORDS = 6
_ABSENT = object()


@dataclass(frozen=True)
class Draw:
    """How to pick among answers: 0 is the likeliest, above it samples; the same draw gives the same picks."""

    temperature: float = 0.0
    salt: tuple[object, ...] = ()


class Reader:
    """A system message with its demonstrations, and the models learnt from them, one per output value."""

    def __init__(self, system: str, demo_texts: tuple[tuple[str, str], ...]) -> None:
        task = read_task(system)
        if task is None:
            raise ValueError("not the system message of an adapter")
        self.task: Task = task
        self.demos: list[Demo] = [read_demo(system, user, assistant) for user, assistant in demo_texts]
        self._models: dict[tuple[str, Path], Any] = {}

    def pairs(self, path: Path) -> list[tuple[Mapping[str, str], Any]]:
        """Input texts and the value at a path, for each demonstration that supplies it."""
        return [
            (demo.inputs, value)
            for demo in self.demos
            for value in _values_at(demo.outputs, path)
            if demo.inputs
        ]

    def rules(self, path: Path, labels: tuple[str, ...] | None) -> RuleBook:
        outputs, inputs = self.task.output_names, self.task.input_names
        book = read_rules(self._rule_text(path), labels, outputs, inputs)
        return book.about(path[0])

    def _rule_text(self, path: Path) -> str:
        field = next(field for field in self.task.outputs if field.name == path[0])
        return f"{self.task.instruction}\n{field.description}" if field.description else self.task.instruction

    def label_model(self, path: Path, labels: tuple[str, ...]) -> LabelModel:
        key = ("label:" + "\x1f".join(labels), path)
        if key not in self._models:
            index = {label.lower(): at for at, label in enumerate(labels)}
            pairs = [
                (inputs, index[str(value).lower()])
                for inputs, value in self.pairs(path)
                if str(value).lower() in index
            ]
            self._models[key] = LabelModel(labels, pairs, self.rules(path, labels), path[0])
        model: LabelModel = self._models[key]
        return model

    def member_model(self, path: Path, labels: tuple[str, ...]) -> LabelModel:
        """A model of a list's members. Where demonstrations have empty lists, the empty list is one label more."""
        key = ("members:" + "\x1f".join(labels), path)
        if key not in self._models:
            index = {label.lower(): at for at, label in enumerate(labels)}
            lists = [(inputs, value) for inputs, value in self.pairs(path) if isinstance(value, list)]
            pairs = [
                (inputs, index[str(item).lower()])
                for inputs, value in lists
                for item in value
                if str(item).lower() in index
            ]
            empty = [(inputs, len(labels)) for inputs, value in lists if not value]
            known = (*labels, "") if empty else labels
            self._models[key] = LabelModel(known, pairs + empty, self.rules(path, labels), path[0])
        model: LabelModel = self._models[key]
        return model

    def span_model(self, path: Path, description: str) -> SpanModel:
        key = ("span", path)
        if key not in self._models:
            pairs = [
                (inputs, text_of(item))
                for inputs, value in self.pairs(path)
                for item in (value if isinstance(value, list) else [value])
                if isinstance(item, (str, int, float))
            ]
            self._models[key] = learn_spans(pairs, self._descriptions(path, description))
        model: SpanModel = self._models[key]
        return model

    def _descriptions(self, path: Path, description: str) -> list[str]:
        """Sentences of the instruction that speak of this value, and its own description."""
        alone = (
            len([name for name in self.task.output_names if name not in _REASONING]) == 1 and len(path) == 1
        )
        name = path[-1]
        spoken = (name, name.replace("_", " "))
        lines = [
            line
            for line in self.task.instruction.splitlines()
            if alone or any(word.lower() in line.lower() for word in spoken)
        ]
        return [description, *lines]


def _values_at(outputs: Mapping[str, Any], path: Path) -> Iterator[Any]:
    value: Any = outputs
    for step in path:
        if step == "[]":
            value = value[0] if isinstance(value, list) and value else _ABSENT
        elif isinstance(value, Mapping):
            value = value.get(step, _ABSENT)
        else:
            value = _ABSENT
        if value is _ABSENT:
            return
    yield value


@lru_cache(maxsize=256)
def reader_of(system: str, demo_texts: tuple[tuple[str, str], ...]) -> Reader:
    return Reader(system, demo_texts)


def answer(prompt: Prompt, draw: Draw) -> dict[str, Any]:
    """A value for each output field, in the prompt's order. Deterministic for the same prompt and draw."""
    return Answerer(reader_of(prompt.system, prompt.demo_texts), prompt.inputs, draw).answer_all()


class Answerer:
    def __init__(self, reader: Reader, inputs: Mapping[str, str], draw: Draw) -> None:
        self.reader = reader
        self.inputs = inputs
        self.draw = draw
        self.seed = hash_parts(*(pattern_hash(text) for text in inputs.values()), *draw.salt)
        self.notes: list[str] = []

    def answer_all(self) -> dict[str, Any]:
        fields = self.reader.task.outputs
        last = {field.name for field in fields if field.name in _REASONING and len(fields) > 1}
        values = {field.name: self.answer_field(field) for field in fields if field.name not in last}
        reasoning = self.explain(values)
        return {field.name: reasoning if field.name in last else values[field.name] for field in fields}

    def explain(self, values: Mapping[str, Any]) -> str:
        if self.notes:
            return " ".join(self.notes)
        chosen = ", ".join(text_of(value) for value in values.values())[:80]
        return f"Nothing in the prompt decides it; {chosen or 'this'} is a guess."

    def answer_field(self, field: Field) -> Any:
        return self.value(field.schema, (field.name,), field.schema.get("$defs", {}), field.description)

    def value(self, schema: Schema, path: Path, definitions: Schema, description: str = "") -> Any:
        schema = resolve(schema, definitions)
        description = schema.get("description", description)
        inner, optional = split_optional(schema)
        inner = resolve(inner, definitions)
        if inner.get("type") == "null" or (optional and not self._is_present(path)):
            return None
        bounds = {key: schema[key] for key in schema if key not in ("anyOf", "oneOf")}
        inner = {**bounds, **inner}
        options = options_of(inner)
        if options is not None:
            return self._option(options, path, inner)
        kind = inner.get("type") or self._kind_seen(path)
        if kind == "array":
            return self._items(inner, path, definitions, description)
        if kind == "object":
            return self._members(inner, path, definitions)
        if kind in ("integer", "number"):
            return self._number(inner, path, description, whole=kind == "integer")
        return self._text(inner, path, description)

    def _kind_seen(self, path: Path) -> str:
        """The kind of an undeclared value, from demonstrations."""
        for _, value in self.reader.pairs(path):
            if isinstance(value, dict):
                return "object"
            if isinstance(value, list):
                return "array"
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return "number"
        return "string"

    def _is_present(self, path: Path) -> bool:
        values = [value is not None for _, value in self.reader.pairs(path)]
        if all(values):
            return True
        if not any(values):
            return False
        key = ("present", path)
        models = self.reader._models
        if key not in models:
            pairs = [(inputs, int(value is not None)) for inputs, value in self.reader.pairs(path)]
            models[key] = LabelModel(("absent", "present"), pairs, RuleBook())
        return bool(self._choose(models[key].judge(self.inputs).scores, path, "present"))

    def _choose(self, scores: Sequence[float], path: Path, *salt: object) -> int:
        return choose(scores, self.draw.temperature, self.seed, "/".join(path), *salt)

    def _option(self, options: list[Any], path: Path, schema: Schema) -> Any:
        if len(options) == 1:
            return options[0]
        labels = tuple(str(option) for option in options)
        judgement = self.reader.label_model(path, labels).judge(self.inputs)
        if schema.get("type") == "boolean" and not judgement.informed and not self.reader.pairs(path):
            likeness = self._likeness()
            if likeness is not None:
                self.notes.append(f"The texts share {likeness:.0%} of their words.")
                return likeness >= 0.5
        at = self._choose(judgement.scores, path)
        self._note(path, labels[at], judgement.evidence[at])
        return options[at]

    def _note(self, path: Path, label: str, evidence: Sequence[str]) -> None:
        if evidence:
            self.notes.append(
                f"The input mentions {', '.join(evidence)}, which points to {path[-1]} {label}."
            )

    def _likeness(self) -> float | None:
        """Share of words that the last two inputs have in common; the only ground for a rating without examples."""
        if len(self.inputs) < 2:
            return None
        first, second = (distinct_words(text) for text in list(self.inputs.values())[-2:])
        return len(first & second) / max(1, min(len(first), len(second)))

    def _items(self, schema: Schema, path: Path, definitions: Schema, description: str) -> list[Any]:
        item = resolve(schema.get("items") or {}, definitions)
        pairs = [value for _, value in self.reader.pairs(path) if isinstance(value, list)]
        options = options_of(split_optional(item)[0])
        if options is None and item.get("type", "string") == "string":
            options = self._seen_members(path)
            if options is None:
                return self._span_items(schema, path, description, pairs)
        if options is not None:
            return self._chosen_members(options, schema, path, pairs)
        wanted = max(schema.get("minItems", 0), round(sum(map(len, pairs)) / len(pairs)) if pairs else 0)
        return [
            self.value(item, (*path, "[]"), definitions, description)
            for _ in range(min(wanted, schema.get("maxItems", wanted)))
        ]

    def _seen_members(self, path: Path) -> list[Any] | None:
        """The vocabulary of a free list: what demonstrations repeat, or what rules name."""
        values = [item for _, value in self.reader.pairs(path) if isinstance(value, list) for item in value]
        named = dict.fromkeys(rule.label for rule in self.reader.rules(path, None).rules)
        counts = Counter(map(str, values))
        if named or (counts and len(values) >= 1.5 * len(counts)):
            return list(dict.fromkeys([*named, *counts]))
        return None

    def _chosen_members(
        self, options: list[Any], schema: Schema, path: Path, pairs: Sequence[list[Any]]
    ) -> list[Any]:
        """The likeliest label, and those nearly as likely."""
        labels = tuple(str(option) for option in options)
        judgement = self.reader.member_model(path, labels).judge(self.inputs)
        scores = judgement.scores
        best = self._choose(scores, path)
        if best == len(labels):
            return []
        top = max(scores)
        bar = top - _MEMBER_MARGIN if pairs else max(_MEMBER_BAR, _MEMBER_SHARE * top)
        most = max((len(value) for value in pairs), default=len(labels))
        most = max(1, min(schema.get("maxItems", most), most))
        ranked = sorted(range(len(labels)), key=lambda at: (at != best, -scores[at], at))
        chosen = [at for at in ranked if at == best or scores[at] >= bar][:most]
        ranked = [at for at in ranked if at not in chosen]
        chosen += ranked[: max(0, schema.get("minItems", 0) - len(chosen))]
        for at in chosen:
            self._note(path, labels[at], judgement.evidence[at])
        return [options[at] for at in sorted(chosen)]

    def _span_items(
        self, schema: Schema, path: Path, description: str, pairs: Sequence[list[Any]]
    ) -> list[Any]:
        model = self.reader.span_model(path, description)
        found = list(dict.fromkeys(span.text for _, span in model.find(self.inputs)))
        wanted = round(sum(map(len, pairs)) / len(pairs)) if pairs else 1
        if not found and not pairs:
            found = [self._opening(3)]
        kept = found[: max(wanted, schema.get("minItems", 0))]
        while len(kept) < schema.get("minItems", 0):
            kept.append(self._opening(3))
        return kept[: schema.get("maxItems", len(kept))]

    def _members(self, schema: Schema, path: Path, definitions: Schema) -> dict[str, Any]:
        properties = schema.get("properties")
        if properties:
            return {name: self.value(part, (*path, name), definitions) for name, part in properties.items()}
        maps = [value for _, value in self.reader.pairs(path) if isinstance(value, dict)]
        keys = Counter(key for value in maps for key in value)
        part = schema.get("additionalProperties")
        part = part if isinstance(part, Mapping) else {}
        return {
            key: self.value(part, (*path, key), definitions)
            for key, seen in keys.items()
            if 2 * seen >= len(maps)
        }

    def _number(self, schema: Schema, path: Path, description: str, *, whole: bool) -> int | float:
        seen = [(inputs, float(value)) for inputs, value in self.reader.pairs(path) if _is_number(value)]
        value = (
            self._seen_number(seen, path, description)
            if seen
            else self._first_number(schema, path, description, whole)
        )
        return _bounded(value, schema, whole=whole)

    def _seen_number(
        self, seen: Sequence[tuple[Mapping[str, str], float]], path: Path, description: str
    ) -> float:
        copied = [pair for pair in seen if locate(_plain(pair[1]), pair[0]) is not None]
        if 2 * len(copied) > len(seen):
            for _, span in self.reader.span_model(path, description).find(self.inputs):
                if found := _NUMBER.search(span.text):
                    return float(found.group().replace(",", ""))
        counts = Counter(value for _, value in seen)
        labels = tuple(_plain(value) for value in sorted(counts))
        model = self.reader._models.get(("number", path))
        if model is None:
            index = {value: at for at, value in enumerate(sorted(counts))}
            book = self.reader.rules(path, labels)
            model = LabelModel(labels, [(inputs, index[value]) for inputs, value in seen], book, path[0])
            self.reader._models[("number", path)] = model
        judgement = model.judge(self.inputs)
        at = self._choose(judgement.scores, path)
        self._note(path, labels[at], judgement.evidence[at])
        return float(labels[at])

    def _first_number(self, schema: Schema, path: Path, description: str, whole: bool) -> float:
        named = tuple(
            dict.fromkeys(
                rule.label for rule in self.reader.rules(path, None).rules if _is_number(rule.label)
            )
        )
        if named:
            return float(
                named[self._choose(self.reader.label_model(path, named).judge(self.inputs).scores, path)]
            )
        low, high = _range_of(schema, description)
        likeness = self._likeness()
        if likeness is not None and (high is not None or not whole):
            low = 0.0 if low is None else low
            return low + ((high if high is not None else 1.0) - low) * likeness
        for text in self.inputs.values():
            for found in _NUMBER.finditer(text):
                number = float(found.group().replace(",", ""))
                if (low is None or number >= low) and (high is None or number <= high):
                    return number
        if low is not None and high is not None:
            steps = int(high - low) if whole else 10
            return low + (high - low) * self._choose([0.0] * (steps + 1), path) / max(steps, 1)
        return low if low is not None else high if high is not None else 0.0

    def _text(self, schema: Schema, path: Path, description: str) -> str:
        style = schema.get("format")
        if style in _EMPTY_FORMATS:
            return self._formatted(style, path, description)
        value = self._free_text(path, description)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        value = (
            value
            if len(value) >= least
            else (value + " " + self._opening(200) + "." * least)[: max(least, len(value))]
        )
        return value[:most] if most is not None else value

    def _formatted(self, style: str, path: Path, description: str) -> str:
        for _, span in self.reader.span_model(path, description).find(self.inputs):
            if style != "date" or _DATE.fullmatch(span.text):
                return span.text if style == "date" else _EMPTY_FORMATS[style]
        if style in ("date", "date-time"):
            for text in self.inputs.values():
                if found := _DATE.search(text):
                    return found.group() + ("T00:00:00" if style == "date-time" else "")
        seen = [value for _, value in self.reader.pairs(path) if isinstance(value, str)]
        return Counter(seen).most_common(1)[0][0] if seen else _EMPTY_FORMATS[style]

    def _free_text(self, path: Path, description: str) -> str:
        pairs = [
            (inputs, value) for inputs, value in self.reader.pairs(path) if isinstance(value, str) and value
        ]
        labels = self._seen_labels(path, pairs)
        if labels:
            judgement = self.reader.label_model(path, labels).judge(self.inputs)
            at = self._choose(judgement.scores, path)
            self._note(path, labels[at], judgement.evidence[at])
            return labels[at]
        found = self.reader.span_model(path, description).find(self.inputs)
        if found:
            at = self._choose([points * 2 for points, _ in found[:5]], path) if self.draw.temperature else 0
            self.notes.append(f"The input gives {path[-1]} as {found[at][1].text}.")
            return found[at][1].text
        if pairs:
            return self._nearest(pairs)
        return self._opening(_SHORT_WORDS)

    def _seen_labels(self, path: Path, pairs: Sequence[tuple[Mapping[str, str], str]]) -> tuple[str, ...]:
        """The labels of a text field that has a small vocabulary: repeated in demonstrations or named by rules."""
        named = dict.fromkeys(rule.label for rule in self.reader.rules(path, None).rules)
        counts = Counter(value for _, value in pairs if len(value.split()) <= _LABEL_WORDS)
        copied = sum(locate(value, inputs) is not None for inputs, value in pairs)
        repeats = len(pairs) >= 1.5 * len(counts) or (len(pairs) <= 2 and not copied)
        if counts and 2 * copied <= len(pairs) and repeats and 2 * sum(counts.values()) > len(pairs):
            return tuple(dict.fromkeys([*named, *counts]))
        return tuple(named)

    def _nearest(self, pairs: Sequence[tuple[Mapping[str, str], str]]) -> str:
        """The answer of the demonstration whose inputs share most words with these."""
        own = {word for text in self.inputs.values() for word in distinct_words(text)}

        def likeness(pair: tuple[Mapping[str, str], str]) -> float:
            other = {word for text in pair[0].values() for word in distinct_words(text)}
            return len(own & other) / max(1, len(own | other))

        return max(pairs, key=likeness)[1]

    def _opening(self, length: int) -> str:
        """The first words of the input: the plainest thing that can be said of it."""
        text = next((text for text in self.inputs.values() if text.strip()), "")
        return " ".join(text.split()[:length]) or "none"


_MEMBER_MARGIN = 2.0
"""Log-odds that a label of a list may lie behind the likeliest, where demonstrations show lists."""
_MEMBER_BAR = 1.0
_MEMBER_SHARE = 0.75
"""With rules alone: the least log-odds, and the least share of the likeliest label's."""


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return True
    return isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?", value.strip()) is not None


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _range_of(schema: Schema, description: str) -> tuple[float | None, float | None]:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None and (found := _RANGE.search(description)):
        low, high = float(found.group(1)), float(found.group(2))
    return low, high


def _bounded(value: float, schema: Schema, *, whole: bool) -> int | float:
    step = 1 if whole else 1e-6
    if "multipleOf" in schema:
        step = schema["multipleOf"]
        value = round(value / step) * step
    low = max(schema.get("minimum", float("-inf")), schema.get("exclusiveMinimum", float("-inf")) + step)
    high = min(schema.get("maximum", float("inf")), schema.get("exclusiveMaximum", float("inf")) - step)
    value = min(max(value, low), high)
    return round(value) if whole else round(float(value), 6)


def render(task: Task, values: Mapping[str, Any]) -> str:
    """The answer in the form that the prompt asked for."""
    if task.style == "json":
        return json.dumps(dict(values), ensure_ascii=False, indent=2)
    if task.style == "chat":
        sections = [f"[[ ## {name} ## ]]\n{_chat_text(value)}" for name, value in values.items()]
        return "\n\n".join([*sections, "[[ ## completed ## ]]"])
    return "\n\n".join(_xml(name, value) for name, value in values.items())


def _chat_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _xml(name: str, value: Any, key: str | None = None) -> str:
    opening = f"<{name}>" if key is None else f'<{name} key="{_escape(key)}">'
    if value is None:
        return f"{opening}</{name}>"
    if isinstance(value, list):
        return f"{opening}{''.join(_xml('item', item) for item in value)}</{name}>"
    if isinstance(value, dict):
        children = (
            _xml(key, item) if key.isidentifier() else _xml("entry", item, key) for key, item in value.items()
        )
        return f"{opening}{''.join(children)}</{name}>"
    return f"{opening}{_escape(str(value))}</{name}>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
