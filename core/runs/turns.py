"""The queue: a run may begin when those before it are over. Its own process waits for its turn."""

from __future__ import annotations

from pathlib import Path

from .folder import RunFolder
from .listing import find_run, run_folders


def put_after(folder: RunFolder, before: str) -> None:
    """Let this run begin when the run `before` is over, and those that it waits for itself.

    Raises `RunError` where the workspace has no such run.
    """
    found = RunFolder(find_run(folder.path.parents[2], before))
    # Kept here too: the run between may be stopped and removed, with what it knew.
    earlier = [run for run in _read_line(found) if _lives(folder.path.parent / run)]
    folder.write_json("after.json", {"run": found.run_id, "earlier": earlier})


def is_turn(folder: RunFolder) -> bool:
    """Whether all runs before this one are over: no process of theirs lives. A paused one is not over."""
    return not any(_lives(folder.path.parent / run) for run in _read_line(folder) if run != folder.run_id)


def last_in_line(workspace: Path) -> str | None:
    """The newest run whose process lives, waiting ones too; None where none does."""
    return next((path.name for path in reversed(run_folders(workspace)) if _lives(path)), None)


def _read_line(folder: RunFolder) -> list[str]:
    """The runs before this one, the nearest first."""
    written = folder.read_json("after.json")
    if not isinstance(written, dict) or "run" not in written:
        return []
    return [str(written["run"]), *map(str, written.get("earlier", ()))]


def _lives(path: Path) -> bool:
    return path.is_dir() and RunFolder(path).has_process()
