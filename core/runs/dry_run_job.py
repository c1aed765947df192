"""The dry run's job in a child process: a whole run of the recipe on ghosts, counted and thrown away."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import dspy
import msgspec

from ..cost.dry_run import DryRunRequest, RateRun
from ..cost.ghost.adapter import make_adapter
from ..cost.ghost.calibrate import Seen, calibrate
from ..cost.ghost.engine import build_ghost_lms, replace_lms
from ..cost.ghost.follower import RefuseModels, follow_runs
from ..cost.ghost.ghost import Ghost, Limits
from ..errors import RunError, StopRun
from ..models.secrets import hide_keys
from ..optimizers import knn_few_shot
from ..programs.imports import project_files
from ..recipe import Recipe, Role
from .events import EventLog
from .execute import Job, Outcome, execute
from .folder import RunFolder
from .prepare import prepare_job
from .recorder import Recorder

_TELL_SECONDS = 0.2
_REFLECTED_ROWS = 3
"""GEPA's default."""
_HELPFUL_SHARE = 0.5
"""Part of the proposals that mend something in rows they are not about: nobody measures it."""
_TOOL_STEP = "next_tool_name"
_MODEL_MADE = re.compile(rb"LM\s*\(")
Progress = Callable[[Any], None]


def run_dry(params: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """One dry run; the result is a `RateRun`. Raises what loading the recipe raises, and `RunError`."""
    request = msgspec.convert(params, DryRunRequest)
    hide_keys(request.recipe.models.values())
    recipe, notes = _as_run_here(request.recipe)
    folder = RunFolder(Path(request.folder))
    folder.candidates.mkdir()
    folder.evaluations.mkdir()
    recorder = _Counting(folder, EventLog(folder.events))
    ghosts: list[Ghost] = []

    def open_models(
        program: dspy.Module, splits: Mapping[str, Sequence[Any]]
    ) -> tuple[Ghost, Mapping[Role, dspy.LM]]:
        rows = [example for part in splits.values() for example in part]
        steps = _steps_of(program, request.predictor_calls)
        ghost = Ghost(program, rows, steps=steps, reflected_rows=_reflected_rows(recipe))
        ghosts.append(ghost)
        if not follow_runs(program, ghost):
            notes.append(
                "the program's class allows no subclass: only calls with a row's own inputs can be right"
            )
        replaced = replace_lms(program, ghost)
        if replaced:
            notes.append(
                f"calls of the program's own {', '.join(sorted(set(replaced)))} count as the student's"
            )
        return ghost, build_ghost_lms(ghost, recipe.models)

    job = prepare_job(
        recipe,
        folder,
        Path(request.workspace),
        recorder,
        attempt=1,
        on_warning=lambda _: None,
        open_models=open_models,
    )
    ghost = ghosts[0]
    job.settings = {"adapter": make_adapter(ghost)}
    if _may_make_models(job.program, job.workspace):
        job.settings["callbacks"] = [RefuseModels(ghost)]
    job.improves = request.improves
    job.metric.judge_lm = job.lms["judge"]
    began = time.monotonic()
    with _telling(ghost, recorder, progress):
        ghost.limits = Limits(request.calls, began + request.seconds)
        seen = _calibrate(ghost, job, request)
        ghost.tuning.grasp = request.accepted_share
        ghost.tuning.lift = _lift_of(job, ghost.tuning.chance)
        started, cpu_started = time.perf_counter(), time.process_time()
        with redirect_stdout(_Nowhere()):
            outcome = execute(job)
        seconds = time.perf_counter() - started
        cpu_seconds = time.process_time() - cpu_started
    calls = ghost.counts()
    return msgspec.to_builtins(  # type: ignore[no-any-return]
        RateRun(
            success_rate=request.success_rate,
            reached=seen.success_rate,
            mean_score=seen.mean_score,
            chance=ghost.tuning.chance,
            calls=calls,
            program_runs=ghost.runs,
            metric_calls=recorder.rollouts,
            trials=recorder.trials,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            calls_per_second=sum(calls.values()) / seconds,
            ended=_how_it_ended(outcome),
            notes=tuple(notes),
        )
    )


class _Nowhere(io.TextIOBase):
    """Takes the place of stdout: dspy draws a progress bar for every example."""

    def write(self, text: str) -> int:
        return len(text)


class _Counting(Recorder):
    """A recorder that counts trials."""

    trials = 0
    trials_total: int | None = None
    fraction: float | None = None

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None:
        self.trials = max(self.trials, trial)
        self.trials_total, self.fraction = total, fraction
        super().trial_started(trial, total=total, fraction=fraction, note=note)


def _as_run_here(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """The recipe on one thread: counts are the same, and threads would only wait for one another."""
    here = msgspec.structs.replace(recipe, run=msgspec.structs.replace(recipe.run, num_threads=1))
    optimizer = recipe.optimizer
    vectorizer = (optimizer.params if optimizer else {}).get("vectorizer", knn_few_shot.HASHING)
    if optimizer is None or vectorizer == knn_few_shot.HASHING or ":" in vectorizer:
        return here, []
    params = {**optimizer.params, "vectorizer": knn_few_shot.HASHING}
    note = f"nearest rows are found by {knn_few_shot.HASHING}: {vectorizer} would have to be paid"
    return msgspec.structs.replace(here, optimizer=msgspec.structs.replace(optimizer, params=params)), [note]


def _may_make_models(program: dspy.Module, root: Path) -> bool:
    """Whether the code may make an LM while it runs; looking at every call takes time.

    Known for the workspace's own files and for dspy's modules, assumed of programs from elsewhere.
    """
    files = project_files(root)
    place = str(getattr(sys.modules.get(type(program).__module__), "__file__", ""))
    known = type(program).__module__.startswith("dspy.") or Path(place).resolve() in files
    return not known or any(_MODEL_MADE.search(path.read_bytes()) for path in files)


def _steps_of(program: dspy.Module, calls: Mapping[str, float]) -> float:
    """LM calls of one loop of tools, as measured; a tool and an end where nobody measured."""
    loops = [
        calls[name]
        for name, predictor in program.named_predictors()
        if _TOOL_STEP in predictor.signature.output_fields and name in calls
    ]
    return max(1.0, sum(loops) / len(loops)) if loops else 2.0


def _calibrate(ghost: Ghost, job: Job, request: DryRunRequest) -> Seen:
    try:
        with dspy.context(lm=job.lms["student"], disable_history=True, trace=[], **job.settings):
            return calibrate(
                ghost,
                job.program.deepcopy(),
                [*job.splits["val"], *job.splits["train"]],
                job.metric,
                success_rate=request.success_rate,
                mean_score=request.mean_score,
                demo_rate=request.demo_rate,
            )
    except StopRun as stop:
        detail = f"its limit of {stop.detail} came too early" if stop.reason == "budget" else stop.detail
        raise _failure(detail) from stop


def _reflected_rows(recipe: Recipe) -> int:
    params = recipe.optimizer.params if recipe.optimizer else {}
    return int(params.get("reflection_minibatch_size") or _REFLECTED_ROWS)


def _lift_of(job: Job, chance: float) -> float:
    """How much a proposal must mend so that half of the proposals do better on as many rows as GEPA tries.

    One does if any of their wrong answers turns right: of b rows and k predictors that is
    1 - (1 - lift)^(b · k · (1 - chance)). Nobody measures what proposals do to rows they are not about.
    """
    params = job.recipe.optimizer.params if job.recipe.optimizer else {}
    predictors = len(job.program.predictors()) if params.get("component_selector") == "all" else 1
    wrong = max(1.0, _reflected_rows(job.recipe) * predictors * (1.0 - chance))
    return float(1.0 - _HELPFUL_SHARE ** (1.0 / wrong))


def _how_it_ended(outcome: Outcome) -> Literal["completed", "calls", "seconds"]:
    if outcome.status == "completed":
        return "completed"
    if outcome.stop_reason != "budget":
        raise _failure(outcome.detail)
    return "calls" if outcome.detail == "calls" else "seconds"


def _failure(detail: str) -> RunError:
    return RunError(
        f"the dry run failed: {detail}",
        where="the program, the metric or the optimizer",
        fix="`compilot check` and `compilot program try` show more of what the code does",
    )


@contextmanager
def _telling(ghost: Ghost, recorder: _Counting, progress: Progress) -> Iterator[None]:
    """Tell how far it is a few times a second, from a thread of its own."""
    over = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not over.wait(_TELL_SECONDS):
            progress(
                {
                    "phase": recorder.phase,
                    "calls": ghost.counts(),
                    "trials": recorder.trials,
                    "trials_total": recorder.trials_total,
                    "fraction": recorder.fraction,
                    "seconds": time.monotonic() - began,
                }
            )

    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
