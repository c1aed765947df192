"""The held-out scores of a run with their intervals: what its result is worth on rows nobody learned from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.reduce import RunState
from .compare import baseline_of
from .recorded import RowScores, ScoredRows, read_scores
from .significance import Difference, Interval, compare_scores


class Scored(msgspec.Struct, frozen=True):
    """A candidate's score over the test rows, a fraction from 0 to 1."""

    candidate: str
    score: float | None
    interval: Interval | None
    size: int
    errors: int


class HeldOut(msgspec.Struct, frozen=True):
    """Baseline and best over the test rows."""

    baseline: Scored
    best: Scored
    difference: Difference | None
    """Over the rows that both scored; None where the best is the baseline."""


def read_held_out(path: Path, state: RunState | None = None) -> HeldOut | None:
    """What the run scored on its test rows at its end; None where it did not come so far.

    This is the run's own look at them, so no other is remembered.
    """
    state = load_state(path) if state is None else state
    kept = read_scores(RunFolder(path), "test")
    baseline = baseline_of(state)
    best = state.best.candidate
    if state.best.test is None or baseline is None or best is None or not {baseline, best} <= kept.keys():
        return None
    left, right = kept[baseline], kept[best]
    return HeldOut(
        _scored(baseline, left),
        _scored(best, right),
        None if baseline == best else _difference(left, right),
    )


def _scored(candidate: str, kept: ScoredRows[RowScores]) -> Scored:
    return Scored(candidate, kept.score, kept.interval, len(kept.rows), kept.errors)


def _difference(left: ScoredRows[RowScores], right: ScoredRows[RowScores]) -> Difference:
    """Rows of one run are the same under the same number; errored ones are left out."""
    before = {row.row: row.score for row in left.rows if row.score is not None}
    after = {row.row: row.score for row in right.rows if row.score is not None}
    both = [number for number in before if number in after]
    return compare_scores([before[n] for n in both], [after[n] for n in both])
