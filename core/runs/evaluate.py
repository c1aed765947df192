"""Scores a program over a split with dspy's own Evaluate, keeping every row and never hiding an error."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy

from ..jsonable import to_json
from ..programs.frames import find_user_frame
from ..wording import plural
from .failures import Broken, TooManyErrors, who_broke
from .rows import RowResult, mean_score

if TYPE_CHECKING:
    from ..metrics.adapt import AdaptedMetric
    from ..metrics.verdict import Verdict

Finished = Callable[[RowResult], None]


@dataclass(frozen=True)
class Evaluation:
    """The rows of one full evaluation, and their mean."""

    rows: list[RowResult]

    @property
    def score(self) -> float | None:
        return mean_score(self.rows)

    @property
    def errors(self) -> int:
        return sum(row.score is None for row in self.rows)


class _Failed:
    """Stands in for the prediction of a program that raised, so that the row is kept."""

    def __init__(self, error: BaseException, root: Path) -> None:
        self.error = describe_exception(error)
        self.broken = who_broke(error)
        self.where = str(find_user_frame(error, root) or "")


def evaluate_program(
    program: dspy.Module,
    examples: Sequence[dspy.Example],
    metric: AdaptedMetric,
    *,
    num_threads: int,
    max_errors: int,
    on_row: Finished | None = None,
) -> Evaluation:
    """Run the program on every example and score it.

    An example whose program or metric raised has no score; it is counted apart and left out of the mean.
    Raises `TooManyErrors` once more than `max_errors` examples errored.
    """
    index = {id(example): row for row, example in enumerate(examples)}
    results: dict[int, RowResult] = {}
    failures = 0
    lock = threading.Lock()

    def run(**inputs: Any) -> Any:
        try:
            return program(**inputs)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever user code raises belongs to this row
            return _Failed(error, metric.root)

    def score(example: dspy.Example, prediction: Any, *_: Any) -> float:
        nonlocal failures
        row = index[id(example)]
        broken: Broken = "metric"
        if isinstance(prediction, _Failed):
            broken, where = prediction.broken, prediction.where
            result = row_result(row, example, {}, error=prediction.error)
        else:
            verdict = metric(example, prediction)
            where = verdict.where or metric.spec.target
            result = verdict_row(row, example, prediction, verdict)
        with lock:
            results[row] = result
            failures += result.score is None
            too_many = failures > max_errors
        if on_row is not None:
            on_row(result)
        if too_many:
            raise TooManyErrors(
                f"{plural(failures, 'example')} errored in one evaluation, more than "
                f"run.max_errors = {max_errors}; the last: row {row}: {first_line(result.error)}",
                broken,
                where,
            )
        return result.score or 0.0

    evaluate = dspy.Evaluate(
        devset=list(examples),
        metric=score,
        num_threads=num_threads,
        display_progress=False,
        max_errors=len(examples) + 1,
    )
    evaluate(run)
    for row, example in enumerate(examples):
        if row not in results:
            results[row] = row_result(row, example, {}, error="the example gave no result")
    return Evaluation([results[row] for row in range(len(examples))])


def verdict_row(row: int, example: dspy.Example, prediction: Any, verdict: Verdict) -> RowResult:
    return RowResult(
        row=row,
        score=verdict.score,
        subscores=dict(verdict.subscores),
        feedback=verdict.feedback,
        error=verdict.error,
        inputs=to_json(dict(example.inputs())),
        labels=to_json(dict(example.labels())),
        prediction=_fields(prediction),
    )


def row_result(
    row: int, example: dspy.Example, prediction: Mapping[str, Any], *, error: str | None
) -> RowResult:
    return RowResult(
        row=row,
        error=error,
        inputs=to_json(dict(example.inputs())),
        labels=to_json(dict(example.labels())),
        prediction=dict(prediction),
    )


def _fields(prediction: Any) -> dict[str, Any]:
    if isinstance(prediction, (dspy.Prediction, dspy.Example)):
        fields: dict[str, Any] = to_json(dict(prediction.items()))
        return fields
    return {"value": to_json(prediction)}


def describe_exception(error: BaseException) -> str:
    """Type and message first, then the traceback for the log."""
    head = traceback.format_exception_only(error)[-1].strip()
    return head + "\n" + "".join(traceback.format_exception(error))


def first_line(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]
