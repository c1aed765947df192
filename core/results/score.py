"""Scores a saved program over a split, in a process of its own."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from ..errors import CompilotError, RunError, StopRun
from ..models.gate import Gate, Spend
from ..models.journal import open_for_reading
from ..recipe import Budget, Recipe
from ..runs.events import EventLog
from ..runs.folder import RunFolder
from ..runs.recorder import Recorder
from ..store.atomic import write_atomic


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to score and where to leave the result."""

    recipe: Recipe
    workspace: str
    split: str
    folder: str
    """An empty folder of this scoring: its own log, ledger and journal; the answer is score.json."""
    run: str | None = None
    """The run whose candidate is scored."""
    candidate: str | None = None
    program: str | None = None
    """A program file that is scored instead."""
    replay: bool = True
    """Answer from the run's journal what it holds; only new prompts are paid for."""


def main(arguments: list[str]) -> int:
    """Score what the request file says; score.json holds the result, or the error for a person."""
    request = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=ScoreRequest)
    folder = Path(request.folder)
    try:
        result = score(request)
    except CompilotError as error:
        traceback.print_exc(file=sys.stderr)
        write_atomic(folder / "score.json", orjson.dumps({"error": error.to_dict()}))
        return 1
    write_atomic(folder / "score.json", orjson.dumps(result, default=str))
    return 0


def score(request: ScoreRequest) -> dict[str, Any]:
    """Mean over the rows that did not error, with every row, the split's hash and what it cost."""
    import dspy

    from ..programs.save import load_program_state
    from ..programs.state import apply_state, dump_state, state_id
    from ..runs.evaluate import evaluate_program
    from ..runs.prepare import prepare_job
    from ..runs.revive import revive_candidate
    from ..runs.rows import ordered_rows

    folder = RunFolder(Path(request.folder))
    folder.candidates.mkdir(exist_ok=True)
    folder.evaluations.mkdir(exist_ok=True)
    if request.replay and request.run:
        copy_journal(RunFolder(Path(request.run)).journal, folder.journal)
    recorder = Recorder(folder, EventLog(folder.events))
    root = Path(request.workspace)
    job = prepare_job(request.recipe, folder, root, recorder, attempt=1, on_warning=lambda _: None)
    warnings: tuple[str, ...] = ()
    if request.program:
        program = job.program.deepcopy()
        loaded = load_program_state(Path(request.program), program)
        apply_state(program, {**dump_state(program), **loaded.state})
        warnings = loaded.warnings
    else:
        assert request.run is not None
        assert request.candidate is not None
        program = revive_candidate(job, RunFolder(Path(request.run)), request.candidate)
    examples = job.splits[request.split]  # type: ignore[index]
    if not examples:
        raise RunError(
            f"the {request.split} part is empty", where="data.split", fix="choose another with --split"
        )
    job.metric.judge_lm = job.lms["judge"]
    _own_caps(job.meter.gate, request.recipe.budget)
    run = request.recipe.run
    recorded = job.meter.snapshot()
    try:
        with dspy.context(lm=job.lms["student"], disable_history=True, callbacks=[]):
            result = evaluate_program(
                program,
                examples,
                job.metric,
                num_threads=run.num_threads,
                max_errors=run.max_errors,
                on_row=lambda row: recorder.metric_called(None, None),
            )
    except StopRun as stop:
        fix = ""
        if stop.reason == "budget":
            place = "Limits in Runs" if request.run else "`budget` in compilot.toml"
            fix = f"a scoring may spend what its recipe allows a run; {place} can allow more"
        raise RunError(f"the scoring was stopped: {stop.detail}", where=request.split, fix=fix) from stop
    finally:
        ledger = count_since(recorded, job.meter.snapshot())
        job.meter.close()
    return {
        "split": request.split,
        "data": job.data_hash,
        "score": result.score,
        "size": len(result.rows),
        "errors": result.errors,
        "state": state_id(dump_state(program)),
        "warnings": list(warnings),
        "ledger": ledger,
        "rows": ordered_rows(result.rows),
    }


def _own_caps(gate: Gate, budget: Budget) -> None:
    """Caps as a run has them, over what the scoring itself spends: the run's own spend is none of it.

    How many calls it makes is decided by its rows, so a run that was capped to fewer can still be scored.
    """
    gate.set_caps(replace(budget, calls=None), spent=Spend(), seconds=0.0)


_COUNTS = ("asked", "paid", "joined", "replayed", "errors", "retries", "input_tokens", "output_tokens", "usd")


def count_since(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What was asked and paid between two snapshots of a ledger, by role; usd None where unknown."""
    return {
        role: {
            name: None
            if counts[name] is None or before.get(role, {}).get(name, 0) is None
            else counts[name] - before.get(role, {}).get(name, 0)
            for name in _COUNTS
        }
        for role, counts in after.items()
    }


def copy_journal(source: Path, destination: Path) -> None:
    """A consistent copy, also while the source is written to."""
    if not source.exists():
        return
    reader = open_for_reading(source)
    writer = sqlite3.connect(destination)
    try:
        reader.backup(writer)
    finally:
        reader.close()
        writer.close()
