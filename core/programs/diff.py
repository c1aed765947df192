"""What differs between two states of a program."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from ..jsonable import encode_json


class TextChange(msgspec.Struct, frozen=True):
    """A changed text, line by line: each line with ` `, `-` or `+` before it."""

    name: str
    before: str
    after: str
    lines: tuple[str, ...]


class PredictorDiff(msgspec.Struct, frozen=True):
    """What changed in one predictor."""

    predictor: str
    status: str
    """`same`, `changed`, `added` or `removed`."""
    instructions: TextChange | None = None
    fields: tuple[TextChange, ...] = ()
    """Changed prefixes and descriptions, named `field.desc` or `field.prefix`."""
    demos_added: tuple[dict[str, Any], ...] = ()
    demos_removed: tuple[dict[str, Any], ...] = ()
    demos_kept: int = 0


def diff_states(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PredictorDiff]:
    """Predictor by predictor, in the order of the new state, removed ones last."""
    names = [*after, *(name for name in before if name not in after)]
    return [_diff_predictor(name, before.get(name), after.get(name)) for name in names]


def diff_text(name: str, before: str, after: str) -> TextChange | None:
    """The lines that differ, with the unchanged ones between; None when the texts are equal."""
    if before == after:
        return None
    compared = difflib.ndiff(before.splitlines(), after.splitlines())
    lines = tuple(f"{line[0]}{line[2:]}" for line in compared if not line.startswith("?"))
    return TextChange(name, before, after, lines)


def _diff_predictor(name: str, before: Any, after: Any) -> PredictorDiff:
    old = before or {"instructions": "", "fields": {}, "demos": []}
    new = after or {"instructions": "", "fields": {}, "demos": []}
    instructions = diff_text("instructions", old["instructions"], new["instructions"])
    fields = tuple(_diff_fields(old["fields"], new["fields"]))
    added, removed, kept = _diff_demos(old["demos"], new["demos"])
    if before is None or after is None:
        status = "added" if before is None else "removed"
    else:
        status = "changed" if instructions or fields or added or removed else "same"
    return PredictorDiff(name, status, instructions, fields, added, removed, kept)


def _diff_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[TextChange]:
    changes = []
    for field in {**before, **after}:
        for text in ("prefix", "desc"):
            change = diff_text(
                f"{field}.{text}", before.get(field, {}).get(text, ""), after.get(field, {}).get(text, "")
            )
            if change is not None:
                changes.append(change)
    return changes


def _diff_demos(
    before: Sequence[Any], after: Sequence[Any]
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...], int]:
    """Demonstrations by content: the order is no change."""
    left = {encode_json(demo, orjson.OPT_SORT_KEYS): demo for demo in before}
    right = {encode_json(demo, orjson.OPT_SORT_KEYS): demo for demo in after}
    added = tuple(demo for key, demo in right.items() if key not in left)
    removed = tuple(demo for key, demo in left.items() if key not in right)
    return added, removed, len(left.keys() & right.keys())
