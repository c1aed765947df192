"""How far a run is, how long still, and what it has spent: pure functions of its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.runs.reduce import RunState

_EARLY = 0.04
"""Below this fraction a remaining time would be a guess."""


@dataclass(frozen=True)
class Totals:
    """The ledger over all roles."""

    asked: int = 0
    paid: int = 0
    errors: int = 0
    tokens: int = 0
    usd: float | None = 0.0
    """None as soon as one role's price is unknown."""


def fraction_done(state: RunState) -> float | None:
    """The part of the compile phase that is done, from 0 to 1; None where the optimizer does not tell."""
    if state.phase in ("load", "baseline"):
        return 0.0
    if state.phase == "final":
        return 1.0
    if state.trial_fraction is not None:
        return min(1.0, state.trial_fraction)
    if not state.trials_total or state.trial is None:
        return None
    running = state.evaluation
    inside = min(1.0, running.done / running.total) if running and running.total else 0.0
    return min(1.0, (max(0, state.trial - 1) + inside) / state.trials_total)


def seconds_left(state: RunState, now: float) -> float | None:
    """About how long the compile phase still takes at the pace so far; None while that would be a guess."""
    done = fraction_done(state)
    began = state.phases.get("compile")
    if state.phase != "compile" or done is None or done < _EARLY or began is None:
        return None
    return max(0.0, (now - began) * (1 - done) / done)


def elapsed(state: RunState, now: float, final: bool) -> float:
    """Seconds of this attempt: its own count once it has ended, the clock's while it runs."""
    if final or state.started is None:
        return state.seconds
    return max(state.seconds, now - state.started)


def best_full(state: RunState) -> tuple[float, str] | None:
    """The highest score over all of val so far, and whose it is. A minibatch never counts here."""
    scored = [(value, one.id) for one in state.candidates if (value := one.full("val")) is not None]
    return max(scored, default=None)


def totals(ledger: Mapping[str, Mapping[str, Any]]) -> Totals:
    spent: float | None = 0.0
    for role in ledger.values():
        spent = None if spent is None or role.get("usd") is None else spent + role["usd"]
    return Totals(
        asked=sum(role["asked"] for role in ledger.values()),
        paid=sum(role["paid"] for role in ledger.values()),
        errors=sum(role["errors"] for role in ledger.values()),
        tokens=sum(role["input_tokens"] + role["output_tokens"] for role in ledger.values()),
        usd=spent,
    )
