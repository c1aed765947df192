"""What the score chart draws: full evaluations, minibatches, baseline and best so far, never mixed."""

from __future__ import annotations

from typing import NamedTuple

from core.runs.reduce import RunState

_MOST_MINIBATCHES = 300
_ENDS = (10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000)


class Series(NamedTuple):
    """Points as (evaluation number from 1, percent). Equal series need no new drawing."""

    full: tuple[tuple[float, float], ...] = ()
    """Full evaluations on val."""
    minibatch: tuple[tuple[float, float], ...] = ()
    """Thinned out evenly where there are very many."""
    best: tuple[tuple[float, float], ...] = ()
    """The highest full score so far, as steps."""
    baseline: float | None = None
    end: float = 10.0
    """Where the axis ends; grows in steps, so that the chart rarely rescales."""
    low: float = 0.0
    high: float = 100.0


def series_of(state: RunState) -> Series:
    full: list[tuple[float, float]] = []
    minibatch: list[tuple[float, float]] = []
    number = 0
    for point in state.points:
        score = point.score
        if score.value is None or (score.kind == "full" and score.split != "val"):
            continue
        number += 1
        where = (float(number), 100 * score.value)
        if score.kind == "minibatch":
            minibatch.append(where)
        else:
            full.append(where)
    base = state.baseline.get("val")
    values = [value for _, value in (*full, *minibatch)] + ([100 * base] if base is not None else [])
    low, high = _span(values)
    return Series(
        tuple(full),
        tuple(_thin(minibatch)),
        tuple(_steps(full, number)),
        100 * base if base is not None else None,
        _end(number),
        low,
        high,
    )


def _steps(full: list[tuple[float, float]], last: int) -> list[tuple[float, float]]:
    best: list[tuple[float, float]] = []
    top = float("-inf")
    for x, value in full:
        if value > top:
            if best:
                best.append((x, top))
            best.append((x, value))
            top = value
    if best and last > best[-1][0]:
        best.append((float(last), top))
    return best


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= _MOST_MINIBATCHES:
        return points
    step = len(points) / _MOST_MINIBATCHES
    return [points[int(place * step)] for place in range(_MOST_MINIBATCHES)]


def _span(values: list[float]) -> tuple[float, float]:
    """The tens around the values, at least twenty points apart."""
    if not values:
        return 0.0, 100.0
    low, high = 10 * (min(values) // 10), -10 * (-max(values) // 10)
    if high - low < 20:
        high = min(100.0, low + 20)
        low = min(low, high - 20)
    return max(0.0, low), min(100.0, high)


def _end(number: int) -> float:
    return float(next((end for end in _ENDS if number <= end), -500 * (-number // 500)))
