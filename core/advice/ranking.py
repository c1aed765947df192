"""All optimizers in the order of their fit, each point with its reason. Pure and instant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ..errors import OptimizerError
from ..optimizers import registry
from ..optimizers.facts import Facts
from ..optimizers.spec import check_needs
from .case import Case
from .rules import RULES, Rule
from .situation import Cost, Situation


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule said."""

    rule: str
    points: int
    reason: str
    source: str


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One optimizer's place."""

    optimizer: str
    score: int
    points: tuple[Point, ...]
    fits: bool = True
    """Whether it can be run here at all."""
    why_not: str = ""
    change: tuple[str, ...] = ()
    """What the person would have to change to make it fit better, the most points first."""
    cost: Cost | None = None
    within: bool | None = None
    """Whether it is expected to stay within the caps; None without caps or without an estimate."""

    @property
    def reasons(self) -> list[str]:
        """Each point in a line, with its source."""
        return [f"{one.points:+d} {one.reason} ({one.source})" for one in self.points]

    def to_dict(self) -> dict[str, Any]:
        cost = msgspec.to_builtins(self.cost) if self.cost is not None else None
        return {
            "optimizer": self.optimizer,
            "score": self.score,
            "fits": self.fits,
            "why_not": self.why_not,
            "reasons": self.reasons,
            "points": msgspec.to_builtins(self.points),
            "change": list(self.change),
            "budget": None if cost is None else {**cost, "within": self.within},
        }


class Ranking(msgspec.Struct, frozen=True):
    """Every optimizer once, the best first; those that cannot be run here come last."""

    ranked: tuple[Ranked, ...]

    @property
    def best(self) -> Ranked:
        return self.ranked[0]

    def get(self, name: str) -> Ranked:
        """One optimizer's place. Raises `OptimizerError` with the nearest names for an unknown one."""
        for one in self.ranked:
            if one.optimizer.lower() == name.lower():
                return one
        registry.get(name)
        raise OptimizerError(f"{name} was not ranked", where="optimizer.name")


def rank(situation: Situation, rules: Iterable[Rule] = RULES) -> Ranking:
    """The ranking for a situation: the rules' points added up; of equals, the one that makes fewer calls."""
    rules = tuple(rules)
    ranked = [_place(situation, name, rules) for name in (*registry.names(), *registry.UNAVAILABLE)]
    order = {one.optimizer: place for place, one in enumerate(ranked)}

    def key(one: Ranked) -> tuple[bool, int, float, int]:
        calls = one.cost.calls if one.cost is not None else 0.0
        return not one.fits, -one.score, calls, order[one.optimizer]

    return Ranking(tuple(sorted(ranked, key=key)))


def _place(situation: Situation, name: str, rules: tuple[Rule, ...]) -> Ranked:
    case = Case(situation, name)
    points, changes = [], []
    for rule in rules:
        if not rule.concerns(name):
            continue
        holds = rule.when(case)
        if holds:
            points.append(
                Point(
                    rule=rule.id,
                    points=rule.points,
                    reason=rule.fill(rule.reason, case),
                    source=rule.source,
                )
            )
        if rule.change and holds == (rule.points < 0) and rule.change_when(case):
            changes.append((abs(rule.points), f"{abs(rule.points):+d}: {rule.fill(rule.change, case)}"))
    why_not = _why_not(situation, name)
    cost = situation.costs.get(name)
    within = None
    if cost is not None and any(
        value is not None for value in msgspec.to_builtins(situation.budget).values()
    ):
        within = not cost.over(situation.budget)
    return Ranked(
        optimizer=name,
        score=sum(one.points for one in points),
        points=tuple(sorted(points, key=lambda one: -abs(one.points))),
        fits=not why_not,
        why_not=why_not,
        change=tuple(text for _, text in sorted(changes, key=lambda one: -one[0])),
        cost=cost,
        within=within,
    )


def _why_not(situation: Situation, name: str) -> str:
    """Why it cannot be run here; empty where it can."""
    if name in registry.UNAVAILABLE:
        return f"cannot be run here: it needs {registry.UNAVAILABLE[name].needs}"
    if name in situation.refused:
        return situation.refused[name]
    data = situation.data
    if data is None:
        return ""
    try:
        check_needs(registry.get(name).spec, Facts(train=data.train, val=data.val))
    except OptimizerError as error:
        return error.what
    return ""
