"""Follows one run as its folder grows: read and reduced off the UI thread, told in one piece."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from core.errors import RunError
from core.runs.events import Event, LmCalls, UnknownEvent
from core.runs.folder import RunFolder
from core.runs.follow import EventTail, settle
from core.runs.limits import read_limits
from core.runs.reduce import RunState, reduce_all

from .panes.runs.log_lines import Narrator
from .widgets.log_buffer import LogLine

_CHUNK = 1 << 20
_READ_SECONDS = 0.4
"""A long log is read in pieces of this length, so that the screen shows how far it is."""
_RATE_SECONDS = 5.0
_HISTORY_SECONDS = 60
_OUTPUT_CHUNK = 1 << 18
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Rates(NamedTuple):
    """How fast a run is right now."""

    calls: float = 0.0
    """LM calls a second over the last five seconds, replayed ones too."""
    by_role: tuple[tuple[str, float], ...] = ()
    """The same by role, those that make calls only."""
    history: tuple[float, ...] = ()
    """Calls a second in each of the last seconds, oldest first."""


class Snapshot(NamedTuple):
    """A run at one moment, and what came since the snapshot before."""

    path: Path
    state: RunState
    now: float
    """Unix seconds."""
    rates: Rates
    lines: tuple[LogLine, ...]
    output: tuple[LogLine, ...]
    """Lines that the process printed."""
    threads: int
    """Calls that may be in flight at once."""
    optimizer: str
    first: bool
    """Whether it begins anew: lines shown before are of another time."""
    settled: bool
    """False while the log is still being read up to now."""


class RateMeter:
    """Calls a second, from counts that come now and then."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, dict[str, int]]] = deque()

    def note(self, t: float, asked: dict[str, int]) -> None:
        """So many calls had been asked, by role, at this moment."""
        if self._counts and t < self._counts[-1][0]:
            self._counts.clear()
        self._counts.append((t, asked))
        while len(self._counts) > 2 and self._counts[1][0] < t - _HISTORY_SECONDS - 1:
            self._counts.popleft()

    def read(self, now: float) -> Rates:
        if not self._counts:
            return Rates()
        # What was asked before the first count was noted is no speed of now.
        (began, base), newest = self._counts[0], self._counts[-1][1]
        seconds = min(_RATE_SECONDS, max(1.0, now - began))
        for noted, asked in self._counts:
            if noted > now - _RATE_SECONDS:
                break
            base = asked
        by_role = {role: max(0.0, (asked - base.get(role, 0)) / seconds) for role, asked in newest.items()}
        return Rates(
            sum(by_role.values()),
            tuple((role, rate) for role, rate in by_role.items() if rate > 0),
            self._history(int(now)),
        )

    def _history(self, second: int) -> tuple[float, ...]:
        per_second = [0.0] * _HISTORY_SECONDS
        last: int | None = None
        for t, asked in self._counts:
            total = sum(asked.values())
            place = int(t) - second + _HISTORY_SECONDS - 1
            if last is not None and 0 <= place < _HISTORY_SECONDS:
                per_second[place] += max(0, total - last)
            last = total
        return tuple(per_second)


class OutputTail:
    """New lines of what a process printed. Progress bars, which overwrite themselves, count once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._partial = b""

    def read(self) -> list[LogLine]:
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._position:
                    self._position, self._partial = 0, b""
                file.seek(self._position)
                chunk = file.read(_OUTPUT_CHUNK)
        except OSError:
            return []
        self._position += len(chunk)
        whole, _, self._partial = (self._partial + chunk).rpartition(b"\n")
        if len(self._partial) > _OUTPUT_CHUNK:
            whole, self._partial = self._partial, b""
        return [
            LogLine(0.0, "info", last.decode("utf-8", "replace"))
            for line in whole.split(b"\n")
            if (last := next((part for part in reversed(_LINE_END.split(line)) if part.strip()), b""))
        ]


class RunReader:
    """Reads one run. For one thread at a time; every `read` is short."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = RunFolder(path)
        self._events = EventTail(self._folder.events)
        self._output = OutputTail(self._folder.output)
        self._narrator = Narrator()
        self._meter = RateMeter()
        self._state = RunState(run_id=path.name)
        self._first = True
        self._threads = 0
        self._optimizer = ""
        self._seen: tuple[object, ...] = ()

    def read(self) -> Snapshot | None:
        """What is new; None when nothing is. Raises `RunError` where the folder is no run any more."""
        if self._first:
            recipe = self._folder.read_recipe().recipe
            self._threads = recipe.run.num_threads
            self._optimizer = recipe.optimizer.name if recipe.optimizer else ""
        lines: list[LogLine] = []
        deadline = time.monotonic() + _READ_SECONDS
        while batch := self._events.read(_CHUNK):
            self._take(batch, lines)
            if time.monotonic() > deadline:
                break
        output = self._output.read()
        now = time.time()
        state = settle(self._folder, self._state)
        rates = self._meter.read(now)
        limits = read_limits(self._folder)
        threads = state.threads or (limits.num_threads if limits else self._threads)
        seen = (state.last_seq, state.status, rates.calls, threads)
        if seen == self._seen and not output and not lines:
            return None
        self._seen = seen
        first, self._first = self._first, False
        return Snapshot(
            path=self.path,
            state=state,
            now=now,
            rates=rates,
            lines=tuple(lines),
            output=tuple(output),
            threads=threads,
            optimizer=state.optimizer or self._optimizer,
            first=first,
            settled=not batch,
        )

    def _take(self, batch: list[Event | UnknownEvent], lines: list[LogLine]) -> None:
        if batch[0].seq < self._state.last_seq:
            # Another log took the place of the one that was read.
            self._state, self._first = RunState(run_id=self.path.name), True
            self._narrator, self._meter = Narrator(), RateMeter()
            lines.clear()
        self._state = reduce_all(batch, self._state)
        lines.extend(self._narrator.tell(batch))
        for event in batch:
            if isinstance(event, LmCalls):
                self._meter.note(event.t, {role: row["asked"] for role, row in event.roles.items()})


def unreadable(error: OSError, path: Path) -> RunError:
    """A disk or a network share that does not answer ends no app."""
    return RunError(
        f"it cannot be read: {error.strerror or error}",
        where=str(error.filename or path),
        fix="it is tried again by itself",
    )
