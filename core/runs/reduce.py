"""One reducer, many views: the state of a run is a pure reduction of its event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from . import events as ev
from .process import Owner

Status = Literal[
    "pending", "running", "paused", "stopping", "completed", "stopped", "failed", "killed", "dead"
]
FINAL: frozenset[str] = frozenset({"completed", "stopped", "failed", "killed", "dead"})
LOG_LINES = 500


class Score(msgspec.Struct, frozen=True):
    """A score of a candidate; a minibatch score is never comparable with a full one."""

    value: float | None
    kind: ev.Kind
    split: ev.Split
    size: int
    errors: int = 0


class Candidate(msgspec.Struct, frozen=True):
    id: str
    file: str
    parents: tuple[str, ...] = ()
    origin: str = ""
    t: float = 0.0
    scores: tuple[Score, ...] = ()

    def full(self, split: ev.Split = "val") -> float | None:
        """The latest full score on a split, or None."""
        for score in reversed(self.scores):
            if score.kind == "full" and score.split == split:
                return score.value
        return None


class Point(msgspec.Struct, frozen=True):
    """One finished evaluation, for the score chart."""

    t: float
    evaluation: str
    score: Score
    candidate: str | None
    trial: int | None


class Best(msgspec.Struct, frozen=True):
    candidate: str | None = None
    val: float | None = None
    test: float | None = None
    kind: ev.Kind | None = None
    """Whether the score that made it best was a full one."""
    split: ev.Split | None = None
    score: float | None = None


class Progress(msgspec.Struct, frozen=True):
    """The evaluation that is under way."""

    evaluation: str
    kind: ev.Kind
    done: int
    total: int
    candidate: str | None = None


class LogEntry(msgspec.Struct, frozen=True):
    t: float
    level: str
    message: str


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a view shows of a run. Scores are fractions from 0 to 1."""

    run_id: str = ""
    status: Status = "pending"
    stop_reason: str | None = None
    detail: str = ""
    where: str = ""
    fix: str = ""
    phase: str = ""
    phases: dict[str, float] = {}
    """When each phase of this attempt began, in their order (unix seconds)."""
    optimizer: str = ""
    attempt: int = 0
    recipe_hash: str = ""
    sizes: dict[ev.Split, int] = {}
    caps: dict[str, float] = {}
    threads: int | None = None
    """Calls that may be in flight at once."""
    trial: int | None = None
    trials_total: int | None = None
    trial_fraction: float | None = None
    """The part of the optimizer's own budget used before this trial; None where it counts trials."""
    trial_note: str = ""
    baseline: dict[str, float | None] = msgspec.field(default_factory=lambda: {"val": None, "test": None})
    best: Best = Best()
    candidates: tuple[Candidate, ...] = ()
    points: tuple[Point, ...] = ()
    proposals: tuple[ev.Proposal, ...] = ()
    fronts: dict[str, tuple[str, ...]] = {}
    evaluation: Progress | None = None
    ledger: dict[str, dict[str, Any]] = {}
    budget: tuple[ev.BudgetReached, ...] = ()
    owner: Owner | None = None
    rollouts: int = 0
    errors: int = 0
    """Examples that errored, over all evaluations of this attempt."""
    warnings: tuple[ev.Warned, ...] = ()
    log: tuple[LogEntry, ...] = ()
    started: float | None = None
    """Unix seconds at which this attempt began."""
    updated: float | None = None
    seconds: float = 0.0
    """Of this attempt."""
    earlier_seconds: float = 0.0
    """Of the attempts before it."""
    artifact: str | None = None
    last_seq: int = 0

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.to_builtins(self)
        if data["owner"] is None:
            data["owner"] = {}
        return data

    def candidate(self, candidate_id: str | None) -> Candidate | None:
        return next((c for c in self.candidates if c.id == candidate_id), None)


def reduce(state: RunState, event: ev.Event | ev.UnknownEvent) -> RunState:
    """The state after one more event; unknown events change nothing but the counter."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        state = handler(state, event)
    seconds = event.t - state.started if state.started and state.status not in FINAL else state.seconds
    return replace(state, last_seq=event.seq, updated=event.t, seconds=seconds)


def reduce_all(events: Iterable[ev.Event | ev.UnknownEvent], state: RunState | None = None) -> RunState:
    current = state or RunState()
    for event in events:
        current = reduce(current, event)
    return current


def _run_started(state: RunState, event: ev.RunStarted) -> RunState:
    """A new attempt replays what was done: progress starts over, candidates and the best so far stay."""
    return replace(
        state,
        run_id=event.run_id,
        status="running",
        stop_reason=None,
        detail="",
        where="",
        fix="",
        optimizer=event.optimizer,
        attempt=event.attempt,
        recipe_hash=event.recipe_hash,
        caps=event.caps,
        threads=event.threads or None,
        phases={},
        trial=None,
        trials_total=None,
        trial_fraction=None,
        points=(),
        proposals=(),
        evaluation=None,
        rollouts=0,
        errors=0,
        started=event.t,
        seconds=0.0,
        earlier_seconds=state.earlier_seconds + state.seconds,
    )


def _data_loaded(state: RunState, event: ev.DataLoaded) -> RunState:
    return replace(state, sizes=event.sizes)


def _phase(state: RunState, event: ev.PhaseChanged) -> RunState:
    return replace(state, phase=event.phase, phases={**state.phases, event.phase: event.t})


def _baseline(state: RunState, event: ev.BaselineScored) -> RunState:
    return replace(state, baseline={**state.baseline, event.split: event.score})


def _trial_started(state: RunState, event: ev.TrialStarted) -> RunState:
    total = event.total if event.total is not None else state.trials_total
    return replace(
        state,
        trial=event.trial,
        trials_total=total,
        trial_fraction=event.fraction,
        trial_note=event.note,
    )


def _evaluation_started(state: RunState, event: ev.EvaluationStarted) -> RunState:
    return replace(state, evaluation=Progress(event.evaluation, event.kind, 0, event.size, event.candidate))


def _evaluation_progress(state: RunState, event: ev.EvaluationProgress) -> RunState:
    state = replace(state, rollouts=max(state.rollouts, event.rollouts))
    if state.evaluation is None or state.evaluation.evaluation != event.evaluation:
        return state
    return replace(state, evaluation=replace(state.evaluation, done=event.done))


def _evaluation_ended(state: RunState, event: ev.EvaluationEnded) -> RunState:
    score = Score(event.score, event.kind, event.split, event.size, event.errors)
    point = Point(event.t, event.evaluation, score, event.candidate, state.trial)
    running = state.evaluation
    if running is not None and running.evaluation == event.evaluation:
        running = None
    return replace(
        state,
        points=(*state.points, point),
        candidates=tuple(_scored(c, score) if c.id == event.candidate else c for c in state.candidates),
        errors=state.errors + event.errors,
        evaluation=running,
    )


def _scored(candidate: Candidate, score: Score) -> Candidate:
    """Full scores of a split replace older ones; minibatches add up, at most the last 20."""
    kept = [
        old
        for old in candidate.scores
        if score.kind == "minibatch" or old.kind == "minibatch" or old.split != score.split
    ]
    return replace(candidate, scores=(*kept[-20:], score))


def _candidate(state: RunState, event: ev.CandidateNoted) -> RunState:
    if state.candidate(event.id) is not None:
        return state
    new = Candidate(event.id, event.file, event.parents, event.origin, event.t)
    return replace(state, candidates=(*state.candidates, new))


def _proposal(state: RunState, event: ev.Proposal) -> RunState:
    return replace(state, proposals=(*state.proposals, event))


def _best(state: RunState, event: ev.BestChanged) -> RunState:
    val = event.score if event.kind == "full" and event.split == "val" else None
    return replace(
        state,
        best=Best(event.candidate, val, None, event.kind, event.split, event.score),
    )


def _lm_calls(state: RunState, event: ev.LmCalls) -> RunState:
    return replace(state, ledger=event.roles)


def _pareto(state: RunState, event: ev.ParetoFront) -> RunState:
    return replace(state, fronts=event.fronts)


def _log(state: RunState, event: ev.LogLine) -> RunState:
    return replace(state, log=(*state.log[-LOG_LINES:], LogEntry(event.t, event.level, event.message)))


def _warning(state: RunState, event: ev.Warned) -> RunState:
    if any(w.what == event.what and w.where == event.where for w in state.warnings):
        return state
    entry = LogEntry(event.t, "warning", event.what)
    return replace(state, warnings=(*state.warnings, event), log=(*state.log[-LOG_LINES:], entry))


def _budget(state: RunState, event: ev.BudgetReached) -> RunState:
    return replace(state, budget=(*state.budget, event))


def _limits(state: RunState, event: ev.LimitsChanged) -> RunState:
    return replace(state, caps=event.caps, threads=event.threads or state.threads)


def _paused(state: RunState, _event: ev.Paused) -> RunState:
    return replace(state, status="paused")


def _resumed(state: RunState, _event: ev.Resumed) -> RunState:
    return replace(state, status="running")


def _run_ended(state: RunState, event: ev.RunEnded) -> RunState:
    best = state.best
    if event.best is not None:
        scores = event.scores.get("best", {})
        best = replace(best, candidate=event.best, val=scores.get("val"), test=scores.get("test"))
    return replace(
        state,
        status=event.status,
        stop_reason=event.stop_reason,
        detail=event.detail,
        where=event.where,
        fix=event.fix,
        seconds=event.seconds,
        baseline={**state.baseline, **event.scores.get("baseline", {})},
        best=best,
        artifact=event.artifact,
        rollouts=max(state.rollouts, event.rollouts),
        evaluation=None,
    )


_HANDLERS: dict[type[Any], Callable[[RunState, Any], RunState]] = {
    ev.RunStarted: _run_started,
    ev.DataLoaded: _data_loaded,
    ev.PhaseChanged: _phase,
    ev.BaselineScored: _baseline,
    ev.TrialStarted: _trial_started,
    ev.EvaluationStarted: _evaluation_started,
    ev.EvaluationProgress: _evaluation_progress,
    ev.EvaluationEnded: _evaluation_ended,
    ev.CandidateNoted: _candidate,
    ev.Proposal: _proposal,
    ev.BestChanged: _best,
    ev.LmCalls: _lm_calls,
    ev.ParetoFront: _pareto,
    ev.LogLine: _log,
    ev.Warned: _warning,
    ev.BudgetReached: _budget,
    ev.LimitsChanged: _limits,
    ev.Paused: _paused,
    ev.Resumed: _resumed,
    ev.RunEnded: _run_ended,
}
