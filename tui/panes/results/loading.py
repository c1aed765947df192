"""What the Results place shows, read from what the runs kept. For threads: no widget is touched here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from core.errors import CompilotError, RunError
from core.recipe import DataSpec, Recipe, SplitName
from core.results.compare import (
    Comparison,
    baseline_of,
    compare_candidates,
    compare_prompts,
    read_training_rows,
)
from core.results.front import Front
from core.results.heldout import HeldOut, read_held_out
from core.results.leaderboard import Entry, Place, rank_runs, read_entry
from core.results.lineage import Lineage, build_lineage
from core.results.pins import list_pins
from core.results.prompts import PromptChange, Rows
from core.results.recorded import RowScores, ScoredRows, read_scores
from core.results.report import read_front
from core.runs.folder import RunFolder
from core.runs.follow import load_state
from core.runs.listing import run_folders
from core.runs.reduce import RunState
from core.workspace import Workspace

MOST_TRAINING_ROWS = 20_000
"""More are not read into this process to mark what the prompts copied; `compilot compare` does it."""


class BoardView(NamedTuple):
    """The runs, ranked, and what could not be read."""

    places: Sequence[Place] = ()
    pins: frozenset[tuple[str, str]] = frozenset()
    """Run and candidate."""
    problems: Sequence[CompilotError] = ()


class RunView(NamedTuple):
    """One run, with all that is known of its candidates."""

    path: Path
    state: RunState
    recipe: Recipe
    entry: Entry
    lineage: Lineage
    front: Front
    held_out: HeldOut | None
    scores: Mapping[str, ScoredRows[RowScores]]
    """Rows of the latest full evaluation of val, by candidate."""

    @property
    def baseline(self) -> str | None:
        return baseline_of(self.state)


class Target(NamedTuple):
    """Something to compare a candidate with."""

    label: str
    """`the baseline`, `its parent`, `the marked one`."""
    run: Path
    candidate: str


class PairView(NamedTuple):
    """A candidate against a target."""

    target: Target
    run: Path
    candidate: str
    split: SplitName
    prompts: Sequence[PromptChange]
    comparison: Comparison | None
    """None where the rows of one side were not kept; `problem` says why."""
    problem: CompilotError | None
    note: str = ""
    """Why copied text is not marked, where so."""


class BoardReader:
    """Reads the runs of a workspace; a run whose log did not grow is not read again."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._known: dict[str, tuple[tuple[int, ...], Entry]] = {}

    def read(self) -> BoardView:
        """One unreadable run is told and hides no other. Raises `StoreError`."""
        entries, problems = [], []
        for path in run_folders(self.workspace.root):
            try:
                entries.append(self._entry(path))
            except CompilotError as error:
                problems.append(error)
            except OSError as error:
                # Removed while it was read.
                problems.append(
                    RunError(f"run {path.name} cannot be read", where=str(error.filename or path))
                )
        pins = frozenset((pin.run, pin.candidate) for pin in list_pins(self.workspace.store))
        return BoardView(rank_runs(entries), pins, problems)

    def _entry(self, path: Path) -> Entry:
        stamp = tuple(
            number
            for name in ("events.jsonl", "owner.json", "control.json")
            for number in _stamp(path / name)
        )
        known = self._known.get(path.name)
        # A live run's process can end without a word in its log.
        if known is not None and known[0] == stamp and known[1].stop_reason is not None:
            return known[1]
        entry = read_entry(path)
        self._known[path.name] = stamp, entry
        return entry


def load_run(path: Path) -> RunView:
    """Everything of one run. Raises `RunError` where it is gone or damaged."""
    state = load_state(path)
    scores = read_scores(RunFolder(path), "val")
    return RunView(
        path=path,
        state=state,
        recipe=RunFolder(path).read_recipe().recipe,
        entry=read_entry(path, state),
        lineage=build_lineage(state.candidates),
        front=read_front(path, state, scores),
        held_out=read_held_out(path, state),
        scores=scores,
    )


def has_news(shown: Entry, now: Entry) -> bool:
    """Whether a run is another one, or has more to show than time and money spent."""
    fields = ("run_id", "status", "candidates", "candidate", "baseline", "val", "minibatch", "test")
    return any(getattr(shown, name) != getattr(now, name) for name in fields)


class PairReader:
    """Compares candidates; the training rows are read once for each run."""

    def __init__(self) -> None:
        self._rows: dict[Path, tuple[Mapping[str, Rows], str]] = {}

    def read(
        self, target: Target, view: RunView, candidate: str, split: SplitName, *, trusted: bool
    ) -> PairView:
        """`candidate` of the run against the target. Raises `RunError` where a candidate is gone."""
        rows, note = self._training_rows(view, trusted)
        sides = (target.run, target.candidate), (view.path, candidate)
        try:
            comparison = compare_candidates(*sides, split=split, rows=rows)
        except CompilotError as error:
            prompts = compare_prompts(*sides, rows=rows)
            return PairView(target, view.path, candidate, split, prompts, None, error, note)
        return PairView(target, view.path, candidate, split, comparison.prompts, comparison, None, note)

    def _training_rows(self, view: RunView, trusted: bool) -> tuple[Mapping[str, Rows], str]:
        if view.path in self._rows:
            return self._rows[view.path]
        if is_code(view.recipe.data) and not trusted:
            return {}, "copied training text is not marked: the data is code of a folder not trusted yet"
        if sum(view.state.sizes.get(split, 0) for split in ("train", "val")) > MOST_TRAINING_ROWS:
            return {}, "copied training text is not marked here for so many rows: `compilot compare` does it"
        self._rows[view.path] = read_training_rows(view.path)
        return self._rows[view.path]


def list_targets(view: RunView, candidate: str, marked: Target | None) -> list[Target]:
    """What a candidate can be compared with: the baseline, its parents, the marked one."""
    found = []
    if view.baseline is not None:
        found.append(Target("the baseline", view.path, view.baseline))
    node = view.lineage.nodes.get(candidate)
    parents = node.parents if node else ()
    for number, parent in enumerate(parents, start=1):
        label = "its parent" if len(parents) == 1 else f"its parent {number} of {len(parents)}"
        found.append(Target(label, view.path, parent))
    if marked is not None:
        found.append(marked)
    others = [one for one in found if (one.run, one.candidate) != (view.path, candidate)]
    return others or [Target("itself", view.path, candidate)]


def next_target(targets: Sequence[Target], now: Target) -> Target:
    """The one after `now` that is another candidate; `now` where there is none."""
    start = targets.index(now) if now in targets else -1
    following = (targets[(start + step) % len(targets)] for step in range(1, len(targets) + 1))
    return next((one for one in following if (one.run, one.candidate) != (now.run, now.candidate)), now)


def is_code(data: DataSpec) -> bool:
    """Whether reading the data runs Python of the folder."""
    files = (data.path, data.train, data.val, data.test)
    return data.format == "python" or any(".py" in (name or "") for name in files)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
