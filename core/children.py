"""Child processes that are waited for: one goes, with all it started, when nobody waits for it any longer."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import IO

from . import bootstrap
from .errors import RunError


def run_child(
    module: str,
    *arguments: str,
    output: IO[bytes],
    cwd: Path | None = None,
    cancel: threading.Event | None = None,
    cancelled: RunError,
) -> int:
    """Run a module of this package in a process of its own; gives its exit status.

    What it prints goes to `output`. Raises `cancelled` soon after `cancel` is set.
    """
    process = subprocess.Popen(
        bootstrap.command(module, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=cwd,
        env=bootstrap.environment(),
    )
    cancel = cancel or threading.Event()
    try:
        while (status := process.poll()) is None:
            if cancel.wait(0.05):
                raise cancelled
        return status
    finally:
        if process.poll() is None:
            _kill_tree(process)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    import psutil

    # Not a session of its own: when the terminal goes, the child goes with it.
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()
