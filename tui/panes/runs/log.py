"""The log of the chosen run, and what its process printed: level filter, search, follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input

from ...registry import bindings
from ...text import count
from ...widgets.pane import Pane
from ...widgets.tail_log import TailLog
from ...widgets.text_field import TextField

if TYPE_CHECKING:
    from ...follower import Snapshot

_LEVEL_NAMES = {"debug": "all", "info": "what matters", "warning": "warnings", "error": "errors"}


class LogPane(Pane):
    """Two logs, one on screen: events (`log`), and the process's own output."""

    PANE = "log"
    BINDINGS = bindings("runs", pane="log")

    def __init__(self) -> None:
        super().__init__(title="Log", id="runs-log")
        self._path: Path | None = None
        self._output = False

    def compose(self) -> ComposeResult:
        yield TailLog(id="runs-events")
        yield TailLog(20_000, id="runs-output")
        yield TextField(placeholder="search the log", id="runs-search", compact=True)

    def on_mount(self) -> None:
        self.query_one("#runs-output").display = False
        self.query_one(Input).display = False

    @property
    def log_on_screen(self) -> TailLog:
        return self.query_one("#runs-output" if self._output else "#runs-events", TailLog)

    def show(self, snapshot: Snapshot) -> None:
        for name, lines in (("#runs-events", snapshot.lines), ("#runs-output", snapshot.output)):
            tail = self.query_one(name, TailLog)
            if snapshot.first or snapshot.path != self._path:
                tail.reset(lines)
            else:
                tail.feed(lines)
        self._path = snapshot.path
        self.tell()

    @on(TailLog.Told)
    def tell(self) -> None:
        """The frame says what is shown."""
        tail = self.log_on_screen
        parts = [] if tail.following else ["held, G follows"]
        if tail.query_text:
            parts.append(f"{count(tail.matches)} × {tail.query_text[:30]}")
        if not self._output:
            parts.append(_LEVEL_NAMES[tail.least])
        self.name_pane("Output" if self._output else "Log", " · ".join(parts))

    def action_level(self) -> None:
        tail = self.query_one("#runs-events", TailLog)
        tail.show_levels(tail.next_level())
        self.tell()

    def action_output(self) -> None:
        focused = self.log_on_screen.has_focus
        self._output = not self._output
        for name, shown in (("#runs-events", not self._output), ("#runs-output", self._output)):
            self.query_one(name).display = shown
        if focused:
            self.log_on_screen.focus()
        self.tell()

    def search(self) -> None:
        """Ask what to look for."""
        field = self.query_one(Input)
        field.display = True
        field.value = self.log_on_screen.query_text
        field.focus()

    def find(self, step: int) -> None:
        self.log_on_screen.find(step)

    @on(Input.Submitted)
    def _search_for(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave_search()
        self.log_on_screen.search(event.value)

    def on_key(self, event: events.Key) -> None:
        field = self.query_one(Input)
        if field.has_focus and event.key == "escape":
            event.stop()
            self._leave_search()
            self.log_on_screen.search("")
        elif event.key == "escape" and self.log_on_screen.query_text:
            event.stop()
            self.log_on_screen.search("")

    def _leave_search(self) -> None:
        self.query_one(Input).display = False
        self.log_on_screen.focus()
