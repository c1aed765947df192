"""One compile run in this process: baseline, the real optimizer's compile, the final scores."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dspy
import numpy

from ..errors import StopReason, StopRun
from ..optimizers.base import Optimizer
from ..programs.save import save_program
from ..programs.state import dump_state
from ..recipe import Recipe, Role
from ..wording import plural
from . import events as ev
from .evaluate import Evaluation, evaluate_program, verdict_row
from .failures import TooManyErrors
from .folder import RunFolder
from .recorder import Recorder
from .revive import compile_inputs, revive_candidate

if TYPE_CHECKING:
    from ..metrics.adapt import AdaptedMetric
    from ..metrics.verdict import Verdict
    from ..models.meter import Meter

OUTAGE_SHARE = 0.5
"""A compile in which more than this share of LM calls failed is not called a success."""


@dataclass
class Job:
    """A run that is ready to go: everything loaded, every LM metered."""

    recipe: Recipe
    folder: RunFolder
    optimizer: Optimizer
    program: dspy.Module
    splits: Mapping[ev.Split, Sequence[dspy.Example]]
    metric: AdaptedMetric
    meter: Meter
    lms: Mapping[Role, dspy.LM]
    recorder: Recorder
    workspace: Path
    data_hash: str
    attempt: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More of dspy's settings than every run has."""
    improves: bool | None = None
    """For a rehearsal, whose scores say nothing: whether something better than the baseline is found."""


@dataclass
class Outcome:
    """How a run ended and what it leaves."""

    status: Literal["completed", "stopped", "failed"]
    stop_reason: StopReason
    detail: str = ""
    where: str = ""
    fix: str = ""
    """Of a failure: the place, and what to do about it."""
    baseline: dict[str, float | None] = field(default_factory=lambda: {"val": None, "test": None})
    best: dict[str, float | None] = field(default_factory=lambda: {"val": None, "test": None})
    candidate: str | None = None
    program: dspy.Module | None = None

    def tell_left(self, calls: int) -> None:
        """Say that so many calls were still in flight at the end, whose answers are not recorded."""
        if calls:
            told = f"{plural(calls, 'call')} in flight left behind, which may be billed"
            self.detail = f"{self.detail}; {told}" if self.detail else told


def execute(job: Job) -> Outcome:
    """Run the job to its end or its stop; a stop keeps the best candidate so far.

    The test split is scored at the end only. `StopRun` ends a run with its reason; every other exception is
    the caller's.
    """
    job.recorder.data_loaded(job.splits)
    _seed_everything(job.recipe.run.seed)
    job.metric.judge_lm = job.lms["judge"]
    outcome = Outcome("completed", "completed")
    live: dict[str, dspy.Module] = {}
    settings: dict[str, Any] = {
        "lm": job.lms["student"],
        "disable_history": True,
        "max_errors": job.recipe.run.max_errors,
        "callbacks": [],
        **job.settings,
    }
    try:
        with dspy.context(**settings):
            _score_baseline(job, outcome, live)
            _compile(job, live)
            _check_calls(job)
            _score_final(job, outcome, live)
    except StopRun as stop:
        outcome.status = "failed" if stop.reason == "failed" else "stopped"
        outcome.stop_reason = stop.reason
        outcome.detail = stop.detail
        if isinstance(stop, TooManyErrors):
            outcome.where, outcome.fix = stop.where, stop.fix(job.folder.run_id)
    _keep_best(job, outcome, live)
    return outcome


def _score_baseline(job: Job, outcome: Outcome, live: dict[str, dspy.Module]) -> None:
    job.recorder.enter_phase("baseline")
    baseline = job.recorder.candidate(job.program, origin="baseline")
    live[baseline] = job.program.deepcopy()
    job.recorder.baseline = baseline
    outcome.candidate = baseline
    result = _score(job, job.program, "val", baseline)
    outcome.baseline["val"] = result.score
    outcome.best["val"] = result.score
    job.recorder.baseline_scored("val", result.score, result.errors, len(result.rows), baseline)


def _compile(job: Job, live: dict[str, dspy.Module]) -> None:
    recorder = job.recorder
    recorder.enter_phase("compile")
    recorder.watch_rows(job.splits["val"])

    def on_call(verdict: Verdict, example: dspy.Example, prediction: Any, _thread: int) -> None:
        if verdict.pred_name is not None:
            return  # GEPA asks again for one predictor's feedback: no evaluation of its own
        recorder.metric_called(lambda row: verdict_row(row, example, prediction, verdict), example)

    job.metric.on_call = on_call
    try:
        program = job.optimizer.compile(compile_inputs(job))
    finally:
        job.metric.on_call = None
    artifact = job.optimizer.spec.artifact
    returned = recorder.candidate_state(
        dump_state(program),
        origin=f"returned by {job.optimizer.spec.name}",
        runtime="" if artifact.portable else artifact.kind,
    )
    live[returned] = program
    recorder.returned = returned


def _check_calls(job: Job) -> None:
    """Optimizers report success after an outage or a stop; the gate and the ledger know better."""
    job.meter.gate.check()
    roles = job.meter.snapshot()
    asked = sum(role["asked"] for role in roles.values())
    errors = sum(role["errors"] for role in roles.values())
    if asked and errors / asked > OUTAGE_SHARE:
        raise StopRun("failed", f"{errors} of {asked} LM calls failed: the scores mean nothing")


def _score_final(job: Job, outcome: Outcome, live: dict[str, dspy.Module]) -> None:
    """Score the returned program in full, choose the best on val, and only then look at the test split."""
    recorder = job.recorder
    recorder.enter_phase("final")
    returned = recorder.returned
    assert returned is not None
    result = _score(job, live[returned], "val", returned)
    best = _choose(recorder.full_val_scores(), returned, result.score)
    if job.improves is not None and job.improves == (best == recorder.baseline):
        best = returned if job.improves else recorder.baseline or returned
    outcome.candidate = best
    outcome.best["val"] = recorder.full_val_scores().get(best, result.score)
    if not job.splits["test"]:
        return
    baseline = recorder.baseline
    assert baseline is not None
    test = _score(job, live[baseline], "test", baseline)
    outcome.baseline["test"] = test.score
    recorder.baseline_scored("test", test.score, test.errors, len(test.rows), baseline)
    if best == baseline:
        outcome.best["test"] = test.score
        return
    program = live.get(best) or revive_candidate(job, job.folder, best)
    outcome.best["test"] = _score(job, program, "test", best).score


def _choose(scores: Mapping[str, float], returned: str, returned_score: float | None) -> str:
    """The best full validation score; of equals, what the optimizer returned."""
    if not scores or returned_score is None:
        return returned
    top = max(scores.values())
    return returned if returned_score >= top else max(scores, key=lambda candidate: scores[candidate])


def _score(job: Job, program: dspy.Module, split: ev.Split, candidate: str) -> Evaluation:
    recorder = job.recorder
    examples = job.splits[split]
    evaluation = recorder.evaluation_started(kind="full", size=len(examples), candidate=candidate)
    result = evaluate_program(
        program,
        examples,
        job.metric,
        num_threads=job.recipe.run.num_threads,
        max_errors=job.recipe.run.max_errors,
        on_row=lambda row: recorder.metric_called(None, None),
    )
    recorder.save_rows(evaluation, result.rows, split=split, score=result.score, candidate=candidate)
    recorder.score(evaluation, "full", split, result.score, len(examples), result.errors, candidate)
    return result


def _keep_best(job: Job, outcome: Outcome, live: Mapping[str, dspy.Module]) -> None:
    """Write the best program where a plain `load` finds it; after a stop, the best of what was scored."""
    recorder = job.recorder
    if outcome.status != "completed":
        candidate = recorder.best_candidate
        outcome.candidate = candidate
        outcome.best["val"] = recorder.full_val_scores().get(candidate) if candidate else None
        outcome.best["test"] = None
    if outcome.candidate is None:
        return
    outcome.program = live.get(outcome.candidate) or revive_candidate(job, job.folder, outcome.candidate)
    save_program(outcome.program, job.folder.program)


def _seed_everything(seed: int) -> None:
    """For user code that draws from the global generators; dspy's optimizers are seeded by parameter."""
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
