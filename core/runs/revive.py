"""A candidate as a program again, from its state on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..errors import RunError
from ..optimizers.base import CompileInputs
from ..programs.state import apply_state

if TYPE_CHECKING:
    import dspy

    from .execute import Job
    from .folder import RunFolder


def read_candidate(folder: RunFolder, candidate: str) -> dict[str, Any]:
    """Id, parents, origin and state of a candidate. Raises `RunError` where there is none of that name."""
    path = folder.candidates / f"{candidate}.json"
    if path.parent != folder.candidates or not path.is_file():
        raise RunError(
            f"run {folder.run_id} has no candidate {candidate[:40]!r}",
            where=str(folder.candidates),
            fix=f"`compilot runs show {folder.run_id}` lists its candidates",
        )
    record: dict[str, Any] = orjson.loads(path.read_bytes())
    return record


def revive_candidate(job: Job, folder: RunFolder, candidate: str) -> dspy.Module:
    """The program with that candidate's state; makes no LM call.

    What an optimizer returns may be another kind of program than the student (an ensemble, a program that
    picks its demonstrations at run time): the optimizer then makes the shell that the state goes into.
    """
    record = read_candidate(folder, candidate)
    program = job.program.deepcopy()
    names = {name for name, _ in program.named_predictors()}
    if record.get("runtime") or set(record["state"]) != names:
        program = job.optimizer.shell(compile_inputs(job))
    apply_state(program, record["state"])
    return program


def compile_inputs(job: Job) -> CompileInputs:
    """What the job's optimizer is handed."""
    scratch = job.folder.path / f"attempt-{job.attempt}"
    scratch.mkdir(exist_ok=True)
    return CompileInputs(
        student=job.program.deepcopy(),
        trainset=list(job.splits["train"]),
        valset=list(job.splits["val"]),
        metric=job.metric,
        lms=job.lms,
        params=job.recipe.optimizer.params if job.recipe.optimizer else {},
        seed=job.recipe.run.seed,
        num_threads=job.recipe.run.num_threads,
        max_errors=job.recipe.run.max_errors,
        observer=job.recorder,
        workspace=job.workspace,
        scratch=scratch,
    )
