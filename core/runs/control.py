"""How a run is told to pause, go on, stop or die: one small file in its folder, and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import RunError
from ..store.atomic import write_atomic
from .folder import RunFolder
from .process import Owner, is_alive

GRACE_SECONDS = 15.0
"""User code and LM calls that do not come back after a stop are left behind after this long."""
Command = Literal["run", "pause", "stop", "kill"]


class Control(msgspec.Struct, frozen=True):
    """What a person last asked for. A stop is for one attempt only, so that a resume is not stopped by it."""

    command: Command
    t: float
    attempt: int | None = None


def read_control(folder: RunFolder) -> Control | None:
    try:
        return msgspec.json.decode(folder.control.read_bytes(), type=Control)
    except FileNotFoundError:
        return None
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None


def send(folder: RunFolder, command: Command) -> None:
    """Leave a command for the run's process, which looks every 100 ms."""
    owner = folder.read_owner()
    control = Control(command, time.time(), owner.attempt if owner else None)
    write_atomic(folder.control, msgspec.json.encode(control))


def pause(path: Path) -> None:
    """No new LM call starts until `resume`; calls in flight finish."""
    folder = RunFolder(path)
    _need_owner(folder)
    send(folder, "pause")


def resume(path: Path) -> None:
    folder = RunFolder(path)
    _need_owner(folder)
    send(folder, "run")


def stop(path: Path) -> None:
    """End the run, keeping the best candidate so far."""
    folder = RunFolder(path)
    _need_owner(folder)
    send(folder, "stop")


def kill(path: Path, *, wait_seconds: float = 5.0) -> None:
    """End the process (and what it started) at once. What was paid for stays in the journal."""
    folder = RunFolder(path)
    owner = _need_owner(folder)
    send(folder, "kill")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + wait_seconds
    while is_alive(owner) and time.monotonic() < deadline:
        time.sleep(0.02)


def _need_owner(folder: RunFolder) -> Owner:
    owner = folder.read_owner()
    if owner is None or not is_alive(owner):
        result = folder.read_json("result.json")
        over = isinstance(result, dict) and result.get("status") == "completed"
        go_on = "" if over else f"; `compilot runs resume {folder.run_id}` goes on with it"
        raise RunError(
            f"run {folder.run_id} has {'completed' if over else 'no living process'}",
            where=str(folder.path),
            fix=f"`compilot runs show {folder.run_id}` tells how it ended{go_on}",
        )
    refuse_in_process(folder, owner)
    return owner


def refuse_in_process(folder: RunFolder, owner: Owner | None) -> None:
    """Raises `RunError` for a run in a living notebook or script: it looks at no command."""
    if owner is not None and owner.in_process and is_alive(owner):
        raise RunError(
            f"run {folder.run_id} is part of process {owner.pid}, which is not its own",
            where=str(folder.path),
            fix="interrupt it where it was started: Ctrl+C in the script, the stop button of the notebook",
        )
