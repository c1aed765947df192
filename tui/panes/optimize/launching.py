"""The last question before a run: what it is, what it will cost, and what stops it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.cost.estimate import Estimate
from core.recipe import Recipe
from core.workbench.preflight import Check

from ...text import count, duration, short_count, usd
from .preview import cap_lines
from .sheet import write_value


def describe_launch(recipe: Recipe, estimate: Estimate | None, checks: Sequence[Check]) -> tuple[str, str]:
    """The question, and what to know before the answer."""
    assert recipe.optimizer is not None
    program = recipe.program.target.rpartition(":")[2]
    params = ", ".join(f"{name} {write_value(value)}" for name, value in recipe.optimizer.params.items())
    lines = [f"with {params}" if params else "with its own defaults"]
    if estimate is None:
        lines.append("expected  not known: nothing was measured (m)")
    else:
        lines += _figures(estimate)
    lines += [
        f"{'cap' if place == 0 else '':<9} {line.plain}"
        for place, line in enumerate(cap_lines(estimate, recipe.budget) if estimate else _caps(recipe))
    ]
    doubtful = [check for check in checks if check.status == "warn"]
    lines += ["", *(f"! {check.name}: {check.detail}" for check in doubtful)] if doubtful else []
    return f"Launch {recipe.optimizer.name} on {program}?", "\n".join(lines)


def _figures(estimate: Estimate) -> list[str]:
    total, minutes = estimate.total, estimate.minutes
    amounts = []
    for name, calls, cost, time in (
        ("expected", total.calls.expected, total.usd.expected if total.usd else None, minutes.expected),
        ("highest", total.calls.high, total.usd.high if total.usd else None, minutes.high),
    ):
        price = "free" if total.usd is not None and total.usd.high == 0 else usd(cost)
        price = "price unknown" if price == "unknown" else price
        amounts.append(f"{name:<9} {count(calls)} calls, {price}, {duration(60 * time)}")
    return amounts


def _caps(recipe: Recipe) -> list[Content]:
    budget = recipe.budget
    named = (("usd", budget.usd, usd), ("calls", budget.calls, count), ("tokens", budget.tokens, short_count))
    told = [f"{name} {write(value)}" for name, value, write in named if value is not None]
    if budget.minutes is not None:
        told.append(duration(60 * budget.minutes))
    return [Content(", ".join(told) or "none is set")]
