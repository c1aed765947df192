"""All keys, made from the registry: those of this place first."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from ..key_table import describe_keys
from ..widgets.dialogs import Dialog
from ..widgets.text_field import TextField


class HelpScreen(Dialog[None]):
    """A list that can be filtered by typing; the keys of the pane with the focus come first."""

    DEFAULT_CSS = """
    HelpScreen > Vertical { width: 116; height: 90%; padding: 0 2; }
    HelpScreen VerticalScroll { height: 1fr; margin-top: 1; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("escape", "cancel", "Close"),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, place: str, pane: str, keymap: dict[str, str]) -> None:
        super().__init__()
        self.place = place
        self.pane = pane
        self.keymap = keymap

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Keys"
            box.border_subtitle = "type to filter, escape closes"
            yield TextField(placeholder="filter", compact=True)
            with VerticalScroll():
                yield Static(self._keys(""), markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def filter_keys(self, event: Input.Changed) -> None:
        self.query_one("VerticalScroll > Static", Static).update(self._keys(event.value))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _keys(self, words: str) -> Content:
        width = min(116, int(0.95 * self.app.size.width)) - 8
        return describe_keys(self.place, self.pane, self.keymap, words, width)
