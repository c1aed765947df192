"""Measures the facts plans rest on, by running the program and parts of optimizers for real; worker only."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dspy
import msgspec
from dspy.utils.callback import BaseCallback

from .base import CompileInputs, Optimizer, RowScore, bootstrap_metric
from .facts import Facts, PredictorFacts, Reflection, Walk
from .plan import BootstrapSet
from .spec import Params, resolve_params
from .watch import Watch, score_of

_DIRECT = ""
_VAL_ROWS_FOR_REFLECTIONS = 8


class SilentObserver:
    """An observer for work that is no run."""

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None: ...

    def trial_ended(self, trial: int, **outcome: Any) -> None: ...

    def candidate(self, program: dspy.Module, *, parents: Sequence[str] = (), origin: str = "") -> str:
        return ""

    def evaluation_started(self, *, kind: str, size: int, candidate: str | None = None) -> str:
        return ""

    def evaluation_ended(
        self,
        evaluation: str,
        *,
        score: float | None,
        split: str,
        rows: Sequence[RowScore] = (),
        candidate: str | None = None,
    ) -> None: ...

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None: ...

    def pareto(self, fronts: Mapping[str, Sequence[str]]) -> None: ...

    def log(self, message: str, *, level: str = "info") -> None: ...


def measure_program(inputs: CompileInputs, *, test: int, rows: int = 20) -> Facts:
    """Sizes, LM calls per run and predictor, and how often the program is right as it is.

    Runs the program on the first `rows` rows of the val split (train, where there is none), one by one.
    """
    counter = _CallCounter({id(found): name for name, found in inputs.student.named_predictors()})
    judge = inputs.metric.for_evaluate()
    strict = inputs.metric.for_bootstrap()
    examples = (inputs.valset or inputs.trainset)[:rows]
    scores: list[float] = []
    right = errors = 0
    per_run: list[int] = []
    with dspy.context(lm=inputs.lms["student"], callbacks=[*dspy.settings.callbacks, counter], trace=[]):
        for example in examples:
            before = counter.calls.total()
            try:
                prediction = inputs.student(**example.inputs())
                per_run.append(counter.calls.total() - before)
                with counter.judging():
                    scores.append(score_of(judge(example, prediction)))
                    right += bool(strict(example, prediction, []))
            except Exception:  # noqa: BLE001  # counted: an error is a fact about the program
                errors += 1
    count = max(len(examples), 1)
    names = [name for name, _ in inputs.student.named_predictors()]
    runs = max(len(per_run), 1)
    mean = statistics.fmean(per_run) if per_run else 0.0
    return Facts(
        train=len(inputs.trainset),
        val=len(inputs.valset),
        test=test,
        predictors=tuple(
            PredictorFacts(name=name, calls=counter.calls[name] / runs if per_run else 1.0) for name in names
        ),
        direct_calls=counter.calls[_DIRECT] / runs,
        calls_spread=statistics.pstdev(per_run) / mean if mean else 0.0,
        success_rate=right / count,
        perfect_rate=sum(score >= 1.0 for score in scores) / count,
        judge_calls=counter.judge / max(2 * len(scores), 1),
        error_rate=errors / count,
        num_threads=inputs.num_threads,
        seed=inputs.seed,
    )


def probe_bootstraps(
    inputs: CompileInputs, bootstraps: Sequence[BootstrapSet], *, max_runs: int | None = None
) -> tuple[Walk, ...]:
    """Try bootstraps as the optimizer will, with dspy's own class, and note which attempts came out right.

    Stops after `max_runs` teacher runs in all; the last walk is then incomplete. `StopRun` gets through.
    """
    walks: dict[str, Walk] = {}
    left = max_runs
    for bootstrap in sorted(bootstraps, key=lambda one: -one.wanted):
        if bootstrap.key in walks or (left is not None and left <= 0):
            continue
        walk = _walk(inputs, bootstrap, left)
        walks[bootstrap.key] = walk
        if left is not None:
            left -= len(walk.outcomes)
    return tuple(walks.values())


def probe_reflections(
    optimizer: Optimizer, inputs: CompileInputs, params: Params, *, iterations: int = 12
) -> tuple[Reflection, ...]:
    """What became of the first iterations of real GEPA with these parameters: about so many, without merges.

    Candidates are scored on a few val rows only: whether one is accepted is decided on train rows.
    """
    val = inputs.valset[:_VAL_ROWS_FOR_REFLECTIONS]
    longest = 2 * params["reflection_minibatch_size"] + len(val)
    settings = {
        **params,
        "auto": None,
        "max_full_evals": None,
        "max_metric_calls": len(val) + iterations * longest,
        "use_merge": False,
    }
    observer = _Reflections()
    optimizer.compile(dataclasses.replace(inputs, params=settings, valset=val, observer=observer))
    return tuple(observer.outcomes)


def measure_facts(
    optimizer: Optimizer,
    inputs: CompileInputs,
    *,
    test: int,
    rows: int = 20,
    max_runs: int | None = None,
    thorough: bool = True,
) -> Facts:
    """Everything the plan of this optimizer with these parameters (`inputs.params`) can rest on.

    `max_runs` caps the teacher's runs over all bootstraps together. Without `thorough` the probes that only
    one optimizer needs are left out: they call expensive models.
    """
    facts = measure_program(inputs, test=test, rows=rows)
    params = resolve_params(optimizer.spec, inputs.params, facts).params
    bootstraps = optimizer.bootstraps(facts, params)
    facts = msgspec.structs.replace(facts, walks=probe_bootstraps(inputs, bootstraps, max_runs=max_runs))
    return optimizer.probe(inputs, params, facts) if thorough else facts


class _Enough(BaseException):
    """The probe may run no more; no Exception, so that dspy does not take it for a failed attempt."""


class _WalkWatch(Watch):
    def __init__(self, inputs: CompileInputs, threshold: float | None, most: int | None) -> None:
        super().__init__(inputs)
        self.outcomes: list[bool] = []
        self._threshold = threshold
        self._most = most

    def run_started(self, program: Any) -> None:
        if self._most is not None and len(self.outcomes) >= self._most:
            raise _Enough

    def run_failed(self, program: Any, error: str) -> None:
        self.outcomes.append(False)

    def metric_failed(self, example: dspy.Example, error: str) -> None:
        self.outcomes.append(False)

    def scored(self, example: dspy.Example, prediction: Any, result: Any) -> None:
        score = score_of(result)
        self.outcomes.append(score >= self._threshold if self._threshold else bool(score))


def _walk(inputs: CompileInputs, bootstrap: BootstrapSet, most: int | None) -> Walk:
    watch = _WalkWatch(inputs, bootstrap.threshold, most)
    params = {"metric_threshold": bootstrap.threshold}
    optimizer = dspy.BootstrapFewShot(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        teacher_settings={"lm": inputs.lms["teacher"]},
        max_bootstrapped_demos=bootstrap.wanted,
        max_labeled_demos=bootstrap.labeled,
        max_rounds=bootstrap.rounds,
        max_errors=len(bootstrap.order) * bootstrap.rounds + 1,
        metric_threshold=bootstrap.threshold,
    )
    complete = True
    with watch.installed():
        try:
            optimizer.compile(inputs.student, trainset=[inputs.trainset[row] for row in bootstrap.order])
        except _Enough:
            complete = False
    return Walk(bootstrap.key, tuple(watch.outcomes), complete)


class _Reflections(SilentObserver):
    """Tells iterations apart by whether they made proposals, and what became of them."""

    def __init__(self) -> None:
        self.outcomes: list[Reflection] = []
        self._outcome: Reflection = "skipped"

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None:
        self._outcome = "skipped"

    def trial_ended(self, trial: int, **outcome: Any) -> None:
        if trial > 0:
            self.outcomes.append(self._outcome)

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None:
        self._outcome = "accepted" if accepted else "rejected"


class _CallCounter(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """LM calls by the predictor that made them; those of the metric apart."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.calls: Counter[str] = Counter()
        self.judge = 0
        self._names = names
        self._stack: list[str] = []
        self._open: dict[str, str] = {}
        self._judging = False

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """LM calls in here are the metric's."""
        self._judging = True
        try:
            yield
        finally:
            self._judging = False

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        name = self._names.get(id(instance))
        if name is not None:
            self._stack.append(name)
            self._open[call_id] = name

    def on_module_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        if call_id in self._open:
            self._stack.remove(self._open.pop(call_id))

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if self._judging:
            self.judge += 1
        else:
            self.calls[self._stack[-1] if self._stack else _DIRECT] += 1
