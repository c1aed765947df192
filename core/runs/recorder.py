"""Writes down what an optimizer does: candidates, scores and trials, on disk the moment they are known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import orjson

from ..optimizers.base import EvaluationKind, RowScore
from ..programs.state import dump_state, state_id
from ..store.atomic import write_atomic
from . import events as ev
from .best import Scored, ScoreKey, choose_best
from .events import EventLog
from .folder import RunFolder
from .rows import RowResult, ordered_rows

if TYPE_CHECKING:
    import dspy

PROGRESS_SECONDS = 0.25


class Recorder:
    """The `Observer` of a run. Thread-safe."""

    def __init__(self, folder: RunFolder, log: EventLog) -> None:
        self._folder = folder
        self._log = log
        self._lock = threading.RLock()
        self._known: set[str] = {path.stem for path in folder.candidates.glob("*.json")}
        self._noted: set[str] = set()
        self._evaluations = 0
        self._open: dict[str, tuple[EvaluationKind, int, str | None]] = {}
        self._current: str | None = None
        self._done = 0
        self._rollouts = 0
        self._last_progress = 0.0
        self._rows: dict[int, RowResult] = {}
        self._row_of: dict[int, int] = {}
        self._scores: dict[ScoreKey, Scored] = {}
        self._best: tuple[ScoreKey, float] | None = None
        self.baseline: str | None = None
        """The candidate that the others have to beat."""
        self.returned: str | None = None
        """The candidate that the optimizer returned."""
        self.phase = "load"

    @property
    def rollouts(self) -> int:
        """Metric calls of this attempt so far."""
        return self._rollouts

    @property
    def best_candidate(self) -> str | None:
        """Best so far by `choose_best`; the baseline where nothing was scored yet."""
        return self._best[0][0] if self._best else self.baseline

    def data_loaded(self, splits: Mapping[ev.Split, Sequence[dspy.Example]]) -> None:
        self._log.emit(ev.DataLoaded(sizes={split: len(rows) for split, rows in splits.items()}))

    def enter_phase(self, phase: str) -> None:
        self.phase = phase
        self._log.emit(ev.PhaseChanged(phase=phase))

    def watch_rows(self, valset: Sequence[dspy.Example]) -> None:
        """Keep the details of metric calls on these examples for the full evaluations to come."""
        self._row_of = {id(example): row for row, example in enumerate(valset)}

    def metric_called(
        self, describe: Callable[[int], RowResult] | None, example: dspy.Example | None
    ) -> None:
        """Called once per metric call, from any thread; `describe` gives the details of a watched row."""
        row = self._row_of.get(id(example)) if describe is not None else None
        result = describe(row) if describe is not None and row is not None else None
        with self._lock:
            self._rollouts += 1
            self._done += 1
            if result is not None:
                self._rows[result.row] = result
            now = time.monotonic()
            if now - self._last_progress < PROGRESS_SECONDS:
                return
            self._last_progress = now
            progress = ev.EvaluationProgress(
                evaluation=self._current, done=self._done, rollouts=self._rollouts
            )
        self._log.emit(progress)

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None:
        self._log.emit(ev.TrialStarted(trial=trial, total=total, fraction=fraction, note=note))

    def trial_ended(
        self,
        trial: int,
        *,
        score: float | None = None,
        kind: EvaluationKind | None = None,
        candidate: str | None = None,
    ) -> None:
        self._log.emit(ev.TrialEnded(trial=trial, score=score, kind=kind, candidate=candidate))

    def candidate(self, program: dspy.Module, *, parents: Sequence[str] = (), origin: str = "") -> str:
        """Save a distinct program state; its id comes from its content."""
        return self.candidate_state(dump_state(program), parents=parents, origin=origin)

    def candidate_state(
        self,
        state: Mapping[str, Any],
        *,
        parents: Sequence[str] = (),
        origin: str = "",
        runtime: str = "",
    ) -> str:
        """Save a state. `runtime` names what the state does not hold: such a candidate is another one."""
        candidate_id = state_id({**state, runtime: {}}) if runtime else state_id(state)
        with self._lock:
            if candidate_id in self._noted:
                return candidate_id
            if candidate_id not in self._known:
                record = {
                    "id": candidate_id,
                    "parents": list(parents),
                    "origin": origin,
                    "runtime": runtime,
                    "state": state,
                }
                write_atomic(self._folder.candidates / f"{candidate_id}.json", orjson.dumps(record))
                self._known.add(candidate_id)
            self._noted.add(candidate_id)
        self._log.emit(
            ev.CandidateNoted(
                id=candidate_id,
                file=f"candidates/{candidate_id}.json",
                parents=tuple(parents),
                origin=origin,
            )
        )
        return candidate_id

    def evaluation_started(self, *, kind: EvaluationKind, size: int, candidate: str | None = None) -> str:
        with self._lock:
            self._evaluations += 1
            evaluation = f"e{self._evaluations:04d}"
            self._open[evaluation] = (kind, size, candidate)
            self._current, self._done = evaluation, 0
            self._rows.clear()
        self._log.emit(
            ev.EvaluationStarted(
                evaluation=evaluation, kind=kind, size=size, candidate=candidate, phase=self.phase
            )
        )
        return evaluation

    def evaluation_ended(
        self,
        evaluation: str,
        *,
        score: float | None,
        split: Literal["train", "val"],
        rows: Sequence[RowScore] = (),
        candidate: str | None = None,
    ) -> None:
        with self._lock:
            kind, size, started_for = self._open.pop(evaluation)
            candidate = candidate or started_for
            details = dict(self._rows) if kind == "full" and split == "val" else {}
            if self._current == evaluation:
                self._current, self._done = None, 0
        if kind == "full":
            merged = [
                details.get(row.row) or RowResult(row=row.row, score=row.score, error=row.error)
                for row in rows
            ]
            self.save_rows(evaluation, merged, split=split, score=score, candidate=candidate)
        errors = sum(row.score is None for row in rows)
        self.score(evaluation, kind, split, score, len(rows) or size, errors, candidate)

    def save_rows(
        self,
        evaluation: str,
        rows: Sequence[RowResult],
        *,
        split: str,
        score: float | None,
        candidate: str | None,
    ) -> None:
        """Keep the rows of a full evaluation: prediction, score, sub-scores, feedback, error."""
        record = {
            "evaluation": evaluation,
            "candidate": candidate,
            "split": split,
            "score": score,
            "phase": self.phase,
            "rows": ordered_rows(rows),
        }
        write_atomic(
            self._folder.evaluations / f"{evaluation}.json",
            orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS),
        )

    def score(
        self,
        evaluation: str,
        kind: EvaluationKind,
        split: ev.Split,
        score: float | None,
        size: int,
        errors: int,
        candidate: str | None,
    ) -> None:
        """Log a finished evaluation and move the best-so-far where it is better."""
        self._log.emit(
            ev.EvaluationEnded(
                evaluation=evaluation,
                kind=kind,
                split=split,
                score=score,
                size=size,
                errors=errors,
                candidate=candidate,
            )
        )
        if score is None or candidate is None or split == "test":
            return
        with self._lock:
            key = (candidate, kind, split)
            old = self._scores.get(key, Scored(0.0, 0))
            if kind == "minibatch":
                count = old.size + size
                self._scores[key] = Scored((old.mean * old.size + score * size) / count, count)
            else:
                self._scores[key] = Scored(score, size)
            self._settle_best()

    def baseline_scored(
        self, split: ev.Split, score: float | None, errors: int, size: int, candidate: str
    ) -> None:
        self._log.emit(
            ev.BaselineScored(split=split, score=score, errors=errors, size=size, candidate=candidate)
        )

    def full_val_scores(self) -> dict[str, float]:
        """Every candidate with a full validation score."""
        with self._lock:
            return {key[0]: scored.mean for key, scored in self._scores.items() if key[1:] == ("full", "val")}

    def _settle_best(self) -> None:
        key = choose_best(self._scores, self.baseline)
        if key is None or (key, self._scores[key].mean) == self._best:
            return
        candidate, kind, split = key
        mean = self._scores[key].mean
        self._best = (key, mean)
        self._folder.write_json(
            "best.json", {"candidate": candidate, "score": mean, "kind": kind, "split": split}
        )
        self._log.emit(
            ev.BestChanged(
                candidate=candidate, score=mean, kind=kind, split="val" if split == "val" else "train"
            )
        )

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None:
        self._log.emit(
            ev.Proposal(component=component, text=text, accepted=accepted, reason=reason, parent=parent)
        )

    def pareto(self, fronts: Mapping[str, Sequence[str]]) -> None:
        self._log.emit(ev.ParetoFront(fronts={key: tuple(ids) for key, ids in fronts.items()}))

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        self._log.emit(ev.LogLine(message=message, level=level))

    def warn(self, what: str, *, where: str = "", fix: str = "") -> None:
        self._log.emit(ev.Warned(what=what, where=where, fix=fix))
