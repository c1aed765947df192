"""What an optimizer module declares, and what it is handed when it compiles."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from ..errors import OptimizerError
from ..recipe import Role
from .facts import Facts, PredictorFacts
from .plan import BootstrapSet, Plan, Work, plan_run
from .spec import Params, Spec, check_needs, resolve_params

if TYPE_CHECKING:
    import dspy

    from ..metrics.adapt import AdaptedMetric

EvaluationKind = Literal["minibatch", "full"]


class RowScore(msgspec.Struct, frozen=True):
    """One example's result inside an evaluation. `row` is the example's index in its split."""

    row: int
    score: float | None
    """From 0 to 1; None when the example errored."""
    error: str | None = None


class Observer(Protocol):
    """Where an optimizer's trials and candidates are told while it compiles. Thread-safe."""

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None:
        """`fraction` of the optimizer's own budget used so far, where it has one instead of a total."""
        ...

    def trial_ended(
        self,
        trial: int,
        *,
        score: float | None = None,
        kind: EvaluationKind | None = None,
        candidate: str | None = None,
    ) -> None: ...

    def candidate(self, program: dspy.Module, *, parents: Sequence[str] = (), origin: str = "") -> str:
        """Note a distinct program state; gives its id (from the state's content). Repeats cost nothing."""
        ...

    def evaluation_started(self, *, kind: EvaluationKind, size: int, candidate: str | None = None) -> str:
        """Gives an evaluation id for `evaluation_ended`."""
        ...

    def evaluation_ended(
        self,
        evaluation: str,
        *,
        score: float | None,
        split: Literal["train", "val"],
        rows: Sequence[RowScore] = (),
        candidate: str | None = None,
    ) -> None:
        """A candidate's score, from 0 to 1 over rows that did not error; on disk before this returns."""
        ...

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None: ...

    def pareto(self, fronts: Mapping[str, Sequence[str]]) -> None:
        """Candidate ids on the Pareto front, by row or objective."""
        ...

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None: ...


@dataclass
class CompileInputs:
    """Everything one compile needs, already loaded and metered."""

    student: dspy.Module
    trainset: list[dspy.Example]
    valset: list[dspy.Example]
    metric: AdaptedMetric
    lms: Mapping[Role, dspy.LM]
    """All roles present; a role without a profile of its own shares the nearest one's model."""
    params: Mapping[str, Any]
    """Validated against the optimizer's declaration."""
    seed: int
    num_threads: int
    max_errors: int
    observer: Observer
    workspace: Path
    scratch: Path
    """A folder of this attempt alone, for optimizers that write logs."""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimizer:
    """One DSPy optimizer: its declaration, how it is built and run, and what it will cost."""

    spec: Spec
    build: Callable[[CompileInputs, Params], dspy.Module]
    """Builds the DSPy class and compiles under watch; imports dspy, so only a worker calls it."""
    work: Callable[[Facts, Params], Work]
    """What `compile` will ask of the models, from measured facts alone."""
    probe: Callable[[CompileInputs, Params, Facts], Facts] = field(
        default=lambda inputs, params, facts: facts
    )
    """Measures what only this optimizer's plan rests on, by real runs; worker only."""
    make_shell: Callable[[CompileInputs, Params], dspy.Module] = field(
        default=lambda inputs, params: inputs.student.deepcopy()
    )
    """The program a saved state is loaded into; makes no LM call."""

    def compile(self, inputs: CompileInputs) -> dspy.Module:
        """The optimized program as DSPy returns it; trials and candidates go to `inputs.observer`.

        Takes parameters as the person set them or already resolved. Raises `OptimizerError` for parameters
        that do not fit, and lets `StopRun` through.
        """
        params = self._settle(inputs)
        program = self.build(inputs, params)
        inputs.observer.candidate(program, origin=f"returned by {self.spec.name}")
        return program

    def plan(self, facts: Facts, params: Params) -> Plan:
        """LM calls of a whole run by role, low / expected / high; no dspy, no call, no clock.

        Raises `OptimizerError` for parameters that do not fit and for facts that were never measured.
        """
        facts.check_measured()
        return plan_run(self.work(facts, resolve_params(self.spec, params, facts).params), facts)

    def bootstraps(self, facts: Facts, params: Params) -> tuple[BootstrapSet, ...]:
        """The bootstraps `compile` will make: worth probing before `plan` where calls are free or few."""
        return self.work(facts, resolve_params(self.spec, params, facts).params).bootstraps

    def shell(self, inputs: CompileInputs) -> dspy.Module:
        """The program that a state saved from `compile` is loaded into; makes no LM call."""
        return self.make_shell(inputs, self._settle(inputs))

    def _settle(self, inputs: CompileInputs) -> Params:
        facts = data_facts(inputs)
        check_needs(self.spec, facts)
        resolved = resolve_params(self.spec, inputs.params, facts)
        for note in resolved.notes:
            inputs.observer.log(note)
        return resolved.params


def data_facts(inputs: CompileInputs) -> Facts:
    """The facts that defaults and conflicts look at, from the loaded inputs."""
    return Facts(
        train=len(inputs.trainset),
        val=len(inputs.valset),
        predictors=tuple(PredictorFacts(name=name) for name, _ in inputs.student.named_predictors()),
        num_threads=inputs.num_threads,
    )


def order_by_seed(rows: Sequence[Any], seed: int) -> list[Any]:
    """The rows in an order of the seed; seed 0 keeps the order they came in.

    DSPy's few-shot optimizers draw with fixed seeds of their own: the order of the rows is the public way to
    make another run with other draws.
    """
    ordered = list(rows)
    if seed:
        random.Random(seed).shuffle(ordered)
    return ordered


def bootstrap_metric(inputs: CompileInputs, params: Params) -> Callable[..., Any]:
    """The metric for optimizers that bootstrap demonstrations.

    With `metric_threshold` dspy compares the plain score itself; otherwise the metric says what counts as
    right.
    """
    if params.get("metric_threshold") is not None:
        compared: Callable[..., Any] = inputs.metric.for_evaluate()
        return compared
    strict: Callable[..., Any] = inputs.metric.for_bootstrap()
    return strict


def load_code(inputs: CompileInputs, parameter: str, target: str) -> Any:
    """The workspace's own code that a parameter names as `file.py:attr`; raises `OptimizerError`."""
    from ..programs.load import load_attribute

    return load_attribute(
        target, inputs.workspace, error=OptimizerError, what=f"optimizer.params.{parameter}"
    )
