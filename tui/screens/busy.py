"""A place that waits for slow calls: one at a time, with what it is and its seconds in view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from core.errors import CompilotError
from core.sandbox.limits import JobKilled

from .base import Place

T = TypeVar("T")


class BusyPlace(Place):
    """Subclasses give `show_busy`; calls that run the folder's code can be cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self._busy: tuple[str, float] | None = None
        self._done = ""

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)

    @property
    def busy(self) -> bool:
        return self._busy is not None

    async def do(self, what: str, call: Callable[[], T]) -> T:
        """The call's result, from a thread; what it raises is raised here."""
        self._busy, self._done = (what, time.monotonic()), ""
        self._tell()
        try:
            return await asyncio.to_thread(call)
        finally:
            self._busy = None
            self._tell()

    def fail_with(self, error: CompilotError) -> bool:
        """Whether the error is one to show; a call that the person cancelled is only remarked upon."""
        if isinstance(error, JobKilled) and error.reason == "cancelled":
            self.compilot.say("cancelled")
            return False
        return True

    def note_progress(self, text: str) -> None:
        """How far the call is; for its thread."""
        self._done = text

    def show_busy(self, text: str) -> None:
        """Show what runs and for how long; an empty text when nothing does."""

    def action_cancel(self) -> None:
        """End what the folder's code does now; the call raises `JobKilled`."""
        if self.busy:
            self.session.desk().sandbox.cancel()

    def _tick(self) -> None:
        if self._busy is not None and self.is_current:
            self._tell()

    def _tell(self) -> None:
        if not self.is_attached:
            return
        if self._busy is None:
            self.show_busy("")
        else:
            what, since = self._busy
            done = f"{self._done}, " if self._done else ""
            self.show_busy(f"{what}… {done}{time.monotonic() - since:.0f} s, x cancels")
        self.refresh_bindings()
