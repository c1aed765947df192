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

from ..cost.facts import CallTokens, Depth, FactsAnswer, FactsRequest, Measured
from ..errors import CompilotError, ModelError, RunError, StopRun
from ..recipe import Budget, Recipe, Role
from ..store.atomic import write_atomic
from .events import EventLog
from .folder import RunFolder
from .recorder import Recorder

if TYPE_CHECKING:
    from .execute import Job

_ROWS: dict[Depth, int] = {"thorough": 40, "small": 6}
_RUNS: dict[Depth, int | None] = {"thorough": 400, "small": 12}
"""Most teacher runs of the bootstraps that are tried."""
_DEMO_ROWS: dict[Depth, int] = {"thorough": 8, "small": 3}
_DEMOS = 8
_REPLAYS = 2
"""Passes over the rows that ask no model; the faster one counts, since other programs run on this machine."""
_RAISE = "raise the cap; measuring runs the program on a few rows first"
_REACH = (
    "look at the model's name, its address (api_base), its key and the network; "
    "`compilot check --ask-models` asks it once"
)
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

    root = Path(request.workspace).resolve()
    try:
        job = _open_job(request.recipes[0], Path(request.folder), root)
    except CompilotError as error:
        traceback.print_exc(file=sys.stderr)
        return [FactsAnswer(error=error.to_dict()) for _ in request.recipes]
    start_seconds = time.perf_counter() - began
    plain: Measured | None = None
    answers = []
    try:
        for place, recipe in enumerate(request.recipes):
            own = job
            try:
                plain = plain or _measure_plain(job, request.depth)
                if _is_repeated(request, place):
                    # In the same journal its proposer would only repeat answers, and show no tokens.
                    own = _open_job(recipe, Path(request.folder) / str(place), root)
                try:
                    measured = _measure_one(own, recipe, request, plain)
                finally:
                    if own is not job:
                        own.meter.close()
            except CompilotError as error:
                answers.append(FactsAnswer(error=error.to_dict()))
            except StopRun as stop:
                answers.append(FactsAnswer(error=_tell_stop(stop, own.meter.snapshot()).to_dict()))
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


def _tell_stop(stop: StopRun, spent: Ledger) -> CompilotError:
    """What stopped the measuring: the cap, a silent model, or something else of this machine."""
    what = f"measuring was stopped: {stop.detail}"
    if stop.reason == "budget":
        return RunError(what, where="budget.usd", fix=_RAISE)
    silent = max(spent, key=lambda role: int(spent[role]["errors"]), default=None)
    if silent is not None and spent[silent]["errors"]:
        return ModelError(what, where=f"models.{silent}", fix=_REACH)
    return RunError(what, fix="mend that, then measure again")


def _open_job(recipe: Recipe, place: Path, root: Path) -> Job:
    """Everything loaded and metered, with the place as its run folder."""
    from .prepare import prepare_job

    folder = RunFolder(place)
    folder.candidates.mkdir(parents=True)
    folder.evaluations.mkdir()
    recorder = Recorder(folder, EventLog(folder.events))
    # Of the caps only the one on dollars holds here: measuring is no part of the run.
    capped = msgspec.structs.replace(recipe, budget=Budget(usd=recipe.budget.usd))
    job = prepare_job(capped, folder, root, recorder, attempt=1, on_warning=lambda _: None)
    job.metric.judge_lm = job.lms["judge"]
    return job


def _is_repeated(request: FactsRequest, place: int) -> bool:
    """Whether models are free, and an earlier recipe has the same optimizer with other parameters."""
    names = [recipe.optimizer.name if recipe.optimizer else "" for recipe in request.recipes]
    return request.depth == "thorough" and names[place] in names[:place]


def _measure_plain(job: Job, depth: Depth) -> Measured:
    """The program as it is: tokens and seconds of its calls, and what a demonstration adds to them."""
    from ..optimizers import probe_program as probe
    from ..optimizers.probe import SilentObserver
    from .revive import compile_inputs

    inputs = dataclasses.replace(compile_inputs(job), params={}, observer=SilentObserver())
    few, test = _DEMO_ROWS[depth], len(job.splits["test"])
    with _settings(job):
        start = job.meter.snapshot()
        first = probe.run_program(inputs, test=test, rows=few)
        short = job.meter.snapshot()
        began = time.perf_counter()
        runs = probe.run_program(inputs, test=test, rows=_ROWS[depth])
        seconds = time.perf_counter() - began
        end = job.meter.snapshot()
        replays = []
        for _ in range(_REPLAYS):
            again = time.perf_counter()
            probe.run_program(inputs, test=test, rows=_ROWS[depth])
            replays.append(time.perf_counter() - again)
        replaying = min(replays)
        # Each with the same rows, so that nothing but the demonstrations differs.
        labels = min(_DEMOS, len(inputs.trainset))
        kinds = [[probe.read_inputs(inputs.student, trace) for trace in first.traces]]
        kinds.append(probe.run_with_labels(inputs, first.examples, labels))
        labeled = job.meter.snapshot()
        shown = runs.traces[len(first.traces) :][:_DEMOS] or runs.traces[:1]
        kinds.append(probe.run_with_traces(inputs, first.examples, shown))
        traced = job.meter.snapshot()
        if depth == "thorough":
            kinds += [probe.run_with_labels(inputs, first.examples, k) for k in range(1, labels, 2)]
            kinds += [probe.run_with_traces(inputs, first.examples, [one]) for one in shown[:4]]
    spent, timed = _difference(start, end), _difference(short, end)
    latency = _latency(spent)
    rows = min(_ROWS[depth], len(inputs.valset) or len(inputs.trainset))
    own_seconds = replaying / max(rows, 1)
    paid = timed.get("student", {}).get("paid", 0)
    if paid:
        # With the answer's way into the journal.
        latency["student"] = max(latency["student"], (seconds - replaying) / paid)
    base = _tokens(_difference(start, short)).get("student")
    return Measured(
        facts=probe.find_alternatives(runs.facts, kinds),
        tokens=_tokens(spent),
        demo_tokens=_added(base, _difference(end, labeled), labels),
        trace_tokens=_added(base, _difference(labeled, traced), len(shown)),
        latency_seconds=latency,
        own_seconds=own_seconds,
        rows=rows,
    )


def _added(base: CallTokens | None, spent: Ledger, demos: int) -> float:
    """Input tokens that each of so many demonstrations added to a call."""
    found = _tokens(spent).get("student")
    if base is None or found is None or not demos:
        return 0.0
    return max(0.0, (found.input - base.input) / demos)


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
            known=plain.facts,
        )
    total = job.meter.snapshot()
    own = _difference(before, total)
    usd = [role["usd"] if not role["unpriced"] else None for role in total.values()]
    return Measured(
        facts=facts,
        tokens={**_tokens(own), **plain.tokens},
        demo_tokens=plain.demo_tokens,
        trace_tokens=plain.trace_tokens,
        latency_seconds={**_latency(own), **plain.latency_seconds},
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
