"""What a run came to, to keep or to send: one report as JSON or as markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import RunError
from ..jsonable import encode_json
from ..recipe import Recipe
from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.reduce import RunState
from ..runs.revive import read_candidate
from ..store.atomic import write_atomic
from .compare import Comparison, baseline_of, compare_candidates, read_training_rows
from .front import Front, find_front
from .heldout import HeldOut, read_held_out
from .leaderboard import Entry, read_entry
from .lineage import Lineage, build_lineage
from .markdown import report_markdown
from .prompts import count_letters
from .recorded import RowScores, ScoredRows, has_rows, read_scores


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is worth keeping of a run."""

    entry: Entry
    recipe: Recipe
    ledger: dict[str, dict[str, Any]]
    lineage: Lineage
    front: Front
    val: Comparison | None
    """Best against baseline; None while these are not both scored in full."""
    test: HeldOut | None
    """The held-out scores; None where the run did not come to them."""
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def report_run(path: Path) -> Report:
    """A run's report, from what it kept; calls no model. Raises `RunError` where it is no run."""
    folder = RunFolder(path)
    state = load_state(path)
    best, baseline = state.best.candidate, baseline_of(state)
    comparison, why_not = None, ""
    if best and baseline and has_rows(folder, best, "val") and has_rows(folder, baseline, "val"):
        rows, why_not = read_training_rows(path)
        comparison = compare_candidates((path, baseline), (path, best), rows=rows)
    return Report(
        entry=read_entry(path, state),
        recipe=folder.read_recipe().recipe,
        ledger=state.ledger,
        lineage=build_lineage(state.candidates),
        front=read_front(path, state),
        val=comparison,
        test=read_held_out(path, state),
        warnings=tuple(filter(None, [*(warning.what for warning in state.warnings), why_not])),
    )


def read_front(
    path: Path, state: RunState, scores: Mapping[str, ScoredRows[RowScores]] | None = None
) -> Front:
    """The fronts over a run's full evaluations of val, with what each candidate's prompts weigh.

    `scores` are what `read_scores` gives, where they were read already.
    """
    folder = RunFolder(path)
    scores = read_scores(folder, "val") if scores is None else scores
    sizes = {}
    for candidate in scores:
        if state.candidate(candidate) is not None:
            program = read_candidate(folder, candidate)["state"]
            sizes[candidate] = sum(count_letters(part) for part in program.values())
    return find_front({candidate: kept.rows for candidate, kept in scores.items()}, sizes)


def write_report(run: Path, destination: Path) -> Path:
    """Write the report of a run: JSON where the name ends so, markdown otherwise; gives the path.

    Raises `RunError` where it cannot be written.
    """
    report = report_run(run)
    text = (
        encode_json(report.to_dict())
        if destination.suffix == ".json"
        else report_markdown(report).encode("utf-8", "replace")
    )
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the report's folder cannot be made: {error.strerror}",
            where=str(destination.parent),
            fix="choose another",
        ) from error
    write_atomic(destination, text, mode=0o644)
    return destination
