"""Two candidates side by side: what changed in the prompts, and which rows that fixed or broke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..data.load import load_splits
from ..data.seal import remember_look
from ..errors import CompilotError, RunError
from ..recipe import Recipe, SplitName
from ..runs.folder import RunFolder, StoredRecipe
from ..runs.follow import load_state
from ..runs.reduce import RunState
from ..runs.revive import read_candidate
from ..wording import plural
from ..workspace import Workspace
from .changes import RowChanges, compare_rows
from .evaluate import best_candidate
from .leaderboard import hash_metric
from .lineage import Lineage, build_lineage
from .prompts import PromptChange, Rows, State, diff_prompts, trace_lines
from .recorded import ScoredRows, read_rows
from .significance import Interval


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two compared candidates, and its score over the split."""

    run_id: str
    optimizer: str
    candidate: str
    number: int
    """As `runs show` counts the run's candidates, from 1."""
    origin: str
    score: float | None
    """Mean over its rows without error."""
    interval: Interval | None
    size: int
    errors: int
    evaluation: str
    """Of the run; empty for a later `compilot eval`."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`after` against `before`. Scores are fractions from 0 to 1."""

    split: SplitName
    before: Side
    after: Side
    rows: RowChanges
    prompts: list[PromptChange]
    notes: tuple[str, ...] = ()
    """What to know before the numbers are believed."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the contract of `compare --json`."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


class _Loaded(msgspec.Struct, frozen=True):
    """A run as far as comparing needs it."""

    folder: RunFolder
    stored: StoredRecipe
    state: RunState
    lineage: Lineage

    @property
    def recipe(self) -> Recipe:
        return self.stored.recipe


def compare_candidates(
    before: tuple[Path, str | None],
    after: tuple[Path, str | None],
    *,
    split: SplitName = "val",
    rows: Mapping[str, Rows] | None = None,
) -> Comparison:
    """Compare two candidates, each a run's folder and an id (None: the run's best).

    Reads what the runs kept and calls no model. `rows` are the training rows' values by split, as
    `read_training_rows` gives them, to mark what the prompts copied. Looking at the test split is remembered.
    Raises `RunError` where a candidate is unknown or was never scored on all of the split.
    """
    left, right = _load(before[0]), _load(after[0])
    first, second = before[1] or best_candidate(left.folder), after[1] or best_candidate(right.folder)
    kept = read_rows(left.folder, first, split), read_rows(right.folder, second, split)
    threshold = right.recipe.metric.threshold
    changes = compare_rows(kept[0].rows, kept[1].rows, threshold=1.0 if threshold is None else threshold)
    comparison = Comparison(
        split=split,
        before=_side(left, first, kept[0]),
        after=_side(right, second, kept[1]),
        rows=changes,
        prompts=_diff(left, first, right, second, rows),
        notes=(*_differences(left, right), *_cautions(changes, split, right, second)),
    )
    if split == "test":
        _remember(left, right)
    return comparison


def compare_prompts(
    before: tuple[Path, str], after: tuple[Path, str], *, rows: Mapping[str, Rows] | None = None
) -> list[PromptChange]:
    """What changed in the prompts alone: works for candidates that were never scored in full."""
    return _diff(_load(before[0]), before[1], _load(after[0]), after[1], rows)


def baseline_of(state: RunState) -> str | None:
    """The candidate that is the program as it was; None where the run did not come so far."""
    return next((one.id for one in state.candidates if one.origin == "baseline"), None)


def baseline_candidate(run: Path) -> str:
    """As `baseline_of`; raises `RunError` where there is none."""
    found = baseline_of(load_state(run))
    if found is None:
        raise RunError(
            f"run {run.name} has no baseline yet", where=str(run), fix="let it go on until that is scored"
        )
    return found


def read_training_rows(run: Path) -> tuple[dict[str, Rows], str]:
    """Values of the rows that the run's optimizer could see, by split, and why there are none, where so.

    They are read again from the workspace; rows of data that changed since the run would mark the wrong
    text, and are not given.
    """
    folder = RunFolder(run)
    stored = folder.read_recipe()
    provenance = folder.read_provenance()
    root = Path(stored.workspace)
    try:
        parts = load_splits(stored.recipe.data, root, root / ".compilot")
    except CompilotError as error:
        return {}, f"copied training text cannot be marked: {error.what}"
    if provenance is None or provenance.data != parts.hash:
        return {}, "copied training text cannot be marked: the data changed since the run"
    return {"train": [row.values for row in parts.train], "val": [row.values for row in parts.val]}, ""


def _remember(left: _Loaded, right: _Loaded) -> None:
    """The workspace counts the looks at its test part; runs of two splits show the test part of both."""
    names = " and ".join(dict.fromkeys((left.folder.run_id, right.folder.run_id)))
    made_from = left.folder.read_provenance(), right.folder.read_provenance()
    store = Workspace(Path(right.stored.workspace)).store
    for split in dict.fromkeys(provenance.data if provenance else "" for provenance in made_from):
        remember_look(store, split, f"compare of {names}")


def _load(path: Path) -> _Loaded:
    folder = RunFolder(path)
    state = load_state(path)
    return _Loaded(folder, folder.read_recipe(), state, build_lineage(state.candidates))


def _side(run: _Loaded, candidate: str, kept: ScoredRows[Any]) -> Side:
    node = run.lineage.nodes.get(candidate)
    return Side(
        run_id=run.folder.run_id,
        optimizer=run.state.optimizer or (run.recipe.optimizer.name if run.recipe.optimizer else ""),
        candidate=candidate,
        number=node.number if node else 0,
        origin=node.origin if node else "",
        score=kept.score,
        interval=kept.interval,
        size=len(kept.rows),
        errors=kept.errors,
        evaluation=kept.evaluation,
    )


def _diff(
    left: _Loaded, first: str, right: _Loaded, second: str, rows: Mapping[str, Rows] | None
) -> list[PromptChange]:
    seed = baseline_of(right.state)
    states = {one: _state(right.folder, one) for one in [*right.lineage.ancestors(second), second]}
    written: State = {} if seed is None else states.get(seed) or _state(right.folder, seed)
    since: Callable[[str, str], str] = trace_lines(right.lineage, second, states)
    return diff_prompts(_state(left.folder, first), states[second], rows=rows, written=written, since=since)


def _state(folder: RunFolder, candidate: str) -> State:
    state: State = read_candidate(folder, candidate)["state"]
    return state


def _differences(left: _Loaded, right: _Loaded) -> list[str]:
    """Why the scores of two runs may not be comparable."""
    if left.folder.path == right.folder.path:
        return []
    notes = []
    before, after = left.folder.read_provenance(), right.folder.read_provenance()
    if before is None or after is None or before.data != after.data:
        notes.append("the runs had different splits: only rows that both have are compared")
    codes = [provenance.code if provenance else {} for provenance in (before, after)]
    if hash_metric(left.recipe, codes[0]) != hash_metric(right.recipe, codes[1]):
        notes.append("the runs had different metrics: their scores do not mean the same")
    models = [run.recipe.models.get("student") for run in (left, right)]
    if models[0] != models[1]:
        names = [model.model if model else "none" for model in models]
        differing = f": {names[0]} and {names[1]}" if names[0] != names[1] else " settings"
        notes.append(f"the runs had different student models{differing}")
    return notes


def _cautions(changes: RowChanges, split: SplitName, run: _Loaded, candidate: str) -> list[str]:
    """What makes the numbers weaker than they look."""
    notes = []
    errored = changes.errored_before, changes.errored_after
    if any(errored):
        notes.append(f"rows that errored are left out: {errored[0]} before, {errored[1]} after")
    if changes.counts["unpaired"]:
        notes.append(
            f"{plural(changes.counts['unpaired'], 'row is', 'rows are')} in one of the evaluations only"
        )
    rivals = sum(one.full("val") is not None for one in run.state.candidates)
    if split == "val" and candidate == run.state.best.candidate and rivals > 2:
        notes.append(f"the best of {rivals} by these rows, which flatters it: test tells its worth")
    if split == "train":
        notes.append("the optimizer learned from these rows: their score says little about new ones")
    return notes
