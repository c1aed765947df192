"""Finds in a metric's feedback which answer was expected."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .text import GRAMMAR

Answer = str | tuple[str, ...]

_EXPECTED = re.compile(
    r"\b(?:expected|should(?:'ve| have)? (?:be(?:en)?|say|answer|choose|give)|wanted|"
    r"(?:correct|right|gold|true|actual|reference|expected|ground[- ]truth|desired|target)(?:\s+\w+){0,3}?\s*(?:is|was|were|are|would be|:|=)|"
    r"(?:answer|label|truth|gold)\s*(?:is|was|:|=))"
    r"\s*(?:to (?:be|have been)|is|was|:|=)?\s*",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"\b(?:missing|missed|forgot(?:ten)?|left out|lacks?|omitted|should (?:also )?(?:include|have included|contain)|add)\b\s*(?:labels?|items?|values?)?\s*[:=]?\s*",
    re.IGNORECASE,
)
_EXTRA = re.compile(
    r"\b(?:extra|unexpected|superfluous|spurious|wrongly (?:included|added)|should not (?:have )?(?:included?|contain(?:ed)?|be|have)|remove|wrong)\b\s*(?:labels?|items?|values?)?\s*[:=]?\s*",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"\b(?:correct(?:ly)?|right|well done|good|perfect|great|exact(?:ly)?|match(?:es|ed)?|success\w*)\b",
    re.IGNORECASE,
)
_BLAME = re.compile(
    r"\b(?:incorrect|wrong|not|n't|mis\w+|expected|but|should|fail\w*|missing|error|instead|however|partial\w*)\b",
    re.IGNORECASE,
)
_SCORE = re.compile(r"\bscore\b\s*(?:of|is|was|:|=)?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|'([^'\n]+)'|“([^”\n]+)”")
_TOKEN = re.compile(r"[^\s,;:()\[\]{}\"'`“”]+")
_SEGMENT = re.compile(r"\n+|(?<=[.!?;])\s+|;\s*|\|\s*")
_FILLER = GRAMMAR | {"label", "labels", "answer", "value", "values", "field", "been", "only"}


@dataclass(frozen=True)
class Verdict:
    expected: Answer | None = None
    right: bool | None = None
    """Whether what was answered was right; None when the feedback does not say."""


def read_feedback(
    feedback: str, output: str, answered: Answer, known: Collection[str] = (), outputs: Sequence[str] = ()
) -> Verdict:
    """What feedback says of one output field: `answered` is what was given, `known` labels seen elsewhere."""
    text = _about(feedback, output, outputs)
    known = sorted({*known, *([answered] if isinstance(answered, str) else answered)}, key=len, reverse=True)
    if isinstance(answered, tuple):
        return _list_verdict(text, answered, known)
    for found in _EXPECTED.finditer(text):
        value = _value(text[found.end() :], known)
        if value is not None:
            return Verdict(value, _same(value, answered))
    if named := re.search(rf"\b{re.escape(output)}\b\s*(?:is|was|must be|:|=)\s*", text, re.IGNORECASE):
        value = _value(text[named.end() :], known)
        if value is not None and any(_same(value, label) for label in known) and not _same(value, answered):
            return Verdict(value, False)
    right = _is_right(text)
    return Verdict(answered if right else None, right)


def _about(feedback: str, output: str, outputs: Sequence[str]) -> str:
    """The part of the feedback that speaks of an output field; all of it when no part names one."""
    names = {name.lower(): (name.lower(), name.lower().replace("_", " ")) for name in {output, *outputs}}
    own, current, named = [], None, False
    for segment in _SEGMENT.split(feedback):
        lowered = segment.lower()
        spoken = [
            name
            for name, forms in names.items()
            if any(re.search(rf"\b{re.escape(form)}\b", lowered) for form in forms)
        ]
        if spoken:
            current, named = (output.lower() if output.lower() in spoken else spoken[0]), True
        if current == output.lower():
            own.append(segment)
    return " ".join(own) if named and own else feedback


def _value(text: str, known: Sequence[str]) -> str | None:
    """The value a text begins with: quoted, a known label, or its first word that is not filler."""
    head = text[:120]
    opening = _QUOTED.search(head)
    if (
        opening
        and len(head[: opening.start()].split()) <= 3
        and not re.search(r"[,;.]", head[: opening.start()])
    ):
        return next(group for group in opening.groups() if group is not None).strip()
    for label in known:
        if re.match(rf"(?:the\s+)?{re.escape(label)}(?![\w-])", head, re.IGNORECASE):
            return label
    for token in _TOKEN.findall(head)[:4]:
        word = token.rstrip(".!?")
        if word and word.lower() not in _FILLER:
            return word
    return None


def _values(text: str, known: Sequence[str]) -> tuple[str, ...] | None:
    """The list of values a text begins with; None when there is no list."""
    head = text.lstrip()
    if head.startswith(("[", "{", "(")):
        close = {"[": "]", "{": "}", "(": ")"}[head[0]]
        inside = head[: head.find(close) + 1]
        try:
            value = ast.literal_eval(inside)
            return tuple(str(item) for item in (value if not isinstance(value, str) else [value]))
        except (ValueError, SyntaxError):
            return tuple(part.strip(" '\"`") for part in inside[1:-1].split(",") if part.strip(" '\"`"))
    found = []
    rest = head
    while True:
        rest = re.sub(r"^\s*(?:,|and\b|or\b|&)?\s*", "", rest)
        quoted = _QUOTED.match(rest)
        if quoted:
            found.append(next(group for group in quoted.groups() if group is not None))
            rest = rest[quoted.end() :]
            continue
        label = next(
            (name for name in known if re.match(rf"{re.escape(name)}(?![\w-])", rest, re.IGNORECASE)), None
        )
        token = _TOKEN.match(rest)
        if label is not None:
            found.append(label)
            rest = rest[len(label) :]
        elif (
            token
            and token.group().rstrip(".").lower() not in _FILLER | {"none", "nothing", "got"}
            and len(found) < 12
        ):
            found.append(token.group().rstrip(".!?"))
            rest = rest[token.end() :]
        else:
            break
        if not re.match(r"\s*(?:,|and\b|or\b|&)", rest):
            break
    return tuple(found) or None


def _list_verdict(text: str, answered: tuple[str, ...], known: Sequence[str]) -> Verdict:
    members = list(answered)
    for found in _EXPECTED.finditer(text):
        values = _values(text[found.end() :], known)
        if values is not None:
            return Verdict(
                values, {value.lower() for value in values} == {value.lower() for value in answered}
            )
    changed = False
    for pattern, adds in ((_MISSING, True), (_EXTRA, False)):
        for found in pattern.finditer(text):
            for value in _values(text[found.end() :], known) or ():
                held = [member for member in members if _same(member, value)]
                if adds and not held:
                    members.append(value)
                    changed = True
                elif not adds and held:
                    members = [member for member in members if member not in held]
                    changed = True
    if changed:
        return Verdict(tuple(members), False)
    right = _is_right(text)
    return Verdict(answered if right else None, right)


def _is_right(text: str) -> bool | None:
    if found := _SCORE.search(text):
        score = float(found.group(1))
        return True if score >= 0.999 else False if score == 0 else None
    if _BLAME.search(text):
        return False
    return True if _PRAISE.search(text) else None


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()
