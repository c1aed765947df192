"""A run in this process over live dspy objects, for notebooks and scripts."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dspy
import msgspec

from ..errors import CompilotError, ModelError
from ..metrics.adapt import AdaptedMetric
from ..models.meter import Meter
from ..models.roles import fill_roles
from ..optimizers import registry
from ..recipe import (
    Budget,
    DataSpec,
    MetricSpec,
    ModelProfile,
    OptimizerSpec,
    ProgramSpec,
    Recipe,
    Role,
    RunSpec,
)
from ..workspace import Workspace
from . import events as ev
from .control import GRACE_SECONDS
from .evaluate import describe_exception, first_line
from .events import EventLog
from .execute import Job, Outcome, execute
from .folder import RunFolder
from .launch import new_run_id
from .process import describe_self
from .recorder import Recorder


def compile_live(
    *,
    program: dspy.Module,
    splits: Mapping[ev.Split, Sequence[dspy.Example]],
    metric: Callable[..., Any],
    optimizer: str,
    params: dict[str, Any],
    lms: dict[Role, dspy.LM],
    budget: Budget | None,
    seed: int,
    num_threads: int,
    folder: Path | None,
) -> Outcome:
    """`core.compile_program`, with its splits named. Raises `CompilotError` for what is wrong beforehand."""
    chosen = registry.get(optimizer)
    student = lms.get("student") or dspy.settings.lm
    if student is None:
        raise ModelError("no LM is set", fix="give lms={'student': dspy.LM(…)}, or call dspy.configure(lm=…)")
    given: dict[Role, dspy.LM] = {**lms, "student": student}
    spec = MetricSpec(target=getattr(metric, "__qualname__", type(metric).__qualname__))
    recipe = Recipe(
        program=ProgramSpec(target=type(program).__qualname__),
        data=DataSpec(inputs=tuple(sorted(splits["train"][0].inputs().keys())) if splits["train"] else ()),
        metric=spec,
        models={role: ModelProfile(model=lm.model) for role, lm in given.items()},
        optimizer=OptimizerSpec(name=optimizer, params=params),
        budget=budget or Budget(),
        run=RunSpec(num_threads=num_threads, seed=seed),
    )
    root = Path.cwd()
    adapted = AdaptedMetric(metric, spec, root)
    own = {split: _own_rows(examples) for split, examples in splits.items()}
    with _LiveRun(_make_folder(folder, recipe, root), recipe) as run:
        job = Job(
            recipe=recipe,
            folder=run.folder,
            optimizer=chosen,
            program=program.deepcopy(),
            splits=own,
            metric=adapted,
            meter=run.meter,
            lms={role: run.meter.adopt(lm, role) for role, lm in fill_roles(given).items()},
            recorder=run.recorder,
            workspace=root,
            data_hash="",
        )
        run.outcome = execute(job)
    return run.outcome


def _own_rows(examples: Sequence[dspy.Example]) -> list[dspy.Example]:
    """An object for each row: rows are told apart by identity, and a set may hold one example twice."""
    return [copy.copy(example) for example in examples]


def _make_folder(folder: Path | None, recipe: Recipe, root: Path) -> RunFolder:
    assert recipe.optimizer is not None
    if folder is None:
        workspace = Workspace(root)
        workspace.prepare()
        folder = workspace.runs_dir / new_run_id(recipe.optimizer.name)
    place = RunFolder(folder)
    place.create(recipe, root, time.time())
    return place


class _LiveRun:
    """The record of a run in this process, from its first event to its last, however it ends."""

    def __init__(self, folder: RunFolder, recipe: Recipe) -> None:
        assert recipe.optimizer is not None
        self.folder = folder
        self.outcome = Outcome("failed", "failed")
        self._started = time.monotonic()
        self._owner = describe_self(1, in_process=True)
        self._log = EventLog(folder.events)
        self.recorder = Recorder(folder, self._log)
        self.meter = Meter.open(
            folder.path,
            budget=recipe.budget,
            num_threads=recipe.run.num_threads,
            on_warning=lambda warn: self._log.emit(ev.BudgetReached(**dataclasses.asdict(warn))),
            on_notice=lambda notice: self.recorder.warn(notice.text, where=f"models.{notice.role}"),
        )
        folder.write_owner(self._owner)
        self._log.emit(
            ev.RunStarted(
                run_id=folder.run_id, attempt=1, optimizer=recipe.optimizer.name, recipe_hash=recipe.hash
            )
        )

    def __enter__(self) -> _LiveRun:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self._note(error)
        self._settle()
        told = error if isinstance(error, CompilotError) else None
        self._log.emit(ev.LmCalls(roles=self.meter.snapshot()))
        self._log.emit(
            ev.RunEnded(
                status=self.outcome.status,
                stop_reason=self.outcome.stop_reason,
                detail=self.outcome.detail,
                where=told.where if told else self.outcome.where,
                fix=told.fix if told else "",
                seconds=time.monotonic() - self._started,
                scores={"baseline": self.outcome.baseline, "best": self.outcome.best},
                best=self.outcome.candidate,
                artifact=str(self.folder.program) if self.folder.program.exists() else None,
                rollouts=self.recorder.rollouts,
            )
        )
        self._log.close()
        self.meter.close()
        # The notebook lives on: without this its finished run could not be removed, and others would wait.
        self.folder.write_owner(msgspec.structs.replace(self._owner, pid=0))

    def _settle(self) -> None:
        """Wait for the calls under way; a second interrupt leaves them behind."""
        try:
            left = self.meter.settle(GRACE_SECONDS)
        except KeyboardInterrupt:
            left = self.meter.settle(0.0)
        self.outcome.tell_left(left)

    def _note(self, error: BaseException) -> None:
        """How a run ended that an exception ended; the exception goes on to the caller."""
        outcome = self.outcome
        if isinstance(error, KeyboardInterrupt):
            outcome.status, outcome.stop_reason, outcome.detail = (
                "stopped",
                "stopped",
                "interrupted where it ran",
            )
        elif isinstance(error, CompilotError):
            outcome.detail = error.what
        else:
            outcome.detail = first_line(describe_exception(error))
        scores, candidate = self.recorder.full_val_scores(), self.recorder.best_candidate
        outcome.candidate = candidate
        outcome.best["val"] = scores.get(candidate) if candidate else None
        outcome.baseline["val"] = scores.get(self.recorder.baseline) if self.recorder.baseline else None
