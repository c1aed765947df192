"""The runs of a workspace, read again and again: what did not change on disk is not read twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from .folder import RunFolder
from .follow import EventTail, settle
from .listing import RunSummary, read_or_tell, run_folders, summarize
from .process import is_alive
from .reduce import FINAL, RunState, reduce_all

_WATCHED = ("events.jsonl", "owner.json", "control.json", "result.json")
Stamp = tuple[tuple[int, int], ...]


class _Live(NamedTuple):
    """A run that is not over: its log is read on from where it was."""

    tail: EventTail
    state: RunState


class RunShelf:
    """Summaries of all runs of a workspace. For one thread at a time."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._known: dict[Path, tuple[Stamp, RunSummary]] = {}
        self._live: dict[Path, _Live] = {}

    def read(self) -> list[RunSummary]:
        """All runs as they are now: those that run, that wait, that are over; each group newest first."""
        folders = run_folders(self._workspace)
        for gone in self._known.keys() - set(folders):
            self._known.pop(gone)
            self._live.pop(gone, None)
        found = [self._summarize(path) for path in reversed(folders)]
        return sorted(found, key=_rank)

    def _summarize(self, path: Path) -> RunSummary:
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known[0] == stamp and path not in self._live:
            return known[1]
        summary = read_or_tell(path, self._read)
        self._known[path] = (stamp, summary)
        return summary

    def _read(self, path: Path) -> RunSummary:
        folder = RunFolder(path)
        if path not in self._live and (recorded := _recorded(folder)) is not None:
            return recorded
        live = self._live.get(path) or _Live(EventTail(folder.events), RunState(run_id=path.name))
        state = live.state
        while batch := live.tail.read():
            state = reduce_all(batch, state)
        settled = settle(folder, state)
        if settled.status in FINAL and not is_alive(settled.owner):
            self._live.pop(path, None)
        else:
            self._live[path] = _Live(live.tail, state)
        return summarize(settled, path)


def _rank(one: RunSummary) -> int:
    """Running, then queued, then over."""
    if one.status in FINAL or one.status == "damaged":
        return 2
    return int(one.phase == "queued")


def _stamp(path: Path) -> Stamp:
    """Sizes and times of the files that say how a run stands."""
    stamps = []
    for name in _WATCHED:
        try:
            status = os.stat(path / name)
            stamps.append((status.st_size, status.st_mtime_ns))
        except OSError:
            stamps.append((0, 0))
    return tuple(stamps)


def _recorded(folder: RunFolder) -> RunSummary | None:
    """From what the run's process wrote at its end, where that still holds: no log has to be read."""
    result, owner = folder.read_json("result.json"), folder.read_owner()
    if not isinstance(result, dict) or owner is None or is_alive(owner):
        return None
    if owner.attempt > result.get("attempts", 0):
        return None
    best = result["best"]["val"]
    partial: Any = folder.read_json("best.json") if best is None else None
    ledger = result["ledger"].values()
    return RunSummary(
        run_id=folder.run_id,
        status=result["status"],
        stop_reason=result["stop_reason"],
        optimizer=result["optimizer"],
        phase="",
        baseline=result["baseline"].get("val"),
        best=partial["score"] if partial else best,
        best_kind=partial["kind"] if partial else "full" if best is not None else None,
        seconds=result["seconds"],
        started=folder.read_recipe().created,
        calls=sum(role["paid"] for role in ledger),
        usd=None if any(role["usd"] is None for role in ledger) else sum(role["usd"] for role in ledger),
    )
