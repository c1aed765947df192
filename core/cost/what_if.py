"""What if: the same recipe with one thing changed, priced beside what it is now. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..errors import CompilotError
from ..models.prices import price_of
from ..models.profiles import is_known_model, nearest_models
from ..models.roles import fill_roles
from ..recipe import THINKING_OFF, ModelProfile, Recipe
from .changes import Change, sizes_of
from .estimate import Estimate, estimate_run
from .facts import CallTokens, Measured
from .minutes import calls_at_once

_TEXT_TOKENS = 600
"""Tokens of a reflection's or proposer's answer besides its thinking, at most."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does to the estimate, or why it cannot be made."""

    id: str
    label: str
    before: Estimate
    after: Estimate | None = None
    problem: dict[str, str] | None = None
    """What, where and fix, where the change cannot be made."""
    why: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()

    def share(self, amount: Callable[[Estimate], float | None]) -> float | None:
        """The change of an amount as a part of what it was; None where it is unknown or was nothing."""
        if self.after is None:
            return None
        old, new = amount(self.before), amount(self.after)
        return None if old is None or new is None or old == 0 else new / old - 1

    @property
    def calls(self) -> float | None:
        return self.share(lambda one: one.total.calls.expected)

    @property
    def usd(self) -> float | None:
        return self.share(lambda one: one.total.usd.expected if one.total.usd is not None else None)

    @property
    def minutes(self) -> float | None:
        return self.share(lambda one: one.minutes.expected)

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "label": self.label,
            "why": self.why,
            "source": self.source,
            "notes": list(self.notes),
            "problem": self.problem,
            "before": _short(self.before),
            "after": _short(self.after) if self.after is not None else None,
            "change": {"calls": self.calls, "usd": self.usd, "minutes": self.minutes},
        }


def try_change(recipe: Recipe, measured: Measured, change: Change) -> Effect:
    """The recipe's estimate before and after; a change that cannot be made tells why."""
    before = estimate_run(recipe, measured)
    try:
        changed = change.apply(recipe)
        after = estimate_run(changed, adapt_facts(measured, recipe, changed))
    except CompilotError as error:
        return Effect(
            id=change.id,
            label=change.label,
            before=before,
            problem=error.to_dict(),
            why=change.why,
            source=change.source,
        )
    return Effect(
        id=change.id,
        label=change.label,
        before=before,
        after=after,
        why=change.why,
        source=change.source,
        # Roles that share a model would say the same.
        notes=tuple(dict.fromkeys(_notes(measured, recipe, changed, after))),
    )


def compare_changes(recipe: Recipe, measured: Measured, changes: Iterable[Change]) -> list[Effect]:
    """Each change by itself, in the order given."""
    return [try_change(recipe, measured, change) for change in changes]


def adapt_facts(measured: Measured, before: Recipe, after: Recipe) -> Measured:
    """The facts as they would be for the changed recipe, as far as that is known without measuring.

    Sizes follow the split; answers get shorter where a thinking budget no longer allows their length. All
    else is as measured: another model's tokens and seconds are taken to be those of the one measured, also
    where one computes in turn and the other is waited for in parallel.
    """
    facts = msgspec.structs.replace(measured.facts, num_threads=after.run.num_threads, seed=after.run.seed)
    if after.data.split != before.data.split:
        sizes = sizes_of(after.data, measured)
        facts = msgspec.structs.replace(facts, **sizes)
    tokens = dict(measured.tokens)
    old, new = fill_roles(before.models), fill_roles(after.models)
    threads = max(1, after.run.num_threads)
    for role, measured_tokens in measured.tokens.items():
        budgets = (thinking_budget(old[role]), thinking_budget(new[role]))
        if old[role].model == new[role].model and budgets[0] != budgets[1]:
            tokens[role] = _rethink(measured_tokens, *budgets)
    latency = {
        role: seconds * calls_at_once(role, new[role], threads) / calls_at_once(role, old[role], threads)
        for role in new
        if (seconds := measured.latency_seconds.get(role, measured.latency_seconds.get("student")))
        is not None
    }
    return msgspec.structs.replace(measured, facts=facts, tokens=tokens, latency_seconds=latency)


def thinking_budget(profile: ModelProfile) -> int | None:
    """The thinking budget in tokens, 0 where thinking is off; None where it is the model's own affair."""
    if isinstance(profile.thinking, int):
        return profile.thinking
    return 0 if profile.thinking in THINKING_OFF else None


def _rethink(tokens: CallTokens, before: int | None, after: int | None) -> CallTokens:
    """Answers under another budget: what was thought beyond it goes, and a budget used up grows with it."""
    if after is None:
        return tokens
    thought = max(0.0, tokens.output - _TEXT_TOKENS)
    if before and thought >= 0.9 * before and after > before:
        return CallTokens(tokens.input, tokens.output - thought + after)
    return CallTokens(tokens.input, tokens.output - thought + min(thought, float(after)))


def _notes(measured: Measured, before: Recipe, after: Recipe, estimate: Estimate) -> Iterable[str]:
    """What the numbers do not tell."""
    old, new = fill_roles(before.models), fill_roles(after.models)
    for role, found in estimate.roles.items():
        if old[role].model != new[role].model:
            yield f"tokens and seconds of {new[role].model} are taken to be those of {old[role].model}"
            if not new[role].model.startswith("embedded/") and not is_known_model(new[role].model):
                near = nearest_models(new[role].model)
                yield f"no metadata knows {new[role].model}" + (f"; did you mean {near[0]}?" if near else "")
        budgets = (thinking_budget(old[role]), thinking_budget(new[role]))
        if role not in measured.tokens and None not in budgets and budgets[0] != budgets[1]:
            tokens = ((budgets[1] or 0) - (budgets[0] or 0)) * found.calls.expected
            price = price_of(new[role])
            cost = f", ${abs(tokens) * price.output / 1e6:,.4f}" if price is not None else ""
            fewer = "fewer" if tokens < 0 else "more"
            yield f"at most {abs(tokens):,.0f} {fewer} thinking tokens{cost} ({role} was not measured)"


def _short(found: Estimate) -> dict[str, Any]:
    """The sums of an estimate."""
    return {
        "calls": msgspec.to_builtins(found.total.calls),
        "input_tokens": msgspec.to_builtins(found.total.input_tokens),
        "output_tokens": msgspec.to_builtins(found.total.output_tokens),
        "usd": msgspec.to_builtins(found.total.usd),
        "minutes": msgspec.to_builtins(found.minutes),
    }
