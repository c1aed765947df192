"""Text that scrolls, lists and trees, with the keys that move in all of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from ..registry import bindings
from .options import Options


class Reading(VerticalScroll):
    """A text that wraps and scrolls; it stays where it was scrolled to while the same text is shown."""

    BINDINGS = bindings("reading", pane="text")
    DEFAULT_CSS = """
    Reading {
        height: 1fr;
        scrollbar-size-vertical: 1;
        Static { width: 1fr; height: auto; }
        &:focus { background-tint: $foreground 4%; }
    }
    """

    def __init__(self, text: Content | str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.text = Content(text) if isinstance(text, str) else text

    def compose(self) -> ComposeResult:
        yield Static(self.text, markup=False)

    def show(self, text: Content) -> None:
        """Show another text from its top; nothing happens when it is the same one."""
        if text == self.text:
            return
        self.text = text
        self.query_one(Static).update(text)
        self.scroll_home(animate=False)


class Entries(Options):
    """A list to choose from; nothing in it is read as markup."""

    BINDINGS = bindings("reading", pane="list")
    DEFAULT_CSS = """
    Entries, Entries:focus {
        border: none;
        padding: 0;
        background: $background;
        background-tint: $background 0%;
        scrollbar-size-vertical: 1;
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { background: $boost; color: $foreground; text-style: none; }
    }
    Entries:focus > .option-list--option-highlighted { background: $primary-muted; color: $foreground; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)

    def show(self, labels: Sequence[Content], highlighted: int | None = 0) -> None:
        """Show other entries, one of them highlighted."""
        self.clear_options()
        self.add_options([Option(label) for label in labels])
        if highlighted is not None and labels:
            self.highlighted = min(highlighted, len(labels) - 1)
