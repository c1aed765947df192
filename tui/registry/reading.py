"""What works in every text that scrolls, list and tree."""

from __future__ import annotations

from .command import Command


def _move(verb: str, key: str, label: str, help: str, does: str, pane: str) -> Command:
    return Command(f"reading.{verb}", key, label, help, False, pane, does)


COMMANDS = (
    _move("down", "j", "Down", "A line on.", "scroll_down", "text"),
    _move("up", "k", "Up", "A line back.", "scroll_up", "text"),
    _move("page", "space", "Page down", "A screenful on.", "page_down", "text"),
    _move("top", "g", "Top", "The beginning of the text.", "scroll_home", "text"),
    _move("bottom", "G", "Bottom", "The end of the text.", "scroll_end", "text"),
    _move("next", "j", "Down", "The next entry.", "cursor_down", "list"),
    _move("previous", "k", "Up", "The entry before.", "cursor_up", "list"),
    _move("first", "g", "Top", "The first entry.", "first", "list"),
    _move("last", "G", "Bottom", "The last entry.", "last", "list"),
    _move("below", "j", "Down", "The next part.", "cursor_down", "tree"),
    _move("above", "k", "Up", "The part before.", "cursor_up", "tree"),
)
