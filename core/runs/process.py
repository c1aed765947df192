"""Who owns a run: a process named by pid, start and boot, so that a reused pid is never believed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil

HAS_PROCESS = 3
"""Exit status of a process that found another one at work on its run."""


class Owner(msgspec.Struct, frozen=True):
    """The process that runs (or ran) an attempt."""

    pid: int
    """0 once a run that shares its process with other code is over."""
    create_time: float
    """Unix seconds at which the process began."""
    boot_id: str
    attempt: int = 1
    host: str = ""
    start_ticks: int | None = None
    """Clock ticks from boot to the start of the process, on Linux: unlike times, no set clock moves them."""
    in_process: bool = False
    """The process is a notebook's or a script's: not the run's to pause, stop or kill."""


def read_boot_id() -> str:
    """An id of this boot of this machine; on macOS the boot time stands in for it."""
    path = Path("/proc/sys/kernel/random/boot_id")
    try:
        return path.read_text().strip()
    except OSError:
        return f"boot-{psutil.boot_time():.0f}"


def describe_self(attempt: int, *, in_process: bool = False) -> Owner:
    process = psutil.Process()
    return Owner(
        pid=process.pid,
        create_time=process.create_time(),
        boot_id=read_boot_id(),
        attempt=attempt,
        host=os.uname().nodename,
        start_ticks=_read_start_ticks(process.pid),
        in_process=in_process,
    )


def is_alive(owner: Owner | None) -> bool:
    """True only if that very process still runs; zombies and reused pids are not alive."""
    if owner is None or owner.pid <= 0 or owner.boot_id != read_boot_id():
        return False
    try:
        process = psutil.Process(owner.pid)
        if not _is_same_start(process, owner):
            return False
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _is_same_start(process: psutil.Process, owner: Owner) -> bool:
    ticks = _read_start_ticks(process.pid)
    if ticks is not None and owner.start_ticks is not None:
        return ticks == owner.start_ticks
    seconds: float = process.create_time() - owner.create_time
    return abs(seconds) <= 1.0


def _read_start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (`man proc_pid_stat`); None where there is no such file."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name of the program comes second, in brackets, and may hold anything.
    return int(text.rpartition(")")[2].split()[19])
