"""What happened in a run lately, as lines a person can read: a pure function of its state."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.wording import plural

from ..text import clean, describe_phase, percent

if TYPE_CHECKING:
    from core.runs.reduce import RunState

Level = Literal["best", "info", "minor", "warning", "error"]


@dataclass(frozen=True, order=True)
class Entry:
    """One line. `minor` ones are for a live view only."""

    t: float
    level: Level
    text: str

    @property
    def clock(self) -> str:
        return time.strftime("%H:%M:%S", time.localtime(self.t))


def recent(state: RunState, limit: int | None = None) -> list[Entry]:
    """The last `limit` things that happened, oldest first."""
    kinds = (_phases(state), _scores(state), _proposals(state), _messages(state))
    if limit is not None:
        return heapq.nlargest(limit, (entry for kind in kinds for entry in kind))[::-1]
    return sorted(entry for kind in kinds for entry in kind)


def _phases(state: RunState) -> Iterator[Entry]:
    for phase, began in state.phases.items():
        yield Entry(began, "info", clean(describe_phase(phase, state.optimizer)))


def _scores(state: RunState) -> Iterator[Entry]:
    best: float | None = None
    for point in state.points:
        score = point.score
        full = score.kind == "full" and score.split == "val"
        better = full and score.value is not None and (best is None or score.value > best)
        if better:
            best = score.value
        where = f"trial {point.trial}" if point.trial is not None else "baseline"
        if score.split == "test":
            where = "held out"
        kind = "" if score.kind == "full" else " minibatch"
        errors = f", {score.errors} errored" if score.errors else ""
        what = f"{where}: {percent(score.value)} on {plural(score.size, f'{score.split} row')}{kind}{errors}"
        name = f", {point.candidate}" if point.candidate else ""
        first = point.trial is None
        level: Level = "info" if first or not better else "best"
        if score.kind == "minibatch":
            level = "minor"
        yield Entry(point.t, level, clean(f"{what}{name}{', the best so far' if level == 'best' else ''}"))


def _proposals(state: RunState) -> Iterator[Entry]:
    for proposal in state.proposals:
        answer = {True: "accepted", False: "rejected", None: "proposed"}[proposal.accepted]
        first = next((line for line in proposal.text.splitlines() if line.strip()), "")
        said = proposal.reason if proposal.accepted is False and proposal.reason else first[:120]
        yield Entry(proposal.t, "minor", clean(f"{proposal.component}: {answer}: {said}"))


def _messages(state: RunState) -> Iterator[Entry]:
    for line in state.log:
        level: Level = "error" if line.level == "error" else "warning" if line.level == "warning" else "info"
        yield Entry(line.t, "minor" if line.level == "debug" else level, clean(line.message))
    for cap in state.budget:
        limit = f"{cap.limit:g}"
        level = "warning" if cap.fraction >= 0.95 else "info"
        yield Entry(
            cap.t,
            level,
            f"{100 * cap.fraction:.0f} % of the {cap.cap} cap is used ({cap.spent:g} of {limit})",
        )
