"""Facts that were measured so far in this session, and which of them serve a recipe that was not measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from core.cost.facts import Measured
from core.cost.what_if import adapt_facts
from core.recipe import Recipe, SplitSpec


@dataclass(frozen=True)
class Found:
    """Facts for a recipe, and in what the recipe they were measured with differs."""

    measured: Measured
    differs: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        return not self.differs


@dataclass
class Shelf:
    """What was measured, the latest last; forgotten when code or data change."""

    kept: list[tuple[Recipe, Measured]] = field(default_factory=list)

    def put(self, recipe: Recipe, measured: Measured) -> None:
        self.kept = [pair for pair in self.kept if pair[0] != recipe]
        self.kept.append((recipe, measured))

    def clear(self) -> None:
        self.kept.clear()

    def find(self, recipe: Recipe) -> Found | None:
        """The facts of the most similar recipe; None without any for this program, data and metric."""
        best: tuple[Recipe, Measured, tuple[str, ...]] | None = None
        for other, measured in self.kept:
            differs = differences(other, recipe)
            if differs is not None and (best is None or _weight(differs) <= _weight(best[2])):
                best = (other, measured, differs)
        if best is None:
            return None
        other, measured, differs = best
        return Found(adapt_facts(measured, other, recipe), differs)


_WEIGHTS = {"parameters": 1, "seed": 1, "optimizer": 2, "models": 4, "split": 8}


def differences(measured: Recipe, wanted: Recipe) -> tuple[str, ...] | None:
    """In what two recipes differ that facts depend on; None where the facts say nothing about the other."""
    if (measured.program, measured.metric) != (wanted.program, wanted.metric):
        return None
    if _without_split(measured) != _without_split(wanted):
        return None
    found = []
    if measured.data.split != wanted.data.split:
        found.append("split")
    if measured.models != wanted.models:
        found.append("models")
    one, other = measured.optimizer, wanted.optimizer
    if one != other:
        same = one is not None and other is not None and one.name == other.name
        found.append("parameters" if same else "optimizer")
    if measured.run.seed != wanted.run.seed:
        found.append("seed")
    return tuple(found)


def _without_split(recipe: Recipe) -> object:
    return msgspec.structs.replace(recipe.data, split=SplitSpec())


def _weight(differs: tuple[str, ...]) -> int:
    return sum(_WEIGHTS[name] for name in differs)
