"""A cheap look at which runs of a folder are alive."""

from __future__ import annotations

from pathlib import Path


def count_live_runs(root: Path) -> int:
    """Runs whose process is alive now. Reads one small file for each run without a result."""
    from core.errors import RunError
    from core.runs.folder import RunFolder
    from core.runs.listing import run_folders
    from core.runs.process import is_alive

    live = 0
    for path in run_folders(root):
        if (path / "result.json").exists():
            continue
        try:
            live += is_alive(RunFolder(path).read_owner())
        except RunError:
            continue
    return live
