"""The stored rows of past evaluations, to be scored again without asking the program's models anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson

from ..errors import MetricError


class StoredRow(msgspec.Struct, frozen=True):
    """One row as an evaluation kept it."""

    row: int
    score: float | None = None
    inputs: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    prediction: dict[str, Any] = {}
    error: str | None = None
    feedback: str | None = None
    subscores: dict[str, float] = {}


class StoredEvaluation(msgspec.Struct, frozen=True):
    """One full evaluation of one candidate."""

    evaluation: str
    rows: tuple[StoredRow, ...]
    split: str = ""
    candidate: str | None = None
    score: float | None = None
    phase: str = ""

    @property
    def answered(self) -> list[StoredRow]:
        """Rows that have an answer to judge."""
        return [row for row in self.rows if row.prediction]


class RescoredEvaluation(msgspec.Struct, frozen=True):
    """The same answers under another metric."""

    evaluation: str
    split: str
    candidate: str | None
    before: float | None
    """Mean of the stored scores over the rows that were scored again."""
    after: float | None
    rows: int
    errors: int
    changed: tuple[ChangedRow, ...] = ()


class ChangedRow(msgspec.Struct, frozen=True):
    row: int
    before: float | None
    after: float | None
    feedback: str | None = None
    error: str | None = None


def read_evaluations(folder: Path, *, split: str | None = None) -> list[StoredEvaluation]:
    """All evaluations in a run's folder of them, in order. Raises `MetricError` where there are none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = msgspec.convert(orjson.loads(path.read_bytes()), StoredEvaluation)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise MetricError(
                f"The stored evaluation '{path.name}' cannot be read: {error}.",
                where=str(path),
                fix="leave the file out of the folder to rescore the others",
            ) from error
        if split is None or record.split == split:
            found.append(record)
    if not found:
        raise MetricError(
            "There is no stored evaluation to score again" + (f" of the {split} split." if split else "."),
            where=str(folder),
            fix="run it first: evaluations keep their answers",
        )
    return found
