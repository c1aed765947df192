"""Reads examples of a task out of the texts that optimizers put into their prompts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .feedback import Answer, read_feedback
from .text import cut_at, text_of

_LONGEST_LABEL = 60
_REPR = re.compile(
    r"Example\((\{.*?\})\) \(input_keys=(\{[^{}]*\}|set\(\)|None)\)(?=\s*[,\]]|\s*$)", re.DOTALL
)
_BLOCK = re.compile(
    r"Input Fields:\n(.*?)\n*=========\s*\nOutput Fields:\n(.*?)(?=\n\nInput Fields:|\Z)", re.DOTALL
)
_LINE = re.compile(r"^([A-Za-z_]\w*): ?", re.MULTILINE)
_EXAMPLE_HEAD = re.compile(r"^# Example \d+[ \t]*$", re.MULTILINE)
_HIDDEN = frozenset({"reasoning", "rationale"})


@dataclass(frozen=True)
class Sighting:
    """One example: what came in and what should come out, as far as the prompt tells."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, Answer] = field(default_factory=dict)


def read_reprs(text: str) -> list[Sighting]:
    """`Example({...}) (input_keys={...})` as Python prints lists of examples."""
    found = []
    for match in _REPR.finditer(text):
        try:
            values = ast.literal_eval(match.group(1))
            keys = ast.literal_eval(match.group(2)) if match.group(2) not in ("set()", "None") else set()
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if not isinstance(values, dict):
            continue
        inputs = {name: text_of(value) for name, value in values.items() if name in keys}
        outputs = _flat_answers({name: value for name, value in values.items() if name not in keys})
        found.append(Sighting(inputs, outputs))
    return found


def read_blocks(text: str) -> list[Sighting]:
    """Blocks of `Input Fields:` and `Output Fields:` with a `name: value` line each."""
    pairs = [(match.group(1), match.group(2)) for match in _BLOCK.finditer(text)]
    if not pairs:
        return []
    sides = []
    for side in (0, 1):
        names = [[found.group(1) for found in _LINE.finditer(pair[side])] for pair in pairs]
        common = set(names[0]).intersection(*map(set, names))
        sides.append([name for name in dict.fromkeys(names[0]) if name in common])
    return [
        Sighting(
            _lines(given, sides[0]),
            _flat_answers({name: _value(text) for name, text in _lines(wanted, sides[1]).items()}),
        )
        for given, wanted in pairs
    ]


def read_demos(text: str, inputs: Sequence[str], outputs: Sequence[str]) -> list[Sighting]:
    """Demonstrations written as `Field Name: value` lines, separated by blank lines."""
    spoken = {name.replace("_", " ").title(): name for name in (*inputs, *outputs)}
    pattern = re.compile(rf"^({'|'.join(map(re.escape, spoken))}): ?", re.MULTILINE)
    if not spoken:
        return []
    found: list[dict[str, str]] = []
    for mark, part in cut_at(list(pattern.finditer(text)), text):
        name = spoken[mark.group(1)]
        if not found or name in found[-1]:
            found.append({})
        found[-1][name] = part.strip()
    return [
        Sighting(
            {name: value for name, value in demo.items() if name in inputs},
            _flat_answers({name: _value(value) for name, value in demo.items() if name in outputs}),
        )
        for demo in found
    ]


def read_records(text: str) -> list[Mapping[str, Any]]:
    """Reflection records (`Inputs`, `Generated Outputs`, `Feedback`) from JSON or from markdown headings."""
    start, stop = text.find("["), text.rfind("]")
    if 0 <= start < stop and not _EXAMPLE_HEAD.search(text):
        try:
            records = json.loads(text[start : stop + 1])
        except ValueError:
            records = []
        if isinstance(records, list):
            return [record for record in records if isinstance(record, dict)]
    heads = list(_EXAMPLE_HEAD.finditer(text))
    return [_mapping(_read_headings(part, 2)) for _, part in cut_at(heads, text)]


def _read_headings(text: str, level: int) -> Any:
    """Nested markdown headings as nested mappings; text without a heading of this level is a value."""
    found = list(re.finditer(rf"^{'#' * level} (.+)$", text, re.MULTILINE))
    if not found or level > 4:
        return text.strip()
    return {mark.group(1).strip(): _read_headings(part, level + 1) for mark, part in cut_at(found, text)}


def read_sightings(
    records: Sequence[Mapping[str, Any]], known: Mapping[str, Sequence[str]]
) -> list[Sighting]:
    """What reflection records say was expected. `known`: labels seen before, by output field."""
    answers = [_flat_answers(_mapping(record.get("Generated Outputs"))) for record in records]
    labels: dict[str, set[str]] = {name: set(values) for name, values in known.items()}
    for given in answers:
        for name, value in given.items():
            labels.setdefault(name, set()).update([value] if isinstance(value, str) else value)
    found = []
    for record, given in zip(records, answers, strict=True):
        inputs = {name: text_of(value) for name, value in _mapping(record.get("Inputs")).items()}
        feedback = text_of(record.get("Feedback"))
        expected = {}
        for name, value in given.items():
            verdict = read_feedback(feedback, name, value, labels[name], tuple(given))
            if verdict.expected is not None:
                expected[name] = verdict.expected
        found.append(Sighting(inputs, expected))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def flatten_answers(values: Mapping[str, Any]) -> dict[str, Answer]:
    """Answers short enough to be labels, values or lists of them; nested ones under their own names."""
    return _flat_answers(values)


def _flat_answers(values: Mapping[str, Any]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for name, value in values.items():
        if name.lower() in _HIDDEN:
            continue
        if isinstance(value, Mapping):
            answers.update(_flat_answers(value))
            continue
        if isinstance(value, str):
            value = _value(value)
        if isinstance(value, (list, tuple, set, frozenset)):
            if all(isinstance(item, (str, int, float)) for item in value):
                answers[name] = tuple(str(item) for item in value)
            continue
        text = text_of(value).strip()
        if text and len(text) <= _LONGEST_LABEL and "\n" not in text:
            answers[name] = text
    return answers


def _value(text: str) -> Any:
    """A list written in text as a list; anything else as it stands."""
    if text.startswith("[") and text.endswith("]"):
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(text)
            except (ValueError, SyntaxError):
                continue
            if isinstance(value, list):
                return value
    return text


def _lines(text: str, names: Sequence[str]) -> dict[str, str]:
    """`name: value` lines, values running on to the next known name."""
    marks = [found for found in _LINE.finditer(text) if found.group(1) in names]
    return {mark.group(1): part.strip() for mark, part in cut_at(marks, text)}
