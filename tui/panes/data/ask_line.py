"""One line to type a filter, a text to find or a row number in."""

from __future__ import annotations

from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from ...widgets.text_field import TextField
from .filtering import SYNTAX

Kind = Literal["filter", "find", "row"]
_HINTS: dict[Kind, str] = {"filter": SYNTAX, "find": SYNTAX, "row": "number"}


class AskLine(Horizontal):
    """Hidden until it is asked for; a filter stays in view while it holds."""

    class Typed(Message):
        """The text so far, or as it was settled with enter."""

        def __init__(self, kind: Kind, text: str, settled: bool) -> None:
            self.kind, self.text, self.settled = kind, text.strip(), settled
            super().__init__()

    kind: Kind = "filter"

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        yield TextField(compact=True)

    def on_mount(self) -> None:
        self.display = False

    def open(self, kind: Kind, text: str = "") -> None:
        """Ask for something, beginning with `text`."""
        self.kind = kind
        self.query_one(Static).update(kind)
        typed = self.query_one(Input)
        typed.placeholder = _HINTS[kind]
        with typed.prevent(Input.Changed):
            typed.value = text
        self.display = True
        typed.focus()

    @on(Input.Changed)
    def tell_text(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.kind, event.value, False))

    @on(Input.Submitted)
    def tell_settled(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Typed(self.kind, event.value, True))
