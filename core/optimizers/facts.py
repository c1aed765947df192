"""What is measured once about a program, its data, its metric and its models; plans are arithmetic on it."""

from __future__ import annotations

import msgspec


class PredictorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One predictor of the program."""

    name: str
    calls: float = 1.0
    """LM calls of this predictor in one program run (more than 1 in loops)."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Measured facts; None means nobody measured it yet."""

    train: int | None = None
    val: int | None = None
    test: int | None = None
    predictors: tuple[PredictorFacts, ...] = ()
    success_rate: float | None = None
    """Part of the rows that reach the metric's threshold with the unoptimized program, 0 to 1."""
    perfect_rate: float | None = None
    """Part of the rows with a score of 1 with the unoptimized program, 0 to 1."""
    feedback: bool | None = None
    """Whether the metric says in words what was wrong."""
    judge_calls: float = 0.0
    """LM calls the metric itself makes each time it is called."""
    retry_rate: float = 0.0
    """Extra LM calls per call, made because an answer did not parse in the first format."""
    error_rate: float = 0.0
    """Part of the program runs that end with an error."""
    num_threads: int = 8

    @property
    def calls_per_run(self) -> float | None:
        """LM calls the program asks for in one run, repeats after unreadable answers included."""
        if not self.predictors:
            return None
        return sum(predictor.calls for predictor in self.predictors) * (1.0 + self.retry_rate)
