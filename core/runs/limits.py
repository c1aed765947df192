"""Caps and threads that a person sets for a run that exists: one small file in its folder, obeyed at once."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ..errors import RunError
from ..recipe import Budget, Recipe
from ..store.atomic import write_atomic
from .control import refuse_in_process
from .folder import RunFolder
from .process import is_alive

MOST_THREADS = 256


class Limits(msgspec.Struct, frozen=True):
    """In place of the recipe's own, for the attempt that runs and for later ones."""

    budget: Budget
    num_threads: int
    """Calls in flight to one model. An attempt never has more than the threads it began with."""
    t: float = 0.0


def read_limits(folder: RunFolder) -> Limits | None:
    """What was set last; None where nothing was, or where the file cannot be understood."""
    try:
        return msgspec.json.decode((folder.path / "limits.json").read_bytes(), type=Limits)
    except FileNotFoundError:
        return None
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None


def set_limits(path: Path, *, budget: Budget, num_threads: int) -> Limits:
    """Set a run's caps and threads. A living run obeys within 100 ms, a resumed one from its start.

    Raises `RunError` where a value makes no sense, the run has completed, or it is part of a notebook.
    """
    folder = RunFolder(path)
    _check(budget, num_threads)
    owner = folder.read_owner()
    refuse_in_process(folder, owner)
    if not is_alive(owner) and _has_completed(folder):
        raise RunError(
            f"run {folder.run_id} has completed: its limits no longer matter",
            where=str(path),
            fix="set them for the next run",
        )
    limits = Limits(budget, num_threads, time.time())
    write_atomic(path / "limits.json", msgspec.json.encode(limits))
    return limits


def apply_limits(recipe: Recipe, limits: Limits | None) -> Recipe:
    """The recipe as a run obeys it."""
    if limits is None:
        return recipe
    return replace(recipe, budget=limits.budget, run=replace(recipe.run, num_threads=limits.num_threads))


def caps_of(budget: Budget) -> dict[str, float]:
    """The caps that are set, by what they cap."""
    return {
        cap: float(value)
        for cap in ("usd", "calls", "tokens", "minutes")
        if (value := getattr(budget, cap)) is not None
    }


def _check(budget: Budget, num_threads: int) -> None:
    if not 1 <= num_threads <= MOST_THREADS:
        raise RunError(f"{num_threads} threads make no sense", fix=f"use 1 to {MOST_THREADS}")
    for cap, value in caps_of(budget).items():
        # The comparison is false for NaN too.
        if not 0 < value < 1e15:
            raise RunError(
                f"a cap of {value:g} {cap} makes no sense", fix="use a number above zero, or no cap"
            )


def _has_completed(folder: RunFolder) -> bool:
    result = folder.read_json("result.json")
    return isinstance(result, dict) and result.get("status") == "completed"
