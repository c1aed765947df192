"""Runs from a script: start one, follow it, find it again, or compile live dspy objects in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .recipe import Recipe, Role
from .runs.follow import afollow, load_state
from .runs.launch import RunHandle
from .runs.launch import resume_run as _resume
from .runs.launch import start_run as _start
from .runs.listing import find_run
from .runs.reduce import RunState

if TYPE_CHECKING:
    import dspy

    from .recipe import Budget
    from .runs.execute import Outcome

__all__ = ["compile_program", "follow", "load_run", "load_state", "resume_run", "start_run"]


def start_run(
    recipe: Recipe,
    workspace: Path | str | None = None,
    *,
    run_id: str | None = None,
    after: str | None = None,
) -> RunHandle:
    """Start a run of the recipe in its own process and return at once; with `after`, another run's id, it
    begins when that one is over.

    `workspace` is the folder that the recipe's targets and files are relative to; a recipe made by
    `Workspace.recipe` knows its own.
    """
    return _start(recipe, Path(workspace or recipe.workspace or "."), run_id=run_id, after=after)


def resume_run(run: RunHandle | Path | str, *, force: bool = False) -> RunHandle:
    """Go on with a run whose process ended; `force` where its program or data changed since."""
    return _resume(_folder(run), force=force)


def load_run(run: str = "latest", workspace: Path | str = ".") -> RunHandle:
    """A run of a workspace, by id, by a beginning of it, or the latest."""
    folder = find_run(Path(workspace), run)
    owner = load_state(folder).owner
    return RunHandle(folder.name, folder, owner.pid if owner else 0)


async def follow(run: RunHandle | Path | str, *, poll_seconds: float = 0.1) -> AsyncIterator[RunState]:
    """The run's state after each batch of events, until it ends or its process is gone."""
    async for state in afollow(_folder(run), poll_seconds):
        yield state


def compile_program(
    *,
    program: dspy.Module,
    trainset: Sequence[dspy.Example],
    metric: Callable[..., Any],
    optimizer: str,
    valset: Sequence[dspy.Example] | None = None,
    testset: Sequence[dspy.Example] = (),
    params: Mapping[str, Any] | None = None,
    lms: Mapping[Role, dspy.LM] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    num_threads: int = 8,
    folder: Path | str | None = None,
) -> Outcome:
    """Compile live dspy objects in this process, with all that a run has: ledger, caps, journal, candidates.

    `lms` gives LMs by role; without one for the student, dspy's configured LM serves. `valset` defaults to
    the train set, as dspy's optimizers do. The run folder is kept at `folder`, or in `.compilot/runs`; the
    outcome's `program` is the best one; `status` and `stop_reason` say how it ended.
    """
    from .runs.live import compile_live

    return compile_live(
        program=program,
        splits={"train": list(trainset), "val": list(valset or trainset), "test": list(testset)},
        metric=metric,
        optimizer=optimizer,
        params=dict(params or {}),
        lms=dict(lms or {}),
        budget=budget,
        seed=seed,
        num_threads=num_threads,
        folder=Path(folder) if folder else None,
    )


def _folder(run: RunHandle | Path | str) -> Path:
    return run.folder if isinstance(run, RunHandle) else Path(run)
