"""Progress as plain lines, for pipes and logs: what happened, and a line now and then on how far it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.wording import plural

from ..output import print_lines, say
from ..text import clean, describe_phase, duration, percent, usd
from .activity import recent
from .base import NoDisplay
from .progress import fraction_done, seconds_left, totals

if TYPE_CHECKING:
    from core.runs.reduce import RunState

_HEARTBEAT_SECONDS = 15.0


class PlainDisplay(NoDisplay):
    """Appends lines and never goes back."""

    def __init__(self, stderr: bool = False) -> None:
        self._stderr = stderr
        self._status = ""
        self._told_until = 0.0
        self._attempt = 0
        self._heartbeat = time.monotonic()

    def show(self, state: RunState) -> None:
        if state.attempt > 1 and state.attempt != self._attempt:
            self._say(f"attempt {state.attempt}: recorded answers are replayed, nothing is paid twice")
        self._attempt = state.attempt
        for entry in recent(state):
            if entry.t > self._told_until and entry.level != "minor":
                mark = f"{entry.level}: " if entry.level in ("warning", "error") else ""
                self._say(f"{mark}{entry.text}", entry.clock)
            self._told_until = max(self._told_until, entry.t)
        if state.status != self._status:
            self._status = state.status
            if state.status == "paused":
                self._say(f"paused; `compilot runs resume {state.run_id}` goes on")
            elif state.status == "stopping":
                self._say("stopping: calls in flight finish, the best is kept")
        if time.monotonic() - self._heartbeat >= _HEARTBEAT_SECONDS:
            self._say(describe_position(state, time.time()))

    def _say(self, text: str, clock: str = "") -> None:
        self._heartbeat = time.monotonic()
        line = f"{clock or time.strftime('%H:%M:%S')}  {clean(text)}"
        if self._stderr:
            say(line)
        else:
            print_lines([line])


def describe_position(state: RunState, now: float) -> str:
    """Where the run stands, in one line."""
    done, left, spent = fraction_done(state), seconds_left(state, now), totals(state.ledger)
    parts = [describe_phase(state.phase)]
    if state.phase == "compile" and state.trial is not None:
        of = f" of {state.trials_total}" if state.trials_total else ""
        parts.append(f"trial {state.trial}{of}")
    if done is not None and state.phase == "compile":
        parts.append(f"{100 * done:.0f} %")
    if left is not None:
        parts.append(f"about {duration(left)} left")
    if state.best.val is not None:
        parts.append(f"best {percent(state.best.val)}")
    parts += [plural(spent.paid, "call"), usd(spent.usd)]
    return " · ".join(parts)
