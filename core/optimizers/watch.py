"""Sees an optimizer's trials and candidates through dspy's public callbacks and the metric it is given."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import dspy
from dspy.utils.callback import BaseCallback

from ..errors import StopRun
from .base import CompileInputs, EvaluationKind, Observer, RowScore

Split = Literal["train", "val"]


class Devset(NamedTuple):
    """A list of examples, recognized as a part of the splits."""

    kind: EvaluationKind
    split: Split
    rows: list[int]


class Splits:
    """Finds the row number of an example object, by identity: optimizers hand the same objects around."""

    def __init__(self, trainset: Sequence[dspy.Example], valset: Sequence[dspy.Example]) -> None:
        self._rows: dict[Split, dict[int, int]] = {
            "val": {id(example): row for row, example in enumerate(valset)},
            "train": {id(example): row for row, example in enumerate(trainset)},
        }

    def size(self, split: Split) -> int:
        return len(self._rows[split])

    def row(self, split: Split, example: dspy.Example) -> int | None:
        return self._rows[split].get(id(example))

    def recognize(self, devset: Sequence[dspy.Example]) -> Devset:
        """Which rows these are; `full` only when every row of the split is there."""
        for split, rows in self._rows.items():
            found = [rows.get(id(example), -1) for example in devset]
            if -1 not in found:
                return Devset("full" if len(set(found)) == len(rows) else "minibatch", split, found)
        return Devset("minibatch", "train", list(range(len(devset))))


class Watch(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """What all optimizers have in common: the program that runs in this thread, and why a row errored.

    dspy swallows ordinary exceptions of callbacks: here they become log lines of level error.
    """

    def __init__(self, inputs: CompileInputs) -> None:
        self.inputs = inputs
        self.observer: Observer = inputs.observer
        self.splits = Splits(inputs.trainset, inputs.valset)
        self.lock = threading.RLock()
        self.names = [name for name, _ in inputs.student.named_predictors()]
        self._here = threading.local()
        self._failures: dict[tuple[Any, ...], str] = {}
        self._proposers: dict[str, Any] = {}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Everything dspy needs to find in its settings while an optimizer compiles."""
        inputs = self.inputs
        with dspy.context(
            lm=inputs.lms["student"],
            callbacks=[*dspy.settings.callbacks, self],
            num_threads=inputs.num_threads,
            max_errors=self.max_errors,
        ):
            try:
                yield
            finally:
                self.finish()

    def finish(self) -> None:
        """The optimizer is done, or stopped."""

    @property
    def max_errors(self) -> int:
        """dspy ends an evaluation at this many errors; the recipe's number is still allowed."""
        return self.inputs.max_errors + 1

    @contextlib.contextmanager
    def reported(self, what: str) -> Iterator[None]:
        """Turns an exception of the observer into a log line, because dspy would lose it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # told, not lost; StopRun is no Exception
            self.observer.log(f"could not record {what}: {type(error).__name__}: {error}", level="error")

    # The program that runs in this thread

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        here = self._here
        if getattr(here, "in_metric", False):
            return
        depth = getattr(here, "depth", 0)
        here.depth = depth + 1
        if depth == 0:
            here.root = instance
            here.key = _inputs_key(inputs.get("kwargs", inputs))
            with self.reported("a program run"):
                self.run_started(instance)
        if isinstance(instance, dspy.Predict) and self.proposes(instance):
            self._proposers[call_id] = instance

    def on_module_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        here = self._here
        if getattr(here, "in_metric", False):
            return
        here.depth = max(0, getattr(here, "depth", 1) - 1)
        if here.depth == 0 and isinstance(exception, Exception):
            self._failures[here.key] = describe_error(exception)
            with self.reported("a failed program run"):
                self.run_failed(here.root, describe_error(exception))
        proposer = self._proposers.pop(call_id, None)
        if proposer is not None and outputs is not None:
            with self.reported("a proposal"):
                self.proposed(outputs)

    @property
    def running(self) -> Any:
        """The program this thread ran last."""
        return getattr(self._here, "root", None)

    def run_started(self, program: Any) -> None:
        """A program begins on one example, in the thread of the call."""

    def run_failed(self, program: Any, error: str) -> None:
        """A program raised on one example."""

    def proposes(self, predictor: Any) -> bool:
        """Whether this predictor is one with which the optimizer writes prompts."""
        return False

    def proposed(self, outputs: Any) -> None:
        """What a proposing predictor answered."""

    def failure(self, example: dspy.Example) -> str | None:
        """Why the program or the metric raised on this example the last time, if it did."""
        return self._failures.get(_inputs_key(example.inputs()))

    # The metric

    def watch_metric(self, metric: Callable[..., Any]) -> Callable[..., Any]:
        """The same metric; its own LM calls are no program runs, and what it raises is remembered."""

        @functools.wraps(metric)
        def watched(example: dspy.Example, prediction: Any, *args: Any, **kwargs: Any) -> Any:
            self._here.in_metric = True
            try:
                result = metric(example, prediction, *args, **kwargs)
            except Exception as error:
                # Without an answer to judge, the program's own error is the reason.
                known = self.failure(example) if prediction is None else None
                text = known or f"metric: {describe_error(error)}"
                self._failures[_inputs_key(example.inputs())] = text
                with self.reported("an error of the metric"):
                    self.metric_failed(example, text)
                raise
            finally:
                self._here.in_metric = False
            with self.reported("a score"):
                self.scored(example, prediction, result)
            return result

        return watched

    def scored(self, example: dspy.Example, prediction: Any, result: Any) -> None:
        """The metric judged one answer."""

    def metric_failed(self, example: dspy.Example, error: str) -> None:
        """The metric raised on one answer."""

    def check_errors(self, rows: Sequence[RowScore], size: int) -> None:
        """End the run when one evaluation has more errored rows than the recipe allows.

        Optimizers take errors for zeros and go on: without this an outage would look like a bad candidate.
        """
        errored = [row for row in rows if row.score is None]
        if len(errored) > self.inputs.max_errors:
            raise StopRun(
                "failed",
                f"{len(errored)} of {size} examples errored in one evaluation "
                f"(allowed: {self.inputs.max_errors}); the first: {errored[0].error}",
            )


class Trials:
    """Numbers the trials of an optimizer that are one evaluation each, from 1."""

    def __init__(
        self,
        observer: Observer,
        *,
        total: int | None = None,
        note: Callable[[int], str] = lambda trial: "",
        eager: bool = False,
    ) -> None:
        self._observer = observer
        self._total = total
        self._note = note
        self._eager = eager
        self._number = 0
        self._open = False
        if eager:
            self.start()

    def start(self) -> None:
        """Begin the next trial, unless one is open already."""
        if self._open or (self._eager and self._total is not None and self._number >= self._total):
            return
        self._number += 1
        self._open = True
        self._observer.trial_started(self._number, total=self._total, note=self._note(self._number))

    def end(
        self,
        *,
        score: float | None = None,
        kind: EvaluationKind | None = None,
        candidate: str | None = None,
    ) -> None:
        """End the open trial; an eager one begins the next at once, because its preparation starts now."""
        self.close(score=score, kind=kind, candidate=candidate)
        if self._eager:
            self.start()

    def close(
        self,
        *,
        score: float | None = None,
        kind: EvaluationKind | None = None,
        candidate: str | None = None,
    ) -> None:
        """End the open trial, if there is one, and begin none."""
        if self._open:
            self._open = False
            self._observer.trial_ended(self._number, score=score, kind=kind, candidate=candidate)


class _Evaluation(NamedTuple):
    id: str
    candidate: str
    devset: Devset
    examples: Sequence[dspy.Example]


class EvaluationWatch(Watch):
    """For optimizers that score candidates with `dspy.Evaluate`; each evaluation is a trial."""

    def __init__(
        self,
        inputs: CompileInputs,
        trials: Trials | None = None,
        *,
        origin: str,
        proposal_field: str | None = None,
        proposal_component: Callable[[int], str] = lambda index: "",
    ) -> None:
        super().__init__(inputs)
        self.trials = trials
        self.origin = origin
        self._proposal_field = proposal_field
        self._proposal_component = proposal_component
        self._proposals = 0
        self._open: dict[str, _Evaluation] = {}

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        with self.reported("the start of an evaluation"):
            examples = inputs["devset"] if inputs.get("devset") is not None else instance.devset
            devset = self.splits.recognize(examples)
            if self.trials is not None:
                self.trials.start()
            candidate = self.note_candidate(inputs["program"], examples)
            evaluation = self.observer.evaluation_started(
                kind=devset.kind, size=len(devset.rows), candidate=candidate
            )
            self._open[call_id] = _Evaluation(evaluation, candidate, devset, examples)

    def on_evaluate_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        evaluation = self._open.pop(call_id, None)
        if evaluation is None:
            return
        if outputs is None:
            self._note_broken(evaluation, exception)
            return
        rows = [
            self._row(row, *result)
            for row, result in zip(evaluation.devset.rows, outputs.results, strict=True)
        ]
        score = mean_score(rows)
        with self.reported("the end of an evaluation"):
            self.observer.evaluation_ended(
                evaluation.id,
                score=score,
                split=evaluation.devset.split,
                rows=rows,
                candidate=evaluation.candidate,
            )
            self.evaluated(evaluation.candidate, score, evaluation.devset)
        self.check_errors(rows, len(rows))

    def evaluated(self, candidate: str, score: float | None, devset: Devset) -> None:
        """An evaluation is over and recorded."""
        if self.trials is not None:
            self.trials.end(score=score, kind=devset.kind, candidate=candidate)

    def finish(self) -> None:
        if self.trials is not None:
            self.trials.close()

    def note_candidate(self, program: dspy.Module, examples: Sequence[dspy.Example]) -> str:
        """The id of the program that is about to be scored."""
        return self.observer.candidate(program, origin=self.origin)

    def proposes(self, predictor: Any) -> bool:
        return self._proposal_field is not None and self._proposal_field in predictor.signature.output_fields

    def proposed(self, outputs: Any) -> None:
        for text in outputs.completions[self._proposal_field]:
            component = self._proposal_component(self._proposals)
            self._proposals += 1
            self.observer.proposal(component=component, text=str(text))

    def _note_broken(self, evaluation: _Evaluation, exception: BaseException | None) -> None:
        """dspy gave up on the evaluation; some optimizers would score it 0 and go on, so end the run."""
        with self.reported("a broken evaluation"):
            self.observer.evaluation_ended(
                evaluation.id, score=None, split=evaluation.devset.split, candidate=evaluation.candidate
            )
            if self.trials is not None:
                self.trials.end(candidate=evaluation.candidate)
        if isinstance(exception, Exception):
            reasons = [self.failure(example) for example in evaluation.examples]
            first = next((reason for reason in reasons if reason), describe_error(exception))
            raise StopRun(
                "failed",
                f"more than {self.inputs.max_errors} examples errored in one evaluation; the first: {first}",
            ) from exception

    def _row(self, row: int, example: dspy.Example, prediction: Any, score: Any) -> RowScore:
        # GEPA's traced evaluations pair the prediction with its trace, and a failed parse stands in for it.
        if isinstance(prediction, tuple):
            prediction = prediction[0]
        if type(prediction).__name__ == "FailedPrediction":
            return RowScore(row, None, f"the answer could not be read: {prediction.completion_text[:500]}")
        if isinstance(prediction, dspy.Prediction) and not prediction.keys():
            return RowScore(row, None, self.failure(example) or "the program or the metric raised")
        return RowScore(row, score_of(score))


def score_of(result: Any) -> float:
    """The number in what a metric gave: a number, a truth value, or a `dspy.Prediction` with a score."""
    return float(result.score if isinstance(result, dspy.Prediction) else result)


def mean_score(rows: Sequence[RowScore]) -> float | None:
    """The mean over rows that did not error; None when there is none."""
    scores = [row.score for row in rows if row.score is not None]
    return sum(scores) / len(scores) if scores else None


def describe_error(error: BaseException) -> str:
    """An exception in one line of at most 500 characters."""
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:500]


def _inputs_key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Recognizes an example by the identity of its input values, which programs get as they are."""
    return tuple(sorted((name, id(value)) for name, value in values.items()))
