"""Finds in a metric's feedback which answer was expected."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .text import GRAMMAR

Answer = str | tuple[str, ...]

_NOUNS = r"(?:labels?|items?|values?|answers?|entries)"
_EXPECTED = re.compile(
    r"\b(?:expected|should(?:'ve| have)? (?:be(?:en)?|say|answer|choose|give)|wanted|belongs to|"
    r"(?:correct|right|gold|true|actual|reference|expected|ground[- ]truth|desired|target)"
    r"(?:\s+\w+){0,3}?\s*(?:is|was|were|are|would be|:|=)|"
    r"(?:answer|label|truth|gold)\s*(?:is|was|:|=))"
    r"\s*(?:to (?:be|have been)|is|was|:|=)?\s*",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"\b(?:missing|missed|forgot(?:ten)?|left out|lacks?|omitted|add|"
    r"should (?:also )?(?:include|have included|contain))\b"
    rf"\s*{_NOUNS}?\s*[:=]?\s*",
    re.IGNORECASE,
)
_EXTRA = re.compile(
    r"\b(?:extra|unexpected|superfluous|spurious|too many|remove|wrong|"
    r"(?:wrongly|incorrectly) (?:included|added)|"
    r"should not (?:have )?(?:included?|contain(?:ed)?|be|have))\b"
    rf"\s*{_NOUNS}?\s*[:=]?\s*",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"\b(?:correct(?:ly)?|right|well done|good|perfect|great|exact(?:ly)?|match(?:es|ed)?|success\w*)\b",
    re.IGNORECASE,
)
_BLAME = re.compile(
    r"\b(?:incorrect(?:ly)?|wrong(?:ly)?|not|n't|mis\w+|expected|but|should|fail\w*|error|instead|however|partial\w*)\b",
    re.IGNORECASE,
)
_SCORE = re.compile(r"\bscore\b\s*(?:of|is|was|:|=)?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|never|n't|than|got|answered|predicted|said)\s+(?:(?!match|equal)\w+\s+){0,2}[`\"'“]?$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|“([^”\n]+)”")
_TOKEN = re.compile(r"[^\s,;:()\[\]{}\"'`“”]+")
_SENTENCE = re.compile(r"\n+|(?<=[.!?;])\s+")
_SEGMENT = re.compile(r"\n+|(?<=[.!?;])\s+|;\s*|\|\s*")
_JOINT = re.compile(r"\s*(?:,\s*(?:and\b|or\b)?|and\b|or\b|&)\s*")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_FILLER = GRAMMAR | {"label", "labels", "answer", "value", "values", "field", "been", "only"}
_NO_VALUE = _FILLER | {"none", "nothing", "got"}
_MOST_VALUES = 20
_HEAD_CHARS = 120


@dataclass(frozen=True)
class Verdict:
    expected: Answer | None = None
    right: bool | None = None
    """Whether what was answered was right; None when the feedback does not say."""


def read_feedback(
    feedback: str, output: str, answered: Answer, known: Collection[str] = (), outputs: Sequence[str] = ()
) -> Verdict:
    """What feedback says of one output field.

    `answered` is what was given, `known` are labels seen elsewhere in the prompt, `outputs` the names of all
    output fields: where the feedback names some, only the part that names this one counts.
    """
    text = _about(feedback, output, outputs)
    labels = {*known, *([answered] if isinstance(answered, str) else answered)}
    ordered = sorted((label for label in labels if label), key=lambda label: (-len(label), label))
    if isinstance(answered, str):
        return _label_verdict(text, output, answered, ordered)
    return _list_verdict(text, output, answered, ordered)


def _about(feedback: str, output: str, outputs: Sequence[str]) -> str:
    """The part of the feedback that speaks of an output field; all of it when no part names one."""
    forms = {name: {name.lower(), name.lower().replace("_", " ")} for name in {output, *outputs}}
    own: list[str] = []
    current = None
    for segment in _SEGMENT.split(feedback):
        lowered = segment.lower()
        spoken = [
            name
            for name, written in sorted(forms.items())
            if any(re.search(rf"\b{re.escape(form)}\b", lowered) for form in written)
        ]
        if spoken:
            current = output if output in spoken else spoken[0]
        if current == output:
            own.append(segment)
    return "\n".join(own) if own else feedback


def _label_verdict(text: str, output: str, answered: str, known: Sequence[str]) -> Verdict:
    for found in _EXPECTED.finditer(text):
        value = _value(text[found.end() :], output, known)
        if value is not None:
            return Verdict(value, _same(value, answered))
    for found in re.finditer(rf"\b{re.escape(output)}\b\s*(?:is|was|must be|:|=)\s*", text, re.IGNORECASE):
        value = _value(text[found.end() :], output, known)
        if value is not None and not _same(value, answered) and any(_same(value, label) for label in known):
            return Verdict(value, False)
    right = _is_right(text)
    if right is False:
        named = _only_other(text, answered, known)
        return Verdict(named, False)
    return Verdict(answered if right else None, right)


def _only_other(text: str, answered: str, known: Sequence[str]) -> str | None:
    """The one known label, other than the answer, that blaming feedback names without denying it."""
    named = set()
    for label in known:
        for found in re.finditer(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text, re.IGNORECASE):
            if not _same(label, answered) and not _DENIED.search(text[: found.start()]):
                named.add(label)
    return named.pop() if len(named) == 1 else None


def _value(text: str, output: str, known: Sequence[str]) -> str | None:
    """The value a text begins with: quoted, a known label, or its first word that is not filler."""
    head = re.sub(
        rf"^(?:the\s+)?{re.escape(output)}\s*(?:is|was|to be|:|=)*\s*",
        "",
        text[:_HEAD_CHARS],
        flags=re.IGNORECASE,
    )
    quoted = _QUOTED.search(head)
    if quoted:
        before = head[: quoted.start()]
        if len(before.split()) <= 3 and not re.search(r"[,;.]", before):
            return _group(quoted).strip()
    for label in known:
        if re.match(rf"(?:the\s+)?{re.escape(label)}(?![\w-])", head, re.IGNORECASE):
            return label
    for token in _TOKEN.findall(head)[:4]:
        word: str = token.rstrip(".!?")
        if word and word.lower() not in _FILLER:
            return word
    return None


def _group(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None)


def _values(text: str, known: Sequence[str]) -> tuple[str, ...] | None:
    """The list of values a text begins with; None when it begins with none."""
    rest = text.lstrip()
    if rest[:1] in _BRACKETS:
        return _bracketed(rest[: rest.find(_BRACKETS[rest[0]]) + 1])
    found: list[str] = []
    while len(found) < _MOST_VALUES:
        value, length = _next_value(rest, known)
        if not value:
            break
        found.append(value)
        joint = _JOINT.match(rest, length)
        if joint is None:
            break
        rest = rest[joint.end() :]
    return tuple(found) or None


def _bracketed(text: str) -> tuple[str, ...]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = [part.strip(" '\"`") for part in text[1:-1].split(",") if part.strip(" '\"`")]
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _next_value(text: str, known: Sequence[str]) -> tuple[str, int]:
    """The value at the start of a text and how long it is written; empty when there is none."""
    if quoted := _QUOTED.match(text):
        return _group(quoted), quoted.end()
    for label in known:
        if re.match(rf"{re.escape(label)}(?![\w-])", text, re.IGNORECASE):
            return label, len(label)
    token = _TOKEN.match(text)
    word = token.group().rstrip(".!?") if token else ""
    return (word, len(word)) if word.lower() not in _NO_VALUE else ("", 0)


def _list_verdict(text: str, output: str, answered: tuple[str, ...], known: Sequence[str]) -> Verdict:
    for found in _EXPECTED.finditer(text):
        rest = re.sub(
            rf"^(?:the\s+)?{re.escape(output)}\s*[:=]?\s*", "", text[found.end() :], flags=re.IGNORECASE
        )
        values = _values(rest, known)
        if values is not None:
            return Verdict(
                values, {value.lower() for value in values} == {value.lower() for value in answered}
            )
    members = list(answered)
    for found in _MISSING.finditer(text):
        if re.search(r"\bnot\s+(?:have\s+)?$", text[: found.start()], re.IGNORECASE):
            continue
        values = _values(text[found.end() :], known) or ()
        members += [value for value in values if not any(_same(value, member) for member in members)]
    for found in _EXTRA.finditer(text):
        values = _values(text[found.end() :], known) or ()
        members = [member for member in members if not any(_same(value, member) for value in values)]
    if members != list(answered):
        return Verdict(tuple(members), False)
    right = _is_right(text)
    return Verdict(answered if right else None, right)


def _is_right(text: str) -> bool | None:
    """Whether feedback praises: a score of 1 or 0 decides, else the first sentence that praises or blames."""
    if found := _SCORE.search(text):
        score = float(found.group(1))
        return True if score >= 0.999 else False if score == 0 else None
    for sentence in _SENTENCE.split(text):
        if _BLAME.search(sentence):
            return False
        if _PRAISE.search(sentence):
            return True
    return None


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()
