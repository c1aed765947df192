"""What is kept of one example in an evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pydantic


class RowResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One example: what came out and how it scored. An errored row has no score."""

    row: int
    """Index in its split."""
    score: float | None = None
    subscores: dict[str, float] = {}
    feedback: str | None = None
    error: str | None = None
    inputs: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    prediction: dict[str, Any] = {}


def mean_score(rows: Iterable[RowResult]) -> float | None:
    """Mean over the rows that have a score; None when none has."""
    scores = [row.score for row in rows if row.score is not None]
    return sum(scores) / len(scores) if scores else None


def ordered_rows(rows: Iterable[RowResult]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(row) for row in sorted(rows, key=lambda row: row.row)]


def plain(value: Any) -> Any:
    """A JSON-safe copy of a field's value; what JSON cannot hold becomes its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, pydantic.BaseModel):
        return plain(value.model_dump(mode="python"))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
