"""A time limit inside a process, for one call of user code in its main thread."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 4
"""How often code may swallow the limit."""


class TimeLimitReached(BaseException):
    """The call took too long. A `BaseException`, because user code swallows ordinary exceptions."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"did not end within {seconds:g} seconds")
        self.seconds = seconds


@contextmanager
def time_limit(
    seconds: float,
    *,
    unless: Callable[[], bool] = lambda: False,
    deaf: Callable[[float], None] = lambda seconds: None,
) -> Iterator[None]:
    """Raise `TimeLimitReached` in the block after so many seconds of wall clock; main thread only.

    Not while `unless` holds, for waits that have a limit of their own, such as an LM call. It is raised again
    every half second, for code that swallows it, and after `PATIENCE` times `deaf` is called. C code that
    never comes back to Python is not interrupted: the job's own limit ends that.
    """

    ignored = 0

    def raise_limit(number: int, frame: FrameType | None) -> None:
        nonlocal ignored
        if unless():
            return
        ignored += 1
        if ignored > PATIENCE:
            deaf(seconds)
        raise TimeLimitReached(seconds)

    before = signal.signal(signal.SIGALRM, raise_limit)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
