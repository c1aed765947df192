"""A run in this process over live dspy objects, for notebooks and scripts."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dspy

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
from . import events as ev
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
    place = RunFolder(folder or root / ".compilot" / "runs" / new_run_id(optimizer))
    place.create(recipe, root, time.time())
    place.write_owner(describe_self(1))
    log = EventLog(place.events)
    log.emit(ev.RunStarted(run_id=place.run_id, attempt=1, optimizer=optimizer, recipe_hash=recipe.hash))
    recorder = Recorder(place, log)
    meter = Meter.open(
        place.path,
        budget=recipe.budget,
        num_threads=num_threads,
        on_warning=lambda warn: log.emit(ev.BudgetReached(**dataclasses.asdict(warn))),
        on_notice=lambda notice: recorder.warn(notice.text, where=f"models.{notice.role}"),
    )
    job = Job(
        recipe=recipe,
        folder=place,
        optimizer=chosen,
        program=program.deepcopy(),
        splits=splits,
        metric=AdaptedMetric(metric, spec, root),
        meter=meter,
        lms={role: meter.adopt(lm, role) for role, lm in fill_roles(given).items()},
        recorder=recorder,
        workspace=root,
        data_hash="",
    )
    started = time.monotonic()
    outcome = Outcome("failed", "failed")
    try:
        outcome = execute(job)
    except CompilotError as error:
        outcome.detail = error.what
        raise
    finally:
        log.emit(ev.LmCalls(roles=meter.snapshot()))
        log.emit(
            ev.RunEnded(
                status=outcome.status,
                stop_reason=outcome.stop_reason,
                detail=outcome.detail,
                seconds=time.monotonic() - started,
                scores={"baseline": outcome.baseline, "best": outcome.best},
                best=outcome.candidate,
                artifact=str(place.program) if place.program.exists() else None,
            )
        )
        log.close()
        meter.close()
    return outcome
