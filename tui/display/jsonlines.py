"""Progress as JSON lines on stdout, for scripts that want to follow along."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..output import print_json
from .base import NoDisplay
from .progress import fraction_done, seconds_left, totals

if TYPE_CHECKING:
    from core.runs.reduce import RunState

_SECONDS_BETWEEN = 0.25


class JsonDisplay(NoDisplay):
    """One object a line with `"type": "progress"`; at most four a second, no change of state missed."""

    def __init__(self) -> None:
        self._last_key: tuple[Any, ...] = ()
        self._last_time = 0.0

    def show(self, state: RunState) -> None:
        key = (state.status, state.phase, state.best.candidate, state.best.score)
        now = time.monotonic()
        if key == self._last_key and now - self._last_time < _SECONDS_BETWEEN:
            return
        self._last_key, self._last_time = key, now
        print_json(describe_progress(state, time.time()))


def describe_progress(state: RunState, now: float) -> dict[str, Any]:
    """The state in short. Scores are fractions; `seconds_left` is null while it would be a guess."""
    spent = totals(state.ledger)
    running = state.evaluation
    return {
        "type": "progress",
        "run_id": state.run_id,
        "status": state.status,
        "phase": state.phase,
        "optimizer": state.optimizer,
        "trial": state.trial,
        "trials_total": state.trials_total,
        "fraction": fraction_done(state),
        "seconds": state.seconds,
        "seconds_left": seconds_left(state, now),
        "evaluation": {"kind": running.kind, "done": running.done, "total": running.total}
        if running
        else None,
        "baseline": state.baseline,
        "best": {"val": state.best.val, "test": state.best.test, "candidate": state.best.candidate},
        "rollouts": state.rollouts,
        "errors": state.errors,
        "asked": spent.asked,
        "paid": spent.paid,
        "tokens": spent.tokens,
        "usd": spent.usd,
    }
