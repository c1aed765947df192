"""Follows a run: reads what is new in its log and gives the reduced state after each batch."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from msgspec.structs import replace

from .control import read_control
from .events import Event, UnknownEvent, decode_event
from .folder import RunFolder
from .process import is_alive
from .reduce import FINAL, RunState, reduce_all

START_GRACE_SECONDS = 30.0


class EventTail:
    """Reads whole new lines of an event log; survives torn lines, truncation and a replaced file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._inode = 0
        self._partial = b""

    def read(self, limit: int = 1 << 24) -> list[Event | UnknownEvent]:
        """Events appended since the last call, at most `limit` bytes of them."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < self._position or status.st_ino != self._inode:
                    self._position, self._partial, self._inode = 0, b"", status.st_ino
                file.seek(self._position)
                chunk = file.read(limit)
        except FileNotFoundError:
            return []
        self._position += len(chunk)
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        return [event for line in lines if line.strip(b"\0 \r") and (event := decode_event(line)) is not None]


def load_state(path: Path) -> RunState:
    """The state of a run now, finished or not."""
    folder = RunFolder(path)
    tail = EventTail(folder.events)
    state = RunState(run_id=folder.run_id)
    while batch := tail.read():
        state = reduce_all(batch, state)
    return settle(folder, state)


def settle(folder: RunFolder, state: RunState) -> RunState:
    """Add what the log cannot know: who owns the run, whether that process lives, what was asked of it."""
    owner = folder.read_owner()
    state = replace(state, owner=owner)
    if state.status in FINAL and (owner is None or owner.attempt <= state.attempt):
        return state
    control = read_control(folder)
    if state.status in FINAL:
        # A new attempt has begun and not said a word yet.
        state = replace(state, status="pending", stop_reason=None, detail="", where="", fix="")
    if owner is not None and is_alive(owner):
        if control is not None and control.command == "stop" and control.attempt == owner.attempt:
            return replace(state, status="stopping")
        return state
    if owner is None:
        recent = time.time() - folder.path.stat().st_mtime < START_GRACE_SECONDS
        return state if recent else replace(state, status="dead", detail="its process never started")
    if control is not None and control.command == "kill" and control.attempt == owner.attempt:
        return replace(state, status="killed", stop_reason="killed")
    return replace(
        state,
        status="dead",
        detail="its process is gone without a word",
        fix="compile again where it was started: a run inside a notebook or script is not resumed"
        if owner.in_process
        else f"`compilot runs resume {folder.run_id}` goes on where it was; nothing is paid twice",
    )


def follow(path: Path, poll_seconds: float = 0.1, *, most_seconds: float | None = None) -> Iterator[RunState]:
    """States after each batch of events, until the run has ended or its process is gone; for `most_seconds`
    at most."""
    deadline = None if most_seconds is None else time.monotonic() + most_seconds
    folder = RunFolder(path)
    tail = EventTail(folder.events)
    state = RunState(run_id=folder.run_id)
    shown: RunState | None = None
    while True:
        batch = tail.read()
        state = reduce_all(batch, state)
        settled = settle(folder, state)
        if settled.status in FINAL and not batch:
            state = reduce_all(tail.read(), state)
            yield settle(folder, state)
            return
        if batch or shown is None or settled.status != shown.status:
            shown = settled
            yield settled
        left = poll_seconds if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return
        if not batch:
            time.sleep(min(poll_seconds, left))


async def afollow(path: Path, poll_seconds: float = 0.1) -> AsyncIterator[RunState]:
    """`follow` for an event loop; reading is quick and happens between awaits."""
    folder = RunFolder(path)
    tail = EventTail(folder.events)
    state = RunState(run_id=folder.run_id)
    shown: RunState | None = None
    while True:
        batch = await asyncio.to_thread(tail.read)
        state = await asyncio.to_thread(reduce_all, batch, state)
        settled = settle(folder, state)
        if settled.status in FINAL and not batch:
            yield settle(folder, reduce_all(tail.read(), state))
            return
        if batch or shown is None or settled.status != shown.status:
            shown = settled
            yield settled
        if not batch:
            await asyncio.sleep(poll_seconds)
