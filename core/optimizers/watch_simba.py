"""Sees SIMBA, which runs programs itself and evaluates nothing by dspy's callbacks.

Its metric is called in the thread that just ran a program, so the module callback tells whose answer it was.
"""

from __future__ import annotations

from typing import Any

import dspy

from .base import CompileInputs, EvaluationKind, RowScore
from .watch import Watch, mean_score, score_of


class _Runs:
    """The scores one program object has collected so far."""

    def __init__(self, program: Any) -> None:
        self.program = program  # kept, so that its id is not given to another object
        self.rows: list[RowScore] = []
        self.candidate = ""
        self.evaluation = ""
        self.closed = False


class SimbaWatch(Watch):
    """A step is a trial: sampled answers (programs mixed, temperature 1), then each new program on the
    minibatch.

    A sampled run is known by the rollout id that SIMBA gives to its copy's LM. After the last step the
    winners run on the whole train split; the first row outside the last minibatch shows that this has begun.
    """

    def __init__(self, inputs: CompileInputs, *, batch_size: int, samples: int, steps: int) -> None:
        super().__init__(inputs)
        self._batch_size = batch_size
        self._samples = samples
        self._steps = steps
        self._step = 0
        self._step_open = False
        self._sampled: list[RowScore] = []
        self._sampling = ""
        self._batch: set[int] = set()
        self._runs: dict[int, _Runs] = {}
        self._ids_by_index: dict[int, str] = {}
        self._best: tuple[float, str] | None = None
        self._final = False

    def scored(self, example: dspy.Example, prediction: Any, result: Any) -> None:
        failure = self.failure(example) or "the program raised" if prediction is None else None
        self._note_run(example, None if failure else score_of(result), failure)

    def metric_failed(self, example: dspy.Example, error: str) -> None:
        self._note_run(example, None, error)

    def proposes(self, predictor: Any) -> bool:
        return "module_advice" in predictor.signature.output_fields

    def proposed(self, outputs: Any) -> None:
        for component, text in dict(outputs.module_advice).items():
            if text:
                self.observer.proposal(
                    component=component, text=str(text), reason="advice from a good and a bad answer"
                )

    def finish(self) -> None:
        with self.lock:
            self._end_step()

    def _note_run(self, example: dspy.Example, score: float | None, error: str | None) -> None:
        program = self.running
        row = self.splits.row("train", example)
        if program is None or row is None:
            return
        note = RowScore(row, score, error)
        with self.lock:
            if _is_sample(program):
                self._note_sample(note)
            else:
                self._note_evaluation(program, note)

    def _note_sample(self, note: RowScore) -> None:
        expected = self._batch_size * self._samples
        if not self._step_open or len(self._sampled) == expected:
            self._begin_step()
        self._sampled.append(note)
        self._batch.add(note.row)
        if len(self._sampled) == expected:
            self.observer.evaluation_ended(
                self._sampling, score=mean_score(self._sampled), split="train", rows=self._sampled
            )

    def _begin_step(self) -> None:
        self._end_step()
        self._step += 1
        self._step_open = True
        self._sampled, self._batch, self._best = [], set(), None
        # New programs get their number in SIMBA's pool only after the step that made them.
        for runs in self._runs.values():
            self._ids_by_index[runs.program.simba_idx] = runs.candidate
        self._runs = {}
        if self._step == 1:
            self._ids_by_index[0] = self.observer.candidate(
                self.inputs.student, origin="the program as it is"
            )
        self.observer.trial_started(self._step, total=self._steps, note=f"step {self._step} of {self._steps}")
        self._sampling = self.observer.evaluation_started(
            kind="minibatch", size=self._batch_size * self._samples
        )

    def _end_step(self) -> None:
        if self._step_open:
            self._step_open = False
            score, candidate = self._best or (None, None)
            self.observer.trial_ended(
                self._step, score=score, kind="minibatch" if candidate else None, candidate=candidate
            )

    def _note_evaluation(self, program: Any, note: RowScore) -> None:
        if self._step == self._steps and note.row not in self._batch and not self._final:
            self._begin_final()
        runs = self._runs.setdefault(id(program), _Runs(program))
        if runs.closed and not self._final:
            # The same object runs on: these rows are the final evaluation of the whole train split.
            self._begin_final()
            runs = self._runs.setdefault(id(program), _Runs(program))
        if runs.closed:
            return
        runs.rows.append(note)
        if not runs.evaluation and (self._final or self._step < self._steps):
            self._start(runs)
        if len(runs.rows) == self._size:
            self._end(runs)

    @property
    def _size(self) -> int:
        return self.splits.size("train") if self._final else self._batch_size

    def _begin_final(self) -> None:
        self._end_step()
        self._final = True
        self._runs = {key: runs for key, runs in self._runs.items() if not runs.closed}

    def _start(self, runs: _Runs) -> None:
        index = getattr(runs.program, "simba_idx", None)
        parent = None if self._final or index is None else self._ids_by_index.get(index)
        origin = "SIMBA: scored on the whole train split" if self._final else f"SIMBA step {self._step}"
        runs.candidate = self.observer.candidate(
            runs.program, parents=[parent] if parent else [], origin=origin
        )
        runs.evaluation = self.observer.evaluation_started(
            kind=self._kind, size=self._size, candidate=runs.candidate
        )

    @property
    def _kind(self) -> EvaluationKind:
        return "full" if self._size == self.splits.size("train") else "minibatch"

    def _end(self, runs: _Runs) -> None:
        if not runs.evaluation:
            self._start(runs)
        runs.closed = True
        score = mean_score(runs.rows)
        self.observer.evaluation_ended(
            runs.evaluation, score=score, split="train", rows=runs.rows, candidate=runs.candidate
        )
        if not self._final and score is not None and (self._best is None or score > self._best[0]):
            self._best = (score, runs.candidate)
        self.check_errors(runs.rows, len(runs.rows))


def _is_sample(program: Any) -> bool:
    """Whether SIMBA made this copy for one sampled answer: its predictors hold an LM with a rollout id."""
    lms = [predictor.lm for predictor in program.predictors()]
    return bool(lms) and all(lm is not None and "rollout_id" in lm.kwargs for lm in lms)
