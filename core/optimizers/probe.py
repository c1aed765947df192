"""Measures the facts plans rest on, by running parts of optimizers for real; worker only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import dspy
import msgspec
from dspy.utils.callback import BaseCallback

from .base import CompileInputs, Optimizer, RowScore, bootstrap_metric
from .facts import Facts, Reflection, Texts, Walk, fit_growth
from .plan import BootstrapSet
from .probe_program import measure_program
from .spec import Params, resolve_params
from .watch import Watch, score_of

_VAL_ROWS_FOR_REFLECTIONS = 24


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


@dataclasses.dataclass
class TextProbe:
    """What an optimizer has written and asked."""

    texts: Texts
    new_share: float | None
    """Part of the student's requests that were new; None where there were none."""
    written: list[tuple[str, str]]
    """(component, text) in order."""


def probe_texts(
    optimizer: Optimizer,
    inputs: CompileInputs,
    settings: Mapping[str, Any],
    *,
    train: int | None = None,
    val: int | None = None,
    drop_first: bool = False,
) -> TextProbe:
    """What the optimizer has written when it really runs, with these settings and on few rows.

    The calls of its proposer are those of a whole run, as far as the settings say so; the tokens are in the
    ledger. `drop_first`: the optimizer does not use the first text for each predictor.
    """
    observer = _Proposals(drop_first)
    few = dataclasses.replace(
        inputs,
        params=dict(settings),
        trainset=inputs.trainset[:train],
        valset=inputs.valset[:val],
        observer=observer,
    )
    counter = _Requests(inputs.lms["student"])
    with dspy.context(callbacks=[*dspy.settings.callbacks, counter]):
        optimizer.compile(few)
    # Tried, and nothing was written: that is known, too.
    summary = fit_growth([("", text) for _, text in observer.written], grows=False) or Texts(0, 0, 0.0)
    return TextProbe(summary, counter.new / counter.asked if counter.asked else None, observer.written)


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


@dataclasses.dataclass
class ReflectionProbe:
    """What the first iterations of GEPA did."""

    outcomes: tuple[Reflection, ...]
    texts: Texts | None
    val: int
    """Val rows that accepted programs were scored on."""
    new_runs: float
    """Program runs' worth of requests that none before them had asked."""


def probe_reflections(
    optimizer: Optimizer, inputs: CompileInputs, params: Params, *, calls_per_run: float, iterations: int = 12
) -> ReflectionProbe:
    """What became of the first iterations of real GEPA with these parameters: about so many, without merges;
    and what was written in them.

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
    counter = _Requests(inputs.lms["student"])
    with dspy.context(callbacks=[*dspy.settings.callbacks, counter]):
        optimizer.compile(dataclasses.replace(inputs, params=settings, valset=val, observer=observer))
    return ReflectionProbe(
        tuple(observer.outcomes), fit_growth(observer.texts), len(val), counter.new / calls_per_run
    )


def measure_facts(
    optimizer: Optimizer,
    inputs: CompileInputs,
    *,
    test: int,
    rows: int = 20,
    max_runs: int | None = None,
    thorough: bool = True,
    known: Facts | None = None,
) -> Facts:
    """Everything the plan of this optimizer with these parameters (`inputs.params`) can rest on.

    `max_runs` caps the teacher's runs over all bootstraps together. Without `thorough` the probes that only
    one optimizer needs are left out: they call expensive models. `known` are facts of the program that were
    measured before.
    """
    facts = known or measure_program(inputs, test=test, rows=rows)
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


class _Proposals(SilentObserver):
    """Keeps what was proposed."""

    def __init__(self, drop_first: bool) -> None:
        self.written: list[tuple[str, str]] = []
        self._components: set[str] = set()
        self._drop_first = drop_first

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None:
        is_first = component not in self._components
        self._components.add(component)
        if not (is_first and self._drop_first):
            # COPRO strips what it is given; what then prints the same is the same prompt.
            self.written.append((component, text.strip('"').strip()))


class _Reflections(SilentObserver):
    """Tells iterations apart by whether they made proposals, and what became of them."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
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
        self.texts.append((component, text))
        self._outcome = "accepted" if accepted else "rejected"


class _Requests(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """How many requests a model gets, and how many of them it has not had before."""

    def __init__(self, lm: dspy.LM) -> None:
        self.asked = 0
        self._lm = lm
        self._seen: set[int] = set()

    @property
    def new(self) -> int:
        return len(self._seen)

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if instance is self._lm:
            self.asked += 1
            self._seen.add(hash(repr(sorted(inputs.items()))))
