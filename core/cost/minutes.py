"""How long a run takes: what its models and its own program need, and what a provider's limits allow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..models.roles import fill_roles
from ..optimizers.plan import Plan, Range, exactly
from ..recipe import ModelProfile, Recipe, Role
from .facts import Measured
from .tokens import RoleTokens

_FASTER, _SLOWER = 0.5, 2.0
"""Room for how busy a provider and the machine are."""


def expect_minutes(
    recipe: Recipe, plan: Plan, measured: Measured, tokens: Mapping[Role, RoleTokens]
) -> Range:
    """Seconds until everything is loaded, then program runs on the evaluation threads and the rest in turn.

    Waiting for a provider goes on in parallel; what the program and an embedded model compute does not. A
    model with limits of its own takes at least as long as they allow its calls and tokens.
    """
    threads = max(1, recipe.run.num_threads)
    models = fill_roles(recipe.models)
    start = measured.start_seconds
    own = (plan.student_runs + plan.teacher_runs) * measured.own_seconds
    seconds = _with_room(Range(start, start, 2 * start) + own)
    for role in plan.calls:
        latency = measured.latency_seconds.get(role, measured.latency_seconds.get("student", 0.0))
        profile = models[role]
        parallel = calls_at_once(role, profile, threads)
        calls = tokens[role].paid
        # Threads wait for the slowest row at the end of each evaluation.
        waited = Range(
            calls.low * latency / parallel,
            calls.expected * latency / parallel,
            calls.high * latency / max(1.0, parallel / 2),
        )
        seconds = seconds + _later(_with_room(waited), _least_seconds(profile, tokens[role]))
    return seconds * (1 / 60)


def calls_at_once(role: Role, profile: ModelProfile, threads: int) -> int:
    """How many calls of a role go on at the same time: what an embedded model computes does not."""
    computed = profile.model.startswith("embedded/") and not profile.dials.get("latency")
    return threads if role in ("student", "judge") and not computed else 1


def tell_limits(recipe: Recipe, tokens: Mapping[Role, RoleTokens]) -> Iterator[str]:
    """What the limits of the models do to the minutes."""
    models = fill_roles(recipe.models)
    for role, one in tokens.items():
        least = _least_seconds(models[role], one).expected
        if least >= 60:
            limits = (
                (models[role].requests_per_minute, "requests"),
                (models[role].tokens_per_minute, "tokens"),
            )
            told = " and ".join(f"{limit:,} {what}" for limit, what in limits if limit)
            yield f"at {told} a minute the {role} model alone takes {math.ceil(least / 60):,} min"


def _least_seconds(profile: ModelProfile, tokens: RoleTokens) -> Range:
    """How soon the limits of a profile let all of it through: `models/rates.py` keeps below them."""
    least = exactly(0.0)
    if profile.requests_per_minute:
        least = tokens.paid * (60 / profile.requests_per_minute)
    if profile.tokens_per_minute:
        least = _later(least, (tokens.input + tokens.output) * (60 / profile.tokens_per_minute))
    return least


def _with_room(seconds: Range) -> Range:
    return Range(seconds.low * _FASTER, seconds.expected, seconds.high * _SLOWER)


def _later(one: Range, other: Range) -> Range:
    return Range(max(one.low, other.low), max(one.expected, other.expected), max(one.high, other.high))
