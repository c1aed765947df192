"""Copies a piece of the input the way demonstrations copied theirs, or as a rule describes it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .text import GRAMMAR, text_of, words

NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_PIECE = re.compile(r"\S+")
_TRIM = re.compile(r"^[\s\"'“”‘’(\[{<,;:!?]+|[\s\"'“”‘’)\]}>,;:!?.]+$")
_EXAMPLE = re.compile(r"(?:\b(?:like|such as|for example|the form)\b|\be\.g\.)[:,]?\s+[`\"']?([^`\"'\s]+)")
_AFTER = re.compile(
    r"\b(?:follows?|after|preceded by|comes? after)\b(?: the)?(?: words?)?\s+([^.;]+)", re.IGNORECASE
)
_LONGEST_SPAN = 8
_FEWEST_POINTS = 1.0


@dataclass(frozen=True)
class Span:
    text: str
    before: tuple[str, ...]
    """Up to two words before it, nearest first."""
    after: str


def shape(text: str) -> str:
    """How a text looks: `AB-1234` is `AA-9999`."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text)


def outline(text: str) -> str:
    """Its shape with runs drawn together: `AB-1234` is `A-9`."""
    return re.sub(r"(.)\1+", r"\1", shape(text))


def spans(text: str, lengths: Sequence[int]) -> list[Span]:
    """All pieces of a text of the given numbers of words, without the punctuation around them."""
    pieces = list(_PIECE.finditer(text))
    found = []
    for at in range(len(pieces)):
        for length in lengths:
            if at + length > len(pieces):
                continue
            raw = text[pieces[at].start() : pieces[at + length - 1].end()]
            value = _TRIM.sub("", raw)
            if not value:
                continue
            before = words(" ".join(piece.group() for piece in pieces[max(0, at - 2) : at]))
            following = words(pieces[at + length].group()) if at + length < len(pieces) else ()
            found.append(Span(value, tuple(reversed(before))[:2], following[0] if following else ""))
    return found


@dataclass
class SpanModel:
    """What pieces were copied: their shapes, the words around them, and from which input field."""

    lengths: tuple[int, ...] = (1,)
    shapes: dict[str, float] = field(default_factory=dict)
    outlines: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    sources: dict[str, float] = field(default_factory=dict)
    values: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        return not self.shapes and not self.before

    def find(self, inputs: Mapping[str, str]) -> list[tuple[float, Span]]:
        """Candidate pieces, best first; those that nothing speaks for are left out."""
        candidates = []
        for name, text in inputs.items():
            source = self.sources.get(name, 0.0)
            for at, span in enumerate(spans(text, self.lengths)):
                points = self._points(span)
                if points >= _FEWEST_POINTS:
                    candidates.append((points + source, -at, span))
        candidates.sort(key=lambda candidate: (-candidate[0], -candidate[1]))
        return [(points, span) for points, _, span in candidates]

    def _points(self, span: Span) -> float:
        points = 2.0 * self.shapes.get(shape(span.text), 0.0) + 1.5 * self.outlines.get(
            outline(span.text), 0.0
        )
        if points and not any(c.isdigit() or not c.isalpha() for c in span.text.replace(" ", "")):
            # Being a plain word says little: the words around it have to speak.
            points *= 0.25
        for distance, word in enumerate(span.before):
            points += self.before.get(word, 0.0) * (2.0 if distance == 0 else 0.75)
        return points + self.after.get(span.after, 0.0)


def locate(value: str, inputs: Mapping[str, str]) -> tuple[str, Span] | None:
    """Where in the inputs a value was copied from."""
    wanted = value.strip()
    if not wanted or len(wanted.split()) > _LONGEST_SPAN:
        return None
    for name, text in inputs.items():
        if wanted.lower() in text.lower():
            for span in spans(text, (len(wanted.split()),)):
                if span.text.lower() == _TRIM.sub("", wanted).lower():
                    return name, span
    return None


def written_as(value: object, inputs: Mapping[str, str]) -> str:
    """A value as the inputs write it: 12.5 is `12.50` where they hold that; else as Python writes it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for text in inputs.values():
            for found in NUMBER.finditer(text):
                if float(found.group().replace(",", "")) == value:
                    return found.group()
        return str(int(value)) if float(value).is_integer() else str(value)
    return text_of(value)


def learn_spans(pairs: Sequence[tuple[Mapping[str, str], str]], texts: Sequence[str] = ()) -> SpanModel:
    """A model from (inputs, copied value) pairs and from texts that describe what to copy."""
    model = SpanModel()
    found = [place for inputs, value in pairs if (place := locate(value, inputs)) is not None]
    if found:
        share = 1 / len(found)
        background: dict[str, float] = {}
        for inputs, _ in pairs:
            for text in inputs.values():
                for word in set(words(text)):
                    background[word] = background.get(word, 0.0) + 1 / len(pairs)
        for name, span in found:
            model.sources[name] = model.sources.get(name, 0.0) + share
            model.shapes[shape(span.text)] = model.shapes.get(shape(span.text), 0.0) + share
            model.outlines[outline(span.text)] = model.outlines.get(outline(span.text), 0.0) + share
            for word in span.before[:2]:
                model.before[word] = model.before.get(word, 0.0) + share
            if span.after:
                model.after[span.after] = model.after.get(span.after, 0.0) + share
        for table in (model.before, model.after):
            for word in table:
                table[word] = math.sqrt(table[word]) * (1.0 if word not in GRAMMAR else 0.5)
        model.lengths = tuple(sorted({len(span.text.split()) for _, span in found}))
        model.values = frozenset(span.text for _, span in found)
    for text in texts:
        _read_description(text, model)
    return model


def _read_description(text: str, model: SpanModel) -> None:
    for found in _EXAMPLE.finditer(text):
        sample = _TRIM.sub("", found.group(1))
        if any(not c.isalpha() for c in sample):
            model.shapes[shape(sample)] = max(1.0, model.shapes.get(shape(sample), 0.0))
            model.outlines[outline(sample)] = max(1.0, model.outlines.get(outline(sample), 0.0))
    for found in _AFTER.finditer(text):
        for word in words(found.group(1)):
            if word not in GRAMMAR:
                model.before[word] = max(1.0, model.before.get(word, 0.0))


def describe_spans(name: str, source: str | None, model: SpanModel) -> str | None:
    """A rule, for `learn_spans` to read, that says which piece to copy; None when none was copied."""
    if not model.shapes:
        return None
    best = [
        text for text, share in sorted(model.shapes.items(), key=lambda item: -item[1])[:3] if share >= 0.1
    ]
    sample = [text for text in best if any(not c.isalpha() for c in text)]
    before = [
        word for word, share in sorted(model.before.items(), key=lambda item: -item[1])[:4] if share >= 0.4
    ]
    parts = []
    if sample:
        parts.append("looks like " + " or looks like ".join(f"`{text}`" for text in sample))
    if before:
        parts.append("follows the words " + ", ".join(before))
    if not parts:
        return None
    return f"For `{name}`, copy the part of the {source or 'text'} that {' and '.join(parts)}."
