"""Finds the chance of a right answer per call with which the program is right as often as asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import dspy

from .ghost import Ghost

if TYPE_CHECKING:
    from ...metrics.adapt import AdaptedMetric

_ROWS = 60
_STEPS = 9
_DEMOS = 4
_SECONDS = 6.0
_FIRST_SECONDS = 1.0
_LEAST_ROWS = 8
_EDGE = 0.03
"""A success rate nearer than this to 0 or 1 says little about the calls: the mean score then counts."""
_JUDGE_SCALES = (1.0, 5.0, 10.0, 100.0)


class Seen(NamedTuple):
    """What the metric said of the program's answers."""

    success_rate: float
    mean_score: float


def calibrate(
    ghost: Ghost,
    program: dspy.Module,
    examples: Sequence[dspy.Example],
    metric: AdaptedMetric,
    *,
    success_rate: float,
    mean_score: float | None = None,
    demo_rate: float | None = None,
) -> Seen:
    """Tune the ghost; what the metric then says of the program as it is.

    By bisection over the chance, the program and the metric really run on up to 60 of the rows. At a success
    rate of nearly 0 or 1 the mean score decides, where it is known. `demo_rate` is the success rate that the
    program is to have with demonstrations. Raises `StopRun` at the ghost's limits.
    """
    began = time.monotonic()
    by_mean = mean_score is not None and not _EDGE <= success_rate <= 1.0 - _EDGE
    target = mean_score if by_mean and mean_score is not None else success_rate
    rows = list(examples[:_ROWS])
    best = _look(ghost, program, rows, metric, 1.0, longest=_FIRST_SECONDS)
    rows = rows[: best[1]]
    highest = best[0]
    lowest = _look(ghost, program, rows, metric, 0.0)[0]
    if "judge" in ghost.counts() and not _reacts(highest, lowest, by_mean):
        highest, lowest = _tune_judge(ghost, program, rows, metric, by_mean)
    ends = (1.0, highest), (0.0, lowest)
    deadline = began + _SECONDS
    chance, seen = _bisect(ghost, program, rows, metric, ends, target, by_mean, deadline)
    if demo_rate is not None and demo_rate > 0.0:
        shown = dspy.LabeledFewShot(k=_DEMOS).compile(student=program, trainset=list(examples))
        ghost.tuning.chance_with_demos, _ = _bisect(
            ghost, shown, rows, metric, ends, demo_rate, False, deadline + _SECONDS
        )
    ghost.tuning.chance = chance
    ghost.forget_counts()
    return seen


def _bisect(
    ghost: Ghost,
    program: dspy.Module,
    rows: Sequence[dspy.Example],
    metric: AdaptedMetric,
    ends: tuple[tuple[float, Seen], tuple[float, Seen]],
    target: float,
    by_mean: bool,
    deadline: float,
) -> tuple[float, Seen]:
    """The chance at which the metric says what it should, or comes nearest to it, and what it then says."""
    found = list(ends)
    (high, highest), (low, lowest) = ends
    if lowest[by_mean] < target < highest[by_mean] and time.monotonic() > deadline:
        return _guess(ghost, lowest, highest, target, by_mean)
    for _ in range(_STEPS):
        if not lowest[by_mean] < target < highest[by_mean] or time.monotonic() > deadline:
            break
        chance = (low + high) / 2
        seen = _look(ghost, program, rows, metric, chance)[0]
        found.append((chance, seen))
        low, high = (chance, high) if seen[by_mean] < target else (low, chance)
    return min(found, key=lambda one: abs(one[1][by_mean] - target))


def _guess(ghost: Ghost, lowest: Seen, highest: Seen, target: float, by_mean: bool) -> tuple[float, Seen]:
    """For programs too slow to be tried: a run is right when each of its calls is, a mean is as its calls."""
    share = (target - lowest[by_mean]) / (highest[by_mean] - lowest[by_mean])
    counts = ghost.counts()
    calls = (sum(counts.values()) - counts.get("judge", 0)) / max(ghost.runs, 1)
    chance = share if by_mean else share ** (1.0 / max(calls, 1.0))
    seen = [low + (high - low) * share for low, high in zip(lowest, highest, strict=True)]
    return chance, Seen(*seen)


def _reacts(highest: Seen, lowest: Seen, by_mean: bool) -> bool:
    return highest[by_mean] > lowest[by_mean]


def _tune_judge(
    ghost: Ghost, program: dspy.Module, rows: Sequence[dspy.Example], metric: AdaptedMetric, by_mean: bool
) -> tuple[Seen, Seen]:
    """Judges differ in their scale and in what they are asked for: take the first with which they judge."""
    seen = Seen(0.0, 0.0), Seen(0.0, 0.0)
    for scale in _JUDGE_SCALES:
        for upside_down in (False, True):
            ghost.tuning.judge_scale, ghost.tuning.judge_upside_down = scale, upside_down
            highest, lowest = (_look(ghost, program, rows, metric, chance)[0] for chance in (1.0, 0.0))
            if _reacts(highest, lowest, by_mean):
                return highest, lowest
            seen = highest, lowest
    ghost.tuning.judge_scale, ghost.tuning.judge_upside_down = _JUDGE_SCALES[0], False
    return seen


def _look(
    ghost: Ghost,
    program: dspy.Module,
    rows: Sequence[dspy.Example],
    metric: AdaptedMetric,
    chance: float,
    *,
    longest: float | None = None,
) -> tuple[Seen, int]:
    """What the metric says at this chance, and on how many rows: fewer where they take too long."""
    ghost.tuning.chance = chance
    began = time.monotonic()
    right = done = 0
    total = 0.0
    for example in rows:
        if longest is not None and done >= _LEAST_ROWS and time.monotonic() - began > longest:
            break
        done += 1
        try:
            prediction = program(**example.inputs())
        except Exception:  # noqa: BLE001, S112  # the user's program: a run that raises is not right
            continue
        score = metric(example, prediction, []).score or 0.0
        total += score
        right += score >= metric.threshold - 1e-9
    return Seen(right / max(done, 1), total / max(done, 1)), done
