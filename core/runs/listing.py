"""The runs of a workspace: what there is, and which one a person means."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..errors import CompilotError, RunError
from .folder import RunFolder
from .follow import load_state
from .reduce import RunState


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in one line of a list. Scores are fractions from 0 to 1."""

    run_id: str
    status: str
    stop_reason: str | None
    optimizer: str
    phase: str
    baseline: float | None
    best: float | None
    best_kind: str | None = None
    """`minibatch` where the best has no full score: such a score compares with no other."""
    seconds: float
    started: float | None
    calls: int
    """LM answers that were paid for."""
    usd: float | None


def run_folders(workspace: Path) -> list[Path]:
    """Folders of runs, oldest first."""
    runs = workspace / ".compilot" / "runs"
    return sorted(path.parent for path in runs.glob("*/recipe.json")) if os.path.isdir(runs) else []


def closed_folders(workspace: Path) -> list[Path]:
    """Folders of runs that we may not look into; the one that holds them all where it is that one."""
    state = workspace / ".compilot"
    for place in (state, state / "runs"):
        if _is_closed(place):
            return [place]
    runs = state / "runs"
    if not os.path.isdir(runs):
        return []
    return sorted(path for path in runs.iterdir() if not path.name.startswith(".") and _is_closed(path))


def _is_closed(path: Path) -> bool:
    return os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK)


def refuse_closed(workspace: Path) -> None:
    """Raises `RunError` where nothing can be told of any run, because their folder cannot be read."""
    for path in closed_folders(workspace):
        if path.name in ("runs", ".compilot"):
            raise _closed(path)


def _closed(path: Path) -> RunError:
    return RunError(
        "this folder cannot be read: permission denied", where=str(path), fix=f"chmod u+rwx {path}"
    )


def list_runs(workspace: Path) -> list[RunSummary]:
    """All runs, newest first; one that cannot be read is told as `damaged`, with why as its stop reason."""

    def read(path: Path) -> RunSummary:
        if path in closed:
            raise _closed(path)
        return summarize(load_state(path), path)

    closed = [path for path in closed_folders(workspace) if path.parent.name == "runs"]
    return [read_or_tell(path, read) for path in sorted({*run_folders(workspace), *closed}, reverse=True)]


def read_or_tell(path: Path, read: Callable[[Path], RunSummary]) -> RunSummary:
    """The summary that `read` gives, or one that says why there is none: one bad folder hides no other."""
    try:
        return read(path)
    except CompilotError as error:
        return _damaged(path, error.what)
    except OSError as error:
        # Removed while it was read, or closed to us.
        return _damaged(path, str(error))


def summarize(state: RunState, path: Path) -> RunSummary:
    usd: float | None = 0.0
    for role in state.ledger.values():
        usd = None if usd is None or role["usd"] is None else usd + role["usd"]
    optimizer = state.optimizer
    if not optimizer:
        chosen = RunFolder(path).read_recipe().recipe.optimizer
        optimizer = chosen.name if chosen else ""
    return RunSummary(
        run_id=path.name,
        status=state.status,
        stop_reason=state.stop_reason,
        optimizer=optimizer,
        phase=state.phase,
        baseline=state.baseline.get("val"),
        best=state.best.val if state.best.val is not None else state.best.score,
        best_kind="full" if state.best.val is not None else state.best.kind,
        seconds=state.seconds,
        started=state.started,
        calls=sum(role["paid"] for role in state.ledger.values()),
        usd=usd,
    )


def _damaged(path: Path, reason: str) -> RunSummary:
    return RunSummary(
        run_id=path.name,
        status="damaged",
        stop_reason=reason,
        optimizer="",
        phase="",
        baseline=None,
        best=None,
        seconds=0.0,
        started=None,
        calls=0,
        usd=None,
    )


def find_run(workspace: Path, name: str = "latest") -> Path:
    """The folder of a run: by id, by an unambiguous beginning of it, or `latest`.

    Raises `RunError` when there is none, or more than one.
    """
    refuse_closed(workspace)
    for path in closed_folders(workspace):
        if path.name == name:
            raise _closed(path)
    folders = run_folders(workspace)
    if not folders:
        raise RunError(
            "this workspace has no runs yet", where=str(workspace), fix="`compilot run` starts one"
        )
    if name == "latest":
        return folders[-1]
    names = [path.name for path in folders]
    matching = [path for path in folders if path.name == name] or [
        path for path in folders if path.name.startswith(name)
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise RunError(
            f"{name[:60]!r} could be {len(matching)} runs",
            where=", ".join(path.name for path in matching[:4]),
            fix="write more of the id",
        )
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
    raise RunError(
        f"there is no run {name[:60]!r}",
        where=str(workspace),
        fix=f"did you mean {near[0]}?" if near else "`compilot runs ls` lists the runs",
    )
