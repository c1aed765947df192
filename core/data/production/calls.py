"""One call in production, what was said of it, and the example that it makes.

The documented format is JSON lines, one call each:

    {"id": "c-17",                                   any id, to find the call again
     "inputs": {"question": "…"},                    what the program was given
     "outputs": {"answer": "…"},                     what it answered (may be missing)
     "feedback": {"rating": "up",                    or "down", or a score from 0 to 1
                  "correction": {"answer": "…"},     as it should be; a plain value where there is one output
                  "comment": "…"}}                   in words

`feedback` may be a list of such objects, from several people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import DataError
from ..cells import cell_text

_GOOD = {
    "up",
    "thumbs_up",
    "thumbsup",
    "yes",
    "good",
    "positive",
    "pass",
    "passed",
    "correct",
    "true",
    "like",
    "👍",
}
_BAD = {
    "down",
    "thumbs_down",
    "thumbsdown",
    "no",
    "bad",
    "negative",
    "fail",
    "failed",
    "incorrect",
    "wrong",
    "false",
}
_BAD |= {"dislike", "👎"}


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What one person or judge said of a call."""

    good: bool | None = None
    rating: str = ""
    """As it was given."""
    comment: str = ""
    expected: dict[str, Any] = {}
    """Output fields as they should have been."""
    source: str = ""
    """Who said so, where known."""


class ProductionCall(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = {}
    opinions: tuple[Opinion, ...] = ()

    @property
    def good(self) -> bool | None:
        """What the opinions come to: bad when anyone said bad or corrected it, good when anyone said good."""
        verdicts = {opinion.good for opinion in self.opinions}
        if False in verdicts or self.expected:
            return False
        return True if True in verdicts else None

    @property
    def expected(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for opinion in self.opinions:
            merged.update(opinion.expected)
        return {name: value for name, value in merged.items() if self.outputs.get(name) != value}

    def to_row(self) -> dict[str, Any]:
        """The example: inputs, labels (what was expected, or answered where that was good), `feedback`.

        A label nobody vouched for is None. An output named like an input becomes `<name>_expected`.
        """
        labels: dict[str, Any] = dict.fromkeys(self.outputs)
        if self.good:
            labels.update(self.outputs)
        for opinion in self.opinions:
            labels.update(opinion.expected)
        renamed = {
            f"{name}_expected" if name in self.inputs else name: value for name, value in labels.items()
        }
        row = {**self.inputs, **renamed}
        for name, value in (("feedback", self.feedback_text() or None), ("call_id", self.id)):
            row[name if name not in row else f"call_{name}"] = value
        return row

    def feedback_text(self) -> str:
        """What was said, in sentences that a metric can hand on to a reflection model."""
        sentences = []
        if self.good is not None:
            answer = "; ".join(f"{name} = {cell_text(value)}" for name, value in self.outputs.items())
            judged = "right" if self.good else "wrong"
            sentences.append(f"In production this answer was judged {judged}: {answer}." if answer else "")
        for name, value in self.expected.items():
            sentences.append(f"Expected {name} = {cell_text(value)}.")
        sentences += [opinion.comment for opinion in self.opinions if opinion.comment]
        return " ".join(sentence for sentence in sentences if sentence)


def read_verdict(rating: Any) -> bool | None:
    """Whether a thumb, word or score is good; None where it says neither (scores: 0 to 1, or ±1)."""
    if rating is None or isinstance(rating, bool):
        return rating
    if isinstance(rating, (int, float)):
        return rating >= 0.5 if -1 <= rating <= 1 else None
    if not isinstance(rating, str):
        return None
    word = rating.strip().lower().replace(" ", "_")
    if word in _GOOD:
        return True
    return False if word in _BAD else None


def as_fields(value: Any, name: str) -> dict[str, Any]:
    """The value as named fields: a mapping as it is, anything else under `name`."""
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {name: value}


def correct_fields(value: Any, outputs: Mapping[str, Any], name: str = "answer") -> dict[str, Any]:
    """A correction as output fields: a plain value corrects the only output."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and (not outputs or set(value) & set(outputs) or len(outputs) != 1):
        return dict(value)
    return {next(iter(outputs)) if len(outputs) == 1 else name: value}


def read_own(document: Mapping[str, Any], number: int) -> ProductionCall:
    """A call in the documented format. Raises `DataError` naming the field that is wrong."""
    inputs = document.get("inputs")
    if not isinstance(inputs, Mapping) or not inputs:
        raise DataError("a call needs inputs: an object of the program's input fields", where="inputs")
    outputs = as_fields(document.get("outputs"), "answer")
    feedback = document.get("feedback")
    given = feedback if isinstance(feedback, list) else [] if feedback is None else [feedback]
    return ProductionCall(
        id=str(document.get("id", number)),
        inputs=dict(inputs),
        outputs=outputs,
        opinions=tuple(_read_opinion(item, outputs) for item in given),
    )


def _read_opinion(item: Any, outputs: Mapping[str, Any]) -> Opinion:
    if not isinstance(item, Mapping):
        item = {"rating": item} if read_verdict(item) is not None else {"comment": item}
    rating, comment = item.get("rating"), item.get("comment")
    return Opinion(
        good=read_verdict(rating),
        rating="" if rating is None else str(rating),
        comment="" if comment is None else str(comment),
        expected=correct_fields(item.get("correction"), outputs),
        source=str(item.get("source", "")),
    )


def is_own(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like the documented format."""
    return (
        isinstance(document.get("inputs"), Mapping)
        and not {"info", "data", "resourceSpans"} & document.keys()
    )
