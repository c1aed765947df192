"""What is asked of a metric: right answers, wrong ones, none at all, the program's own, twice, by name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import dspy
import msgspec

from ...jsonable import encode_json
from ...programs.answer_rows import Answer
from ..adapt import AdaptedMetric
from .observe import Observed, Observer

LM_ROWS = 4
"""Rows that are probed with a metric that asks a model, so that a test stays cheap."""


class ProbedRow(msgspec.Struct, frozen=True):
    """A row of the data: its place there, its id, and the example made of it."""

    row: int
    id: str
    example: Any


class RowProbes(msgspec.Struct):
    """Everything that was tried on one row; None is what was not tried."""

    row: int
    id: str
    example: Any
    gold: Observed | None = None
    """Judged with the labels as the answer."""
    gold_again: Observed | None = None
    other: Observed | None = None
    """Judged with another row's labels as the answer."""
    relabeled: Observed | None = None
    """The answer of `gold`, judged against another row's labels."""
    empty: Observed | None = None
    """Judged with empty answers."""
    swapped: Observed | None = None
    """Example and answer changed places; tried where the metric raised."""
    real: Observed | None = None
    again: Observed | None = None
    traced: Observed | None = None
    named: dict[str, Observed] = {}
    """Asked about each predictor by name."""
    prediction: Answer | None = None

    def all(self) -> list[Observed]:
        labels = [self.gold, self.gold_again, self.other, self.relabeled, self.empty]
        tried = [*labels, self.real, self.again, self.traced]
        return [one for one in [*tried, *self.named.values()] if one is not None]


def probe_metric(
    metric: AdaptedMetric,
    rows: Sequence[ProbedRow],
    predictions: Sequence[Answer | None],
    predictors: Sequence[str],
    *,
    row_seconds: float,
    on_row: Callable[[int], None] = lambda row: None,
) -> list[RowProbes]:
    """Try everything on every row; ends early when a call hangs."""
    observer = Observer(metric, row_seconds=row_seconds)
    probed: list[RowProbes] = []
    asks_lm = False
    for position, (probed_row, prediction) in enumerate(zip(rows, predictions, strict=True)):
        if asks_lm and position >= LM_ROWS:
            break
        on_row(probed_row.row)
        probes = RowProbes(probed_row.row, probed_row.id, probed_row.example, prediction=prediction)
        probed.append(probes)
        other = _other_labels(rows, position)
        for try_one in (_try_labels, _try_answers):
            try_one(observer, probes, other, predictors)
            if any(one.hung for one in probes.all()):
                return probed
        asks_lm = asks_lm or any(one.lm_calls for one in probes.all())
    return probed


def _try_labels(
    observer: Observer, probes: RowProbes, other: dict[str, Any] | None, predictors: Sequence[str]
) -> None:
    example = probes.example
    labels = dict(example.labels().items())
    if not labels:
        return
    probes.gold = observer.call(_copy(example), dspy.Prediction(**_deep(labels)))
    if probes.gold.hung:
        return
    if probes.gold.verdict.score is None:
        probes.swapped = observer.call(dspy.Prediction(**_deep(labels)), _copy(example))
        return
    probes.gold_again = observer.call(_copy(example), dspy.Prediction(**_deep(labels)))
    probes.empty = observer.call(_copy(example), dspy.Prediction(**{k: _empty(v) for k, v in labels.items()}))
    if other is not None:
        probes.other = observer.call(_copy(example), dspy.Prediction(**_deep(other)))
        relabeled = _copy(example)
        for name, value in _deep(other).items():
            relabeled[name] = value
        probes.relabeled = observer.call(relabeled, dspy.Prediction(**_deep(labels)))


def _try_answers(
    observer: Observer, probes: RowProbes, other: dict[str, Any] | None, predictors: Sequence[str]
) -> None:
    prediction = probes.prediction
    if prediction is None or prediction.answer is None:
        return
    example = probes.example
    probes.real = observer.call(_copy(example), _copy(prediction.answer))
    if probes.real.hung:
        return
    probes.again = observer.call(_copy(example), _copy(prediction.answer))
    if "trace" in observer.metric.shape.takes:
        probes.traced = observer.call(_copy(example), _copy(prediction.answer), prediction.trace)
    if observer.metric.shape.takes & {"pred_name", "pred_trace"}:
        for name in predictors:
            steps = prediction.steps.get(name, [])[:1]
            probes.named[name] = observer.call(
                _copy(example), _copy(prediction.answer), prediction.trace, name, steps
            )


def _other_labels(rows: Sequence[ProbedRow], position: int) -> dict[str, Any] | None:
    """Labels of the next row that differ in every field where that is possible, else in any."""
    own = dict(rows[position].example.labels().items())
    following = [*rows[position + 1 :], *rows[:position]]
    others = [dict(row.example.labels().items()) for row in following]

    def differing(labels: dict[str, Any]) -> int:
        return sum(encode_json(labels.get(name)) != encode_json(value) for name, value in own.items())

    best = max(others, key=differing, default=None)
    return best if best is not None and differing(best) else None


def _empty(value: Any) -> Any:
    if isinstance(value, str):
        return ""
    return [] if isinstance(value, (list, tuple)) else None


def _copy(thing: Any) -> Any:
    """A deep copy of an example or answer, so that one probe cannot spoil the next."""
    try:
        return copy.deepcopy(thing)
    except Exception:  # noqa: BLE001  # some values cannot be copied; the same object then serves
        return thing


def _deep(labels: dict[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) for name, value in labels.items()}
