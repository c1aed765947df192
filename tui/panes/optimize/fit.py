"""Optimizers as the person chooses among them: how well each fits, why, and what it still needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import OptimizerError
from core.optimizers import registry
from core.optimizers.facts import Facts
from core.optimizers.spec import NO_FACTS, Spec, check_needs


@dataclass(frozen=True)
class Fit:
    """One optimizer, for this workspace."""

    name: str
    summary: str
    reasons: tuple[str, ...] = ()
    """Why it fits, or what it asks for."""
    unmet: tuple[str, ...] = ()
    """What it needs and does not have."""
    score: int | None = None
    """Points of the rules, where the optimizers were ranked."""
    changes: tuple[str, ...] = ()
    """What would make it fit better."""
    runs_here: bool = True


def list_optimizers(facts: Facts | None) -> tuple[Fit, ...]:
    """All of DSPy's optimizers in the registry's order, those that cannot be run here last."""
    known = [_fit(registry.get(name).spec, facts or NO_FACTS) for name in registry.names()]
    others = [
        Fit(entry.name, entry.summary, unmet=(f"needs {entry.needs}",), runs_here=False)
        for entry in registry.UNAVAILABLE.values()
    ]
    return (*known, *others)


def _fit(spec: Spec, facts: Facts) -> Fit:
    unmet = []
    try:
        check_needs(spec, facts)
    except OptimizerError as error:
        unmet.append(error.what)
    reasons = []
    if spec.needs.feedback == "wanted":
        if facts.feedback is False:
            unmet.append("learns from feedback in words, and the metric gives none")
        elif facts.feedback:
            reasons.append("the metric's feedback is what it learns from")
    called = [role for role in spec.roles if role != "student"]
    reasons.append(
        "calls " + _join(called) + " besides the student" if called else "calls no model but the student's"
    )
    return Fit(spec.name, spec.summary, tuple(reasons), tuple(unmet))


def _join(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
