"""Measures what estimates rest on, in a process of its own: real runs of the user's program on a few rows."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import time
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ..cost.facts import CallTokens, FactsAnswer, FactsRequest, Measured
from ..errors import CompilotError, RunError, StopRun
from ..recipe import Budget, Recipe, Role
from ..store.atomic import write_atomic
from .events import EventLog
from .folder import RunFolder
from .recorder import Recorder

if TYPE_CHECKING:
    from ..optimizers.base import CompileInputs
    from .execute import Job

_ROWS = {"thorough": 20, "small": 6}
_RUNS = {"thorough": None, "small": 12}
"""Most teacher runs of the bootstraps that are tried."""
_DEMO_ROWS = 3
_DEMOS = 8
_RAISE = "raise the cap; measuring runs the program on a few rows first"
Ledger = dict[str, dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Measure what the request file asks for; facts.json holds an answer for each recipe."""
    request = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=FactsRequest)
    answers = measure(request)
    write_atomic(Path(request.folder) / "facts.json", msgspec.json.encode(answers))
    return 0


def measure(request: FactsRequest) -> list[FactsAnswer]:
    """An answer for each recipe; they share one journal, so that nothing is asked twice."""
    began = time.perf_counter()
    from ..programs.imports import project_files
    from .prepare import prepare_job

    root = Path(request.workspace).resolve()
    folder = RunFolder(Path(request.folder))
    folder.candidates.mkdir()
    folder.evaluations.mkdir()
    recorder = Recorder(folder, EventLog(folder.events))
    try:
        # Of the caps only the one on dollars holds here: measuring is no part of the run.
        first = msgspec.structs.replace(request.recipes[0], budget=Budget(usd=request.recipes[0].budget.usd))
        job = prepare_job(first, folder, root, recorder, attempt=1, on_warning=lambda _: None)
    except CompilotError as error:
        traceback.print_exc(file=sys.stderr)
        return [FactsAnswer(error=error.to_dict()) for _ in request.recipes]
    start_seconds = time.perf_counter() - began
    job.metric.judge_lm = job.lms["judge"]
    plain: Measured | None = None
    answers = []
    try:
        for recipe in request.recipes:
            try:
                plain = plain or _measure_plain(job, _ROWS[request.depth])
                measured = _measure_one(job, recipe, request, plain)
            except CompilotError as error:
                answers.append(FactsAnswer(error=error.to_dict()))
            except StopRun as stop:
                stopped = RunError(f"measuring was stopped: {stop.detail}", where="budget.usd", fix=_RAISE)
                answers.append(FactsAnswer(error=stopped.to_dict()))
            else:
                measured = msgspec.structs.replace(measured, start_seconds=start_seconds)
                answers.append(FactsAnswer(measured=measured))
    finally:
        job.meter.close()
    code = {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in project_files(root)
    }
    return [msgspec.structs.replace(answer, code=code) for answer in answers]


def _measure_plain(job: Job, rows: int) -> Measured:
    """The program as it is: tokens and seconds of its calls, and what a demonstration adds to them."""
    from ..optimizers.probe import SilentObserver, measure_program
    from .revive import compile_inputs

    inputs = dataclasses.replace(compile_inputs(job), params={}, observer=SilentObserver())
    with _settings(job):
        with_demos, demos = _measure_demos(job, inputs)
        before = job.meter.snapshot()
        began = time.perf_counter()
        facts = measure_program(inputs, test=len(job.splits["test"]), rows=rows)
        seconds = time.perf_counter() - began
    spent = _difference(before, job.meter.snapshot())
    tokens, latency = _tokens(spent), _latency(spent)
    runs = min(rows, len(inputs.valset) or len(inputs.trainset))
    calling = sum(latency[role] * spent[role]["paid"] for role in latency)
    demo_tokens = 0.0
    if demos and with_demos is not None and "student" in tokens:
        demo_tokens = max(0.0, (with_demos.input - tokens["student"].input) / demos)
    return Measured(
        facts=facts,
        tokens=tokens,
        demo_tokens=demo_tokens,
        latency_seconds=latency,
        own_seconds=max(0.0, seconds - calling) / max(runs, 1),
        rows=runs,
    )


def _measure_demos(job: Job, inputs: CompileInputs) -> tuple[CallTokens | None, int]:
    """Tokens of the student's calls when every predictor holds some demonstrations, and how many."""
    import dspy

    demos = min(_DEMOS, len(inputs.trainset))
    program = dspy.LabeledFewShot(k=demos).compile(inputs.student, trainset=inputs.trainset)
    before = job.meter.snapshot()
    for example in (inputs.valset or inputs.trainset)[:_DEMO_ROWS]:
        try:
            program(**example.inputs())
        except Exception as error:  # noqa: BLE001  # the user's program: its errors are counted elsewhere
            job.recorder.log(f"a run with demonstrations failed: {type(error).__name__}: {error}")
    return _tokens(_difference(before, job.meter.snapshot())).get("student"), demos


def _measure_one(job: Job, recipe: Recipe, request: FactsRequest, plain: Measured) -> Measured:
    from ..optimizers import registry
    from ..optimizers.probe import SilentObserver, measure_facts
    from .revive import compile_inputs

    assert recipe.optimizer is not None
    inputs = dataclasses.replace(
        compile_inputs(job), params=recipe.optimizer.params, observer=SilentObserver()
    )
    before = job.meter.snapshot()
    with _settings(job):
        facts = measure_facts(
            registry.get(recipe.optimizer.name),
            inputs,
            test=len(job.splits["test"]),
            rows=_ROWS[request.depth],
            max_runs=_RUNS[request.depth],
            thorough=request.depth == "thorough",
        )
    total = job.meter.snapshot()
    own = _difference(before, total)
    # What another recipe paid for already is replayed here: its tokens are the same.
    ever = _difference({}, total)
    usd = [role["usd"] if not role["unpriced"] else None for role in total.values()]
    return Measured(
        facts=facts,
        tokens={**_tokens(ever), **_tokens(own), **plain.tokens},
        demo_tokens=plain.demo_tokens,
        latency_seconds={**_latency(ever), **_latency(own), **plain.latency_seconds},
        own_seconds=plain.own_seconds,
        rows=plain.rows,
        calls=sum(int(role["paid"]) for role in total.values()),
        usd=None if None in usd else sum(cost for cost in usd if cost is not None),
        depth=request.depth,
    )


def _settings(job: Job) -> AbstractContextManager[None]:
    """dspy as a run has it."""
    import dspy

    return cast(
        "AbstractContextManager[None]",
        dspy.context(
            lm=job.lms["student"],
            disable_history=True,
            max_errors=job.recipe.run.max_errors,
            callbacks=[],
        ),
    )


def _difference(before: Ledger, after: Ledger) -> Ledger:
    """Paid answers, their tokens and their seconds between two snapshots, by role."""
    grown: Ledger = {}
    for role, now in after.items():
        old = before.get(role, {})
        seconds = [(one.get("latency_seconds") or 0.0) * one.get("paid", 0) for one in (old, now)]
        grown[role] = {
            "paid": now["paid"] - old.get("paid", 0),
            "input": now["input_tokens"] - old.get("input_tokens", 0),
            "output": now["output_tokens"] - old.get("output_tokens", 0),
            "seconds": seconds[1] - seconds[0],
        }
    return grown


def _tokens(spent: Ledger) -> dict[Role, CallTokens]:
    return {
        cast("Role", role): CallTokens(one["input"] / one["paid"], one["output"] / one["paid"])
        for role, one in spent.items()
        if one["paid"] > 0
    }


def _latency(spent: Ledger) -> dict[Role, float]:
    return {
        cast("Role", role): one["seconds"] / one["paid"] for role, one in spent.items() if one["paid"] > 0
    }
