"""The queue: a run may begin when another one is over. Each queued run's own process waits for its turn."""

from __future__ import annotations

from pathlib import Path

from .folder import RunFolder
from .listing import run_folders
from .process import is_alive


def put_after(folder: RunFolder, before: str) -> None:
    """Let this run begin when the run `before` is over."""
    folder.write_json("after.json", {"run": before})


def read_before(folder: RunFolder) -> str | None:
    """The run that this one waits for, or waited for; None where it was not queued."""
    written = folder.read_json("after.json")
    return str(written["run"]) if isinstance(written, dict) and "run" in written else None


def is_turn(folder: RunFolder) -> bool:
    """Whether the run before this one is over: its process or its folder is gone. A paused one is not."""
    before = read_before(folder)
    return before is None or not _lives(folder.path.parent / before)


def last_in_line(workspace: Path) -> str | None:
    """The newest run whose process lives, waiting ones too; None where none does."""
    return next((path.name for path in reversed(run_folders(workspace)) if _lives(path)), None)


def _lives(path: Path) -> bool:
    return path.is_dir() and is_alive(RunFolder(path).read_owner())
