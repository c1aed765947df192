"""The event log of a run: what happened, one JSON object a line, appended and never changed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..store.jsonl import JsonlWriter, tail_jsonl

Kind = Literal["minibatch", "full"]
Split = Literal["train", "val", "test"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What every event carries."""

    seq: int = 0
    t: float = 0.0
    """Unix seconds."""


class RunStarted(Event, frozen=True, kw_only=True, tag="run_started"):
    run_id: str
    attempt: int
    optimizer: str
    recipe_hash: str
    versions: dict[str, str] = {}
    pid: int = 0
    caps: dict[str, float] = {}
    """Budget caps, by what they cap."""
    threads: int = 0
    """Calls that may be in flight at once; 0 where the writer did not tell."""


class DataLoaded(Event, frozen=True, kw_only=True, tag="data"):
    sizes: dict[Split, int]
    """Rows per split."""


class PhaseChanged(Event, frozen=True, kw_only=True, tag="phase"):
    phase: str
    """queued, load, baseline, compile, final."""


class BaselineScored(Event, frozen=True, kw_only=True, tag="baseline"):
    split: Split
    score: float | None
    errors: int
    size: int
    candidate: str


class TrialStarted(Event, frozen=True, kw_only=True, tag="trial_started"):
    trial: int
    total: int | None = None
    fraction: float | None = None
    """The part of the optimizer's own budget that was used before, where it counts that and no trials."""
    note: str = ""


class TrialEnded(Event, frozen=True, kw_only=True, tag="trial_ended"):
    trial: int
    score: float | None = None
    kind: Kind | None = None
    candidate: str | None = None


class EvaluationStarted(Event, frozen=True, kw_only=True, tag="evaluation_started"):
    evaluation: str
    kind: Kind
    size: int
    candidate: str | None = None
    phase: str = "compile"


class EvaluationProgress(Event, frozen=True, kw_only=True, tag="evaluation_progress"):
    evaluation: str | None
    done: int
    """Metric calls of this evaluation so far."""
    rollouts: int
    """Metric calls of the whole attempt so far."""


class EvaluationEnded(Event, frozen=True, kw_only=True, tag="evaluation_ended"):
    evaluation: str
    kind: Kind
    split: Split
    score: float | None
    """Mean over the examples that did not error."""
    size: int
    errors: int = 0
    candidate: str | None = None


class CandidateNoted(Event, frozen=True, kw_only=True, tag="candidate"):
    id: str
    file: str
    parents: tuple[str, ...] = ()
    origin: str = ""


class Proposal(Event, frozen=True, kw_only=True, tag="proposal"):
    component: str
    text: str
    accepted: bool | None = None
    reason: str = ""
    parent: str | None = None


class BestChanged(Event, frozen=True, kw_only=True, tag="best_changed"):
    candidate: str
    score: float
    kind: Kind
    split: Split


class LmCalls(Event, frozen=True, kw_only=True, tag="lm_calls"):
    roles: dict[str, dict[str, Any]]
    """The ledger so far, by role."""


class ParetoFront(Event, frozen=True, kw_only=True, tag="pareto"):
    fronts: dict[str, tuple[str, ...]]


class LogLine(Event, frozen=True, kw_only=True, tag="log"):
    message: str
    level: Literal["debug", "info", "warning", "error"] = "info"


class Warned(Event, frozen=True, kw_only=True, tag="warning"):
    what: str
    where: str = ""
    fix: str = ""


class BudgetReached(Event, frozen=True, kw_only=True, tag="budget"):
    cap: str
    """usd, calls, tokens or minutes."""
    fraction: float
    spent: float
    limit: float


class LimitsChanged(Event, frozen=True, kw_only=True, tag="limits"):
    caps: dict[str, float] = {}
    threads: int = 0


class Paused(Event, frozen=True, kw_only=True, tag="paused"):
    pass


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    pass


class RunEnded(Event, frozen=True, kw_only=True, tag="run_ended"):
    status: Literal["completed", "stopped", "failed"]
    stop_reason: Literal["completed", "stopped", "budget", "failed", "killed"]
    detail: str = ""
    where: str = ""
    fix: str = ""
    seconds: float = 0.0
    scores: dict[str, dict[str, float | None]] = {}
    """`baseline` and `best`, each by split."""
    best: str | None = None
    artifact: str | None = None
    rollouts: int = 0
    """Metric calls of the last attempt."""


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event of a newer writer; kept, and ignored by this reader."""

    type: str
    seq: int = 0
    t: float = 0.0


AnyEvent = (
    RunStarted
    | DataLoaded
    | PhaseChanged
    | BaselineScored
    | TrialStarted
    | TrialEnded
    | EvaluationStarted
    | EvaluationProgress
    | EvaluationEnded
    | CandidateNoted
    | Proposal
    | BestChanged
    | LmCalls
    | ParetoFront
    | LogLine
    | Warned
    | BudgetReached
    | LimitsChanged
    | Paused
    | Resumed
    | RunEnded
)

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_unknown: msgspec.json.Decoder[UnknownEvent] = msgspec.json.Decoder(UnknownEvent)
_DURABLE = (RunStarted, BaselineScored, EvaluationEnded, CandidateNoted, BestChanged, BudgetReached, RunEnded)


def decode_event(line: bytes) -> Event | UnknownEvent | None:
    """The event on a line; None where the line is damaged (a torn tail of a killed writer)."""
    try:
        event: Event = _decoder.decode(line)
        return event
    except msgspec.DecodeError:
        try:
            return _unknown.decode(line)
        except msgspec.DecodeError:
            return None


class EventLog:
    """Appends events. Scores, candidates and ends are on disk when `emit` returns; the rest within 200 ms."""

    def __init__(self, path: Path) -> None:
        last = tail_jsonl(path, 20) if path.exists() else []
        self._seq = max(
            (int(line["seq"]) for line in last if isinstance(line, dict) and "seq" in line), default=0
        )
        self._lock = threading.Lock()
        self._writer = JsonlWriter(path)

    def emit(self, event: Event) -> None:
        with self._lock:
            self._seq += 1
            stamped = msgspec.structs.replace(event, seq=self._seq, t=time.time())
            self._writer.append(msgspec.to_builtins(stamped), sync=isinstance(event, _DURABLE))

    def close(self) -> None:
        self._writer.close()
