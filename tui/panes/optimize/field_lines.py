"""The lines of a form: a field as text, and the same with its text being typed."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from ...widgets.text_field import TextField
from .field_text import describe_wrong, field_name, typed_text
from .sheet import Field, Wrong


class FieldLine(Static):
    """One field; a click moves there, a click on the field one is at edits it."""

    @dataclass
    class Clicked(Message):
        """It was clicked."""

        name: str

    def __init__(self, name: str) -> None:
        super().__init__(name=name, markup=False)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Clicked(self.name or ""))


class EditLine(Vertical):
    """Stands in for a field's line while its text is typed."""

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.field = field
        self.name_width = width

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(field_name(self.field, self.name_width), markup=False)
            yield TextField(typed_text(self.field), placeholder=self.field.text, compact=True)
        yield Static("", id="why", markup=False)

    def explain(self, wrong: Wrong | None) -> None:
        """Why the text cannot stay as it is."""
        for why in self.query("#why").results(Static):  # none until it is composed
            why.display = wrong is not None
            if wrong is not None:
                why.update(describe_wrong(wrong))

    def on_mount(self) -> None:
        self.explain(self.field.wrong)
        self.query_one(Input).focus()
