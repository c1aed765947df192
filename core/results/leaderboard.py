"""The runs of a workspace against each other, as far as they can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..recipe import Recipe
from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.listing import summarize
from ..runs.reduce import RunState
from .recorded import read_scores
from .significance import Interval


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a run brings to the board. Scores are fractions from 0 to 1."""

    run_id: str
    optimizer: str
    status: str
    stop_reason: str | None = None
    started: float | None = None
    seed: int = 0
    student: str = ""
    candidate: str | None = None
    """The best of it."""
    candidates: int = 0
    baseline: float | None = None
    val: float | None = None
    """The best candidate's full score on val; None where only minibatches were scored."""
    minibatch: float | None = None
    """The best candidate's score where it is not a full one: never ranked."""
    val_size: int = 0
    val_errors: int = 0
    test_baseline: float | None = None
    test: float | None = None
    test_size: int = 0
    test_interval: Interval | None = None
    calls: int = 0
    """LM answers that were paid for."""
    usd: float | None = None
    """None where a price is unknown."""
    seconds: float = 0.0
    data: str = ""
    """Hash of the splits; empty where the run did not come to load them."""
    metric: str = ""
    """Hash of the metric's settings and file."""

    @property
    def gain(self) -> float | None:
        """On val, over the run's own baseline."""
        return None if self.val is None or self.baseline is None else self.val - self.baseline


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A run on the board."""

    entry: Entry
    rank: int | None
    """From 1 within its group; equal scores share a place. None where there is no full score."""
    group: int
    """Runs of one group had the same splits and the same metric; scores of two groups say nothing."""
    note: str = ""
    """Why it has no rank, or what to know of its score."""


def read_entry(path: Path, state: RunState | None = None) -> Entry:
    """A run's entry, from its folder. Raises `RunError` where the folder is none of a run."""
    folder = RunFolder(path)
    state = load_state(path) if state is None else state
    recipe = folder.read_recipe().recipe
    line = summarize(state, path)
    best = state.candidate(state.best.candidate)
    full = None
    if best is not None:
        full = next((s for s in reversed(best.scores) if s.kind == "full" and s.split == "val"), None)
    kept = read_scores(folder, "test").get(best.id) if best and state.best.test is not None else None
    provenance = folder.read_provenance()
    return Entry(
        run_id=path.name,
        optimizer=line.optimizer,
        status=state.status,
        stop_reason=state.stop_reason,
        started=state.started,
        seed=recipe.run.seed,
        student=recipe.models["student"].model if "student" in recipe.models else "",
        candidate=best.id if best else None,
        candidates=len(state.candidates),
        baseline=state.baseline.get("val"),
        val=full.value if full else None,
        minibatch=state.best.score if full is None and state.best.kind == "minibatch" else None,
        val_size=full.size if full else 0,
        val_errors=full.errors if full else 0,
        test_baseline=state.baseline.get("test"),
        test=state.best.test,
        test_size=len(kept.rows) if kept else 0,
        test_interval=kept.interval if kept else None,
        calls=line.calls,
        usd=line.usd,
        seconds=state.seconds + state.earlier_seconds,
        data=provenance.data if provenance else "",
        metric=hash_metric(recipe, provenance.code if provenance else {}),
    )


def rank_runs(entries: Iterable[Entry]) -> list[Place]:
    """The board: groups of comparable runs, the newest run's group first; in each the best val score first.

    Ranked by val and not by test: to choose by test would make it one more validation set. Runs without a
    full score follow, newest first; a minibatch score is no reason to rank.
    """
    newest = sorted(entries, key=lambda entry: (entry.started or 0.0, entry.run_id), reverse=True)
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in newest:
        # A run that loaded no data can be compared with nothing, and needs no group of its own either.
        groups.setdefault((entry.data, entry.metric) if entry.data else (), []).append(entry)
    ordered = [members for key, members in groups.items() if key] + [groups.get((), [])]
    return [
        place for number, members in enumerate(ordered, start=1) for place in _rank_group(members, number)
    ]


def hash_metric(recipe: Recipe, code: dict[str, str]) -> str:
    """Of what decides a score: the metric's settings and the content of its file."""
    target = recipe.metric.target
    file = target.rsplit(":", 1)[0] if ".py:" in target else ""
    settings: dict[str, Any] = msgspec.to_builtins(recipe.metric)
    told = msgspec.json.encode([settings, code.get(file, "")], order="sorted")
    return hashlib.sha256(told).hexdigest()[:16]


def _rank_group(entries: Sequence[Entry], group: int) -> list[Place]:
    scored = sorted((e for e in entries if e.val is not None), key=lambda e: -(e.val or 0.0))
    places = []
    rank = 0
    for number, entry in enumerate(scored, start=1):
        if number == 1 or entry.val != scored[number - 2].val:
            rank = number
        places.append(Place(entry=entry, rank=rank if entry.data else None, group=group, note=_note(entry)))
    unscored = [
        Place(entry=entry, rank=None, group=group, note=_note(entry))
        for entry in entries
        if entry.val is None
    ]
    return places + unscored


def _note(entry: Entry) -> str:
    notes = []
    if entry.minibatch is not None:
        notes.append("scored on minibatches only")
    elif entry.val is None:
        notes.append("nothing scored yet")
    if entry.val_errors:
        notes.append(f"{entry.val_errors} of {entry.val_size} val rows errored and are left out")
    if entry.candidate is not None and entry.gain == 0:
        notes.append("no candidate beat the baseline")
    return "; ".join(notes)
