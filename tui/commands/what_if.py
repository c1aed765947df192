"""What an estimate looks like with one thing changed, and what the budget buys: rows and lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..text import count, duration, table, usd

if TYPE_CHECKING:
    from core.cost.buys import Bought
    from core.cost.estimate import Estimate
    from core.cost.what_if import Effect
    from core.recipe import Recipe

_WIDTH = 80


class Further(NamedTuple):
    """What stands beside an estimate."""

    asked: list[Effect]
    """The changes a person asked about."""
    mitigations: list[Effect]
    """The guide's ways to make this run cheaper."""
    bought: Bought | None
    """How far the caps go; None without caps."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "what_if": [one.to_dict() for one in self.asked],
            "mitigations": [one.to_dict() for one in self.mitigations],
            "buys": self.bought.to_dict() if self.bought is not None else None,
        }


def check_changes(recipe: Recipe, changes: Sequence[str]) -> None:
    """Refuse a change that nothing has before anything is measured, with the nearest names."""
    from core.cost.changes import check_change

    for text in changes:
        check_change(text, recipe)


def look_further(recipe: Recipe, changes: Sequence[str]) -> Further:
    """The changes asked for, the guide's mitigations, and what the caps buy; arithmetic on facts kept.

    Raises `ConfigError` or `OptimizerError` for a change that is not known, with the nearest names.
    """
    from core.cost.buys import trials_within
    from core.cost.changes import parse_change
    from core.cost.facts import get_facts
    from core.cost.mitigations import mitigate
    from core.cost.what_if import compare_changes

    measured = get_facts(recipe)
    asked = [parse_change(text, recipe, measured) for text in changes]
    return Further(
        asked=compare_changes(recipe, measured, asked),
        mitigations=mitigate(recipe, measured),
        bought=trials_within(recipe, measured),
    )


def describe_further(now: Estimate, further: Further) -> list[str]:
    """The changes as a table beside the estimate as it is, then what the budget buys."""
    lines: list[str] = []
    if further.asked:
        lines += ["", *_compare(now, further.asked, "what if"), *_remarks(further.asked)]
    if further.mitigations:
        lines += ["", *_compare(now, further.mitigations, "to make it cheaper")]
        lines += [f"try one with --what-if {further.mitigations[0].id}"]
    if further.bought is not None:
        lines += ["", *_wrap(f"budget buys  {further.bought.text}", "", " " * 13)]
    return lines


def _compare(now: Estimate, effects: Sequence[Effect], title: str) -> list[str]:
    rows = [[title, "calls", "", "usd", "", "time", ""], ["as it is", *_amounts(now)]]
    for one in effects:
        if one.after is None:
            rows.append([_cut(one.label), "cannot", "", "", "", "", ""])
            continue
        calls, _, cost, _, minutes, _ = _amounts(one.after)
        shares = (_signed(one.calls), _signed(one.usd), _signed(one.minutes))
        rows.append([_cut(one.label), calls, shares[0], cost, shares[1], minutes, shares[2]])
    return table(rows, "<>>>>>>")


def _amounts(found: Estimate) -> list[str]:
    cost = found.total.usd
    calls = count(found.total.calls.expected)
    dollars = usd(cost.expected if cost is not None else None)
    return [calls, "", dollars, "", duration(60 * found.minutes.expected), ""]


def _remarks(effects: Sequence[Effect]) -> list[str]:
    """What the numbers leave open, and why a change cannot be made."""
    lines: list[str] = []
    for one in effects:
        if one.problem is not None:
            lines += _wrap(f"- {one.label}: {one.problem['what']}; {one.problem['fix']}", "", "  ")
        for note in one.notes:
            lines += _wrap(f"- {note}", "", "  ")
    return list(dict.fromkeys(lines))


def _signed(share: float | None) -> str:
    if share is None:
        return ""
    return "same" if abs(share) < 0.005 else f"{100 * share:+.0f} %".replace("-", "−")


def _cut(label: str) -> str:
    return label if len(label) <= 36 else label[:35] + "…"


def _wrap(text: str, indent: str, hanging: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False
    )
