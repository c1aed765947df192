"""What is kept of one example in an evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


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
