"""The optimized program of a run, in this process, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..runs.folder import RunFolder
from ..runs.launch import RunHandle
from ..runs.revive import read_candidate
from .evaluate import best_candidate

if TYPE_CHECKING:
    import dspy


def load_program(run: RunHandle | Path | str, *, candidate: str | None = None) -> dspy.Module:
    """A run's best program (or another candidate of it), as a live `dspy.Module` with no LM set.

    Imports the workspace's program into this process. Raises `RunError` where the run scored nothing yet, and
    `ProgramError` where the program does not load or no longer has the predictors that were optimized.
    """
    from ..programs.imports import open_project
    from ..programs.load import load_program as load_target
    from ..programs.state import apply_state

    folder = RunFolder(run.folder if isinstance(run, RunHandle) else Path(run))
    stored = folder.read_recipe()
    root = Path(stored.workspace)
    open_project(root)
    program = load_target(stored.recipe.program, root)
    apply_state(program, read_candidate(folder, candidate or best_candidate(folder))["state"])
    return program
