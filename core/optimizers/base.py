"""What an optimizer module declares, and what it is handed when it compiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from ..recipe import Role

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

    def trial_started(self, trial: int, *, total: int | None = None, note: str = "") -> None: ...

    def trial_ended(
        self, trial: int, *, score: float | None = None, kind: EvaluationKind | None = None, candidate: str | None = None
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
        """A score of a candidate, on disk before this returns. Score from 0 to 1 over rows that did not error."""
        ...

    def proposal(
        self, *, component: str, text: str, accepted: bool | None = None, reason: str = "", parent: str | None = None
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
