"""Jump mode: a letter on everything that takes the focus."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Label

_LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpScreen(ModalScreen[Widget | None]):
    """Gives the chosen widget, or None."""

    DEFAULT_CSS = """
    JumpScreen { background: transparent; }
    JumpScreen Label {
        position: absolute;
        background: $accent;
        color: $background;
        text-style: bold;
        padding: 0 1;
        width: auto;
    }
    """

    def __init__(self, targets: list[Widget]) -> None:
        super().__init__()
        self.targets = dict(zip(_LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        for letter, widget in self.targets.items():
            label = Label(letter, markup=False)
            label.styles.offset = Offset(widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self.targets.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)
