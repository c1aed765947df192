"""Applies the workspace's metric of now to the answers of past evaluations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..metrics.rescore import ChangedRow, RescoredEvaluation, StoredEvaluation, read_evaluations
from .desk import Desk, OnProgress
from .reports import ScoredRow


def rescore_run(
    desk: Desk,
    evaluations: Path,
    *,
    split: str | None = None,
    sources: Mapping[str, str] | None = None,
    on_progress: OnProgress | None = None,
) -> list[RescoredEvaluation]:
    """Score every stored answer again; the program is not run and its models are asked nothing.

    `sources` (file → text) stands in for files, so that an edit is tried before it is saved.
    Raises `MetricError` when nothing is stored or the metric cannot be loaded, `JobKilled` when it hangs.
    """
    stored = read_evaluations(evaluations, split=split)
    rows = [
        {"inputs": row.inputs, "labels": row.labels, "prediction": row.prediction}
        for record in stored
        for row in record.answered
    ]
    scored = desk.run_metric(rows, sources=sources, seconds=60 + len(rows), on_progress=on_progress)
    rescored = []
    position = 0
    for record in stored:
        count = len(record.answered)
        rescored.append(_compare(record, scored.rows[position : position + count]))
        position += count
    return rescored


def _compare(record: StoredEvaluation, scored: Sequence[ScoredRow]) -> RescoredEvaluation:
    pairs = list(zip(record.answered, scored, strict=False))
    before = [row.score for row, _ in pairs if row.score is not None]
    after = [one.verdict.score for _, one in pairs if one.verdict.score is not None]
    return RescoredEvaluation(
        evaluation=record.evaluation,
        split=record.split,
        candidate=record.candidate,
        before=statistics.mean(before) if before else None,
        after=statistics.mean(after) if after else None,
        rows=len(pairs),
        errors=sum(one.verdict.error is not None for _, one in pairs),
        changed=tuple(
            ChangedRow(row.row, row.score, one.verdict.score, one.verdict.feedback, one.verdict.error)
            for row, one in pairs
            if not _is_same(row.score, one.verdict.score)
        ),
    )


def _is_same(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return abs(before - after) < 1e-9
