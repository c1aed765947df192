"""How the progress of a run is shown on the command line: one small protocol, chosen by flag and terminal."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from core.runs.reduce import RunState

ProgressKind = Literal["live", "plain", "json", "none"]


class Display(Protocol):
    """Shows states of one run while it is open. The result is printed by the command, not here."""

    tells_of_stop: bool
    """Whether it shows by itself that Ctrl+C was heard."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, state: RunState) -> None:
        """Take the newest state."""
        ...


class NoDisplay:
    """Shows nothing."""

    tells_of_stop = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, state: RunState) -> None:
        return None


def open_display(kind: ProgressKind | None, *, title: str, as_json: bool, leaves_run: bool) -> Display:
    """The display of this kind, or the one that suits where the output goes.

    With `as_json` stdout is kept for JSON, so that everything else is shown on stderr. `leaves_run` says what
    Ctrl+C does here: leave the run alone (watching), or stop it (running).
    """
    if kind is None:
        kind = "none" if as_json else "live" if _can_redraw() else "plain"
    if kind == "none":
        return NoDisplay()
    if kind == "json":
        from .jsonlines import JsonDisplay

        return JsonDisplay()
    if kind == "live":
        from .live import LiveDisplay

        return LiveDisplay(title=title, stderr=as_json, leaves_run=leaves_run)
    from .plain import PlainDisplay

    return PlainDisplay(stderr=as_json)


def _can_redraw() -> bool:
    """Whether stdout is a terminal on which the cursor can go back."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
