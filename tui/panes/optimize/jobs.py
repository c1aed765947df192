"""What the Optimize place computes in threads and child processes. Nothing here touches a widget."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.cost.estimate import Estimate, estimate_run
from core.cost.facts import Measured, depth_of, find_facts, get_facts
from core.errors import CompilotError
from core.optimizers import registry
from core.recipe import OptimizerSpec, Recipe

from .shelf import Shelf

Pair = tuple[Recipe, Measured]
MEASURED_KEY = "optimize.measured"
"""Under this the session remembers which optimizers were measured with which parameters."""
_REMEMBERED = 8


def find_kept(draft: Recipe, kept: Sequence[Recipe], remembered: Iterable[Any], root: Path) -> list[Pair]:
    """Facts on disk that are still true of code and data: for the draft, and for what was measured before.

    Where there are none, those for any optimizer with its own defaults.
    """
    tried = [draft, *(recipe for recipe in kept if recipe != draft)]
    tried += [recipe for told in remembered if (recipe := _recall(draft, told)) is not None]
    found = _look_up(tried, root)
    if not found and draft.optimizer is not None:
        names = [draft.optimizer.name, *registry.names()]
        for name in dict.fromkeys(names):
            found = _look_up([with_optimizer(draft, name)], root)
            if found:
                break
    return found[::-1]


def note_measured(remembered: Sequence[Any], recipe: Recipe) -> list[Any]:
    """What to remember after this recipe was measured."""
    told = msgspec.to_builtins((recipe.optimizer, recipe.run.seed))
    return [list(told), *(other for other in remembered if list(other) != list(told))][:_REMEMBERED]


def measure(recipe: Recipe, root: Path, cancel: threading.Event) -> Measured:
    """Run the program on a few rows in a child process. Raises `CompilotError`, also when cancelled."""
    return get_facts(recipe, root, cancel=cancel)


def estimate_all(draft: Recipe, shelf: Shelf) -> dict[str, Estimate | str]:
    """Every optimizer with its own defaults; why, where there is no figure."""
    found: dict[str, Estimate | str] = {}
    for name in registry.names():
        recipe = with_optimizer(draft, name)
        facts = shelf.find(recipe)
        if facts is None:
            continue
        try:
            found[name] = estimate_run(recipe, facts.measured)
        except CompilotError as error:
            found[name] = error.what
    return found


def with_optimizer(recipe: Recipe, name: str) -> Recipe:
    """The same recipe with another optimizer's defaults."""
    return msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name=name))


def measuring_costs(recipe: Recipe) -> str:
    """What it takes to measure, before it is done."""
    if depth_of(recipe) == "thorough":
        return "free with embedded models"
    return "about 20 runs of the program on your models, paid for"


def _look_up(recipes: Sequence[Recipe], root: Path) -> list[Pair]:
    found = []
    for recipe in recipes:
        measured = find_facts(recipe, root) if recipe.optimizer is not None else None
        if measured is not None:
            found.append((recipe, measured))
    return found


def _recall(draft: Recipe, told: Any) -> Recipe | None:
    try:
        optimizer, seed = msgspec.convert(told, tuple[OptimizerSpec, int])
    except msgspec.ValidationError:
        return None  # remembered by another version
    run = msgspec.structs.replace(draft.run, seed=seed)
    return msgspec.structs.replace(draft, optimizer=optimizer, run=run)
