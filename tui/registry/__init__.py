"""Every command of the app, by place: one list feeds bindings, footer, palette, help and keymap."""

from __future__ import annotations

import importlib

from textual.binding import BindingType

from .command import Command

PLACES = {
    "data": "Data",
    "program": "Program",
    "metric": "Metric",
    "optimize": "Optimize",
    "runs": "Runs",
    "results": "Results",
}
"""Name → title, in the order of the work."""

SHARED = {"table": "In tables", "reading": "In texts, lists and trees"}
"""Keys of widgets that several places use."""

__all__ = ["PLACES", "SHARED", "Command", "bindings", "commands_of"]


def commands_of(place: str) -> tuple[Command, ...]:
    """The commands of a place, or of the whole app (`app`)."""
    found: tuple[Command, ...] = importlib.import_module(f".{place}", __name__).COMMANDS
    return found


def bindings(place: str, pane: str = "") -> list[BindingType]:
    """The key bindings of a place's screen, or of one of its panes."""
    return [command.binding() for command in commands_of(place) if command.pane == pane]
