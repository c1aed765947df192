"""Sees BootstrapFewShot, which evaluates nothing: each attempt of the teacher on an example is a trial."""

from __future__ import annotations

from typing import Any

import dspy

from .base import CompileInputs
from .watch import Watch, score_of


class BootstrapWatch(Watch):
    """Attempts run one after the other in one thread: a program run begins a trial, the metric ends it."""

    def __init__(self, inputs: CompileInputs, *, wanted: int, threshold: float | None) -> None:
        super().__init__(inputs)
        self._wanted = wanted
        self._threshold = threshold
        self._attempt = 0
        self._kept = 0

    def run_started(self, program: Any) -> None:
        self._attempt += 1
        self.observer.trial_started(
            self._attempt,
            note=f"attempt {self._attempt}: {self._kept} of {self._wanted} demonstrations found",
        )

    def run_failed(self, program: Any, error: str) -> None:
        self.observer.log(f"attempt {self._attempt} errored: {error}", level="warning")
        self.observer.trial_ended(self._attempt)

    def scored(self, example: dspy.Example, prediction: Any, result: Any) -> None:
        score = score_of(result)
        kept = score >= self._threshold if self._threshold else bool(score)
        self._kept += kept
        row = self.splits.row("train", example)
        verdict = "kept as a demonstration" if kept else "not right, left out"
        self.observer.log(f"attempt {self._attempt}: train row {row} {verdict}", level="debug")
        self.observer.trial_ended(self._attempt, score=score)

    def metric_failed(self, example: dspy.Example, error: str) -> None:
        self.observer.log(f"attempt {self._attempt} could not be judged: {error}", level="warning")
        self.observer.trial_ended(self._attempt)
