"""What a job may use, and what became of one that is over."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..errors import CompilotError

KillReason = Literal["time", "memory", "processes", "died", "cancelled"]


class Limits(msgspec.Struct, frozen=True):
    """Caps of one job."""

    seconds: float = 60.0
    """Wall clock, from the fork on."""
    memory_mb: float = 4096.0
    """Resident memory of the job and the processes it starts, together."""
    output_bytes: int = 200_000
    """What is kept of its prints; the rest is counted and dropped."""
    processes: int = 32
    """Processes it may have started at a time."""


def affordable_memory_mb() -> float:
    """Half of what is free on this machine now, between 512 MB and 4 GB."""
    import psutil

    return float(min(4096.0, max(512.0, psutil.virtual_memory().available / 2**21)))


class StackFrame(msgspec.Struct, frozen=True):
    """A line the job was at when it was killed."""

    file: str
    line: int
    function: str


class Outcome(msgspec.Struct, frozen=True):
    """A job that came back."""

    value: Any
    """What it returned, in JSON's types."""
    output: str
    """What it printed, on stdout and stderr together; control characters included."""
    dropped_bytes: int
    """Prints beyond the limit."""
    seconds: float


class JobKilled(CompilotError):
    """A job that did not come back: it hung, used too much, or ended its process."""

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        reason: KillReason = "died",
        stack: tuple[StackFrame, ...] = (),
        output: str = "",
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.reason: KillReason = reason
        self.stack = stack
        """Innermost first; of the main thread first."""
        self.output = output

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.what, self.where, self.fix, self.reason, self.stack, self.output)


def _rebuild(
    what: str, where: str, fix: str, reason: KillReason, stack: tuple[StackFrame, ...], output: str
) -> JobKilled:
    return JobKilled(what, where=where, fix=fix, reason=reason, stack=stack, output=output)
