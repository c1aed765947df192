"""The names of the views, where there is no room to show them all at once."""

from __future__ import annotations

from textual import events
from textual.message import Message

from ...widgets.board import Board
from ...widgets.tones import Line

TITLES = {"progress": "Progress", "candidates": "Candidates", "calls": "Calls", "log": "Log"}


def choose_panes(size_class: str, view: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which panes are on screen when a view is chosen, and between which views one can choose."""
    if size_class == "-narrow":
        return frozenset({view}), tuple(TITLES)
    if size_class == "-normal":
        lower = view if view != "progress" else "log"
        return frozenset({"progress", "spend", lower}), ("candidates", "calls", "log")
    lower = view if view in ("calls", "log") else "log"
    return frozenset({"progress", "spend", "candidates", lower}), ("calls", "log")


def strip_line(views: tuple[str, ...], shown: frozenset[str]) -> Line:
    return [(f" {TITLES[view]}  ", "accent" if view in shown else "muted") for view in views]


class ViewStrip(Board):
    """A click chooses; `]` and `[` go through them."""

    class Chosen(Message):
        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__(id="runs-strip")
        self._views: tuple[str, ...] = ()

    def show_views(self, views: tuple[str, ...], shown: frozenset[str]) -> None:
        self._views = views
        self.show([strip_line(views, shown)])

    def on_click(self, event: events.Click) -> None:
        end = 0
        for view in self._views:
            end += len(TITLES[view]) + 3
            if event.x < end:
                self.post_message(self.Chosen(view))
                return
