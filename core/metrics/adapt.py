"""One metric, any shape, for every optimizer: called the way it wants, answering the way each wants."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MetricError
from ..programs.frames import describe_exception, find_user_frame, format_user_traceback
from ..programs.load import load_attribute
from ..recipe import MetricSpec
from .feedback import compare_fields, guess_feedback
from .shape import Part, Shape, callee, read_shape
from .verdict import ShapeProblem, Verdict, read_result

if TYPE_CHECKING:
    import dspy

BUILTIN = "builtin:"
OnCall = Callable[[Verdict, Any, Any, int], None]
"""Is told every verdict, with the example, the prediction and the thread's id; called in that thread."""


def load_metric(spec: MetricSpec, root: Path) -> AdaptedMetric:
    """The recipe's metric, ready for every optimizer. Only for child processes.

    Raises `MetricError` with the user's file and line: not found, raises on import, cannot be called with an
    example and a prediction, needs arguments that are not in `params`.
    """
    if spec.target.startswith(BUILTIN):
        from .builtin.registry import make_builtin

        return AdaptedMetric(make_builtin(spec.target.removeprefix(BUILTIN), spec.params, root), spec, root)
    found = load_attribute(spec.target, root, error=MetricError, what="metric")
    if isinstance(found, type):
        return AdaptedMetric(_make_instance(found, spec, root), spec, root)
    if not callable(found):
        raise MetricError(
            f"'{spec.target}' cannot be called: it is of type {type(found).__name__}.",
            where=spec.target,
            fix="name a function metric(example, pred, trace=None)",
        )
    if spec.params:
        _check_params(found, spec)
        found = partial(found, **spec.params)
    return AdaptedMetric(found, spec, root)


class AdaptedMetric:
    """A metric that takes (example, pred, trace, pred_name, pred_trace) and always answers with a `Verdict`.

    Set by whoever runs it: `judge_lm`, the LM for calls made inside the metric; `on_call`.
    """

    def __init__(self, function: Callable[..., Any], spec: MetricSpec, root: Path) -> None:
        self.function = function
        self.spec = spec
        self.root = root
        bound = frozenset(spec.params) if isinstance(function, partial) else frozenset[str]()
        self.shape: Shape = read_shape(function, where=spec.target, bound=bound)
        self.judge_lm: dspy.LM | None = None
        self.on_call: OnCall | None = None
        self.protect = True
        """Hand out copies: a metric that changes its example would otherwise change the data set."""
        self._gave_feedback: bool | None = None
        self._guess: bool | None = None

    @property
    def threshold(self) -> float:
        """The score from which an answer counts as right when demonstrations are bootstrapped."""
        return 1.0 if self.spec.threshold is None else self.spec.threshold

    @property
    def has_feedback(self) -> bool:
        """Whether it says in words what was wrong: as seen so far, or else as its source suggests."""
        if self._gave_feedback is not None:
            return self._gave_feedback
        if self._guess is None:
            self._guess = guess_feedback(self.function)
        return self._guess

    def __call__(
        self,
        example: dspy.Example,
        pred: Any,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
        program_trace: Any = None,
    ) -> Verdict:
        """Judge one answer. What the metric raises becomes an errored verdict; only `StopRun` passes."""
        given: dict[Part, Any] = {
            "example": _copied(example) if self.protect else example,
            "pred": pred,
            "trace": trace,
            "pred_name": pred_name,
            "pred_trace": pred_trace,
            "program_trace": program_trace,
        }
        started = time.perf_counter()
        verdict = self._judge(given, started)
        if self.on_call is not None:
            self.on_call(verdict, example, pred, threading.get_ident())
        return verdict

    def for_evaluate(self) -> Callable[..., float]:
        """For `dspy.Evaluate`: (example, pred, trace=None) → score; an errored row raises `MetricError`."""

        def metric(example: dspy.Example, pred: Any, trace: Any = None) -> float:
            return self._score(self(example, pred, trace))

        self._name(metric)
        return metric

    def for_bootstrap(self) -> Callable[..., float | bool]:
        """For optimizers that bootstrap: right or not (by the threshold) when given a trace, else the score.

        The metric sees the trace as well and may be strict itself.
        """

        def metric(example: dspy.Example, pred: Any, trace: Any = None) -> float | bool:
            score = self._score(self(example, pred, trace))
            return score if trace is None else score >= self.threshold - 1e-9

        self._name(metric)
        return metric

    def for_gepa(self) -> Callable[..., dspy.Prediction]:
        """For GEPA: five arguments → `dspy.Prediction(score, feedback)`; sub-scores become its objectives.

        Where the metric gives no feedback, expected and got are told per label field; only of the fields that
        the named predictor answers, when GEPA asks for one predictor.
        """
        import dspy

        def metric(
            gold: dspy.Example,
            pred: Any,
            trace: Any = None,
            pred_name: str | None = None,
            pred_trace: Any = None,
        ) -> dspy.Prediction:
            verdict = self(gold, pred, trace, pred_name, pred_trace)
            score = self._score(verdict)
            feedback = verdict.feedback or compare_fields(gold, pred, pred_trace)
            judged = dspy.Prediction(score=score, feedback=feedback)
            if verdict.subscores:
                judged.objective_scores = dict(verdict.subscores)
            return judged

        self._name(metric)
        return metric

    def _name(self, metric: Callable[..., Any]) -> None:
        """Let dspy's logs and tables show the name that the person gave it."""
        metric.__name__ = self.spec.target.rpartition(":")[2].rpartition(".")[2] or "metric"

    def _score(self, verdict: Verdict) -> float:
        if verdict.score is None:
            raise MetricError(verdict.error or "the metric gave no score", where=verdict.where or "")
        return verdict.score

    def _judge(self, given: dict[Part, Any], started: float) -> Verdict:
        if given["pred"] is None:
            return Verdict(None, error="there is no answer to judge: the program raised on this example")
        try:
            with self._judging():
                result = self._call(given)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # kept in the verdict
            frame = find_user_frame(error, self.root)
            return Verdict(
                None,
                error=describe_exception(error),
                pred_name=given["pred_name"],
                where=str(frame) if frame else getattr(error, "where", None),
                traceback=format_user_traceback(error, self.root),
                seconds=time.perf_counter() - started,
            )
        seconds = time.perf_counter() - started
        shape, name = type(result).__name__, given["pred_name"]
        try:
            read = read_result(result, self.spec.weights)
        except ShapeProblem as problem:
            return Verdict(
                None, error=str(problem), where=self.spec.target, shape=shape, seconds=seconds, pred_name=name
            )
        if read.feedback:
            self._gave_feedback = True
        elif self._gave_feedback is None and name is not None:
            self._gave_feedback = False
        return Verdict(
            read.score, read.feedback, read.subscores, shape=shape, seconds=seconds, pred_name=name
        )

    def _judging(self) -> AbstractContextManager[Any]:
        if self.judge_lm is None:
            return nullcontext()
        import dspy

        return dspy.context(lm=self.judge_lm)  # type: ignore[no-any-return]

    def _call(self, given: dict[Part, Any]) -> Any:
        arguments, keywords = self.shape.arrange(given)
        result = self.function(*arguments, **keywords)
        return run_awaitable(result) if inspect.isawaitable(result) else result


def run_awaitable(awaitable: Awaitable[Any]) -> Any:
    """Wait for an async metric, also from a thread whose own event loop is running."""

    async def wait() -> Any:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    outcome: list[Any] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.append((True, context.run(asyncio.run, wait())))
        except BaseException as error:  # noqa: BLE001  # carried over to the waiting thread
            outcome.append((False, error))

    thread = threading.Thread(target=run, name="async metric")
    thread.start()
    thread.join()
    fine, value = outcome[0]
    if not fine:
        raise value
    return value


def _copied(example: Any) -> Any:
    import dspy

    return example.copy() if type(example) is dspy.Example else example


def _make_instance(cls: type[Any], spec: MetricSpec, root: Path) -> Any:
    try:
        instance = cls(**spec.params)
    except (Exception, SystemExit) as error:
        raise MetricError(
            f"The metric class '{spec.target}' cannot be made: {describe_exception(error)}.",
            where=str(find_user_frame(error, root) or spec.target),
            fix="give its arguments defaults, or set them under [metric] params in compilot.toml",
        ) from error
    if not callable(instance):
        raise MetricError(
            f"The metric class '{spec.target}' cannot be called.",
            where=spec.target,
            fix="give it a method __call__(self, example, pred, trace=None)",
        )
    return instance


def _check_params(function: Any, spec: MetricSpec) -> None:
    try:
        inspect.signature(callee(function)).bind_partial(**spec.params)
    except ValueError:
        return
    except TypeError as error:
        raise MetricError(
            f"The metric '{spec.target}' does not take these params: {error}.",
            where="compilot.toml [metric] params",
            fix="remove them, or add the arguments to the metric",
        ) from error
