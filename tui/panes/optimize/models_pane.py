"""The models by role: name, price, key, settings, and how they answered when they were asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from core.recipe import Role

from ...registry import bindings
from ...widgets.fitted import hang
from ...widgets.foreign import foreign
from ...widgets.options import Options
from ...widgets.pane import Pane
from .models import ModelRow, Ping

_ROLE = 11
"""Columns of a role's name; what goes on in the next line begins there."""


class RoleList(Options):
    """One role each."""

    PANE = "models"
    BINDINGS: ClassVar[list[BindingType]] = bindings("optimize", "models")

    @dataclass
    class Asked(Message):
        """Edit this role's model, or let another one serve it."""

        verb: str
        place: int

    def action_edit_model(self) -> None:
        self._ask("edit")

    def action_share_model(self) -> None:
        self._ask("share")

    def action_next_role(self) -> None:
        self.action_cursor_down()

    def action_last_role(self) -> None:
        self.action_cursor_up()

    def _ask(self, verb: str) -> None:
        if self.highlighted is not None:
            self.post_message(self.Asked(verb, self.highlighted))


class ModelsPane(Pane):
    """Five roles; those without a profile of their own say whose model serves them."""

    DEFAULT_CSS = """
    ModelsPane RoleList { height: auto; max-height: 100%; border: none; padding: 0; background: transparent; }
    """

    @dataclass
    class Edit(Message):
        role: Role

    @dataclass
    class Share(Message):
        role: Role

    def __init__(self) -> None:
        super().__init__(title="Models", id="models", classes="page-models")
        self._rows: tuple[ModelRow, ...] = ()
        self._width = 0
        self._pings: Mapping[str, Ping] = {}

    def compose(self) -> ComposeResult:
        yield RoleList(markup=False, compact=True)

    def show_models(self, rows: tuple[ModelRow, ...], pings: Mapping[str, Ping], state: str) -> None:
        self.name_pane("Models", state)
        if (rows, pings) != (self._rows, self._pings):
            self._rows, self._pings = rows, dict(pings)
            self._draw()

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self._draw()

    def _draw(self) -> None:
        choices = self.query_one(RoleList)
        place = choices.highlighted or 0
        width = max(40, self.content_size.width - 2)
        choices.set_options(
            Option(describe_model(row, self._pings.get(row.role), width)) for row in self._rows
        )
        choices.highlighted = place if self._rows else None

    @on(RoleList.Asked)
    def _asked(self, event: RoleList.Asked) -> None:
        event.stop()
        role = self._rows[event.place].role
        self.post_message(self.Edit(role) if event.verb == "edit" else self.Share(role))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Edit(self._rows[event.option_index].role))


def describe_model(row: ModelRow, ping: Ping | None, width: int) -> Content:
    """A role on one line, or on more where it does not fit."""
    role = Content.styled(f"{row.role:<{_ROLE}}", "bold" if row.called else "$text-muted")
    if row.shared_from is not None:
        return role + Content.styled(f"the {row.shared_from}'s model", "$text-muted")
    price = f"{row.price} per M" if row.price.startswith("$") else row.price
    first = role + foreign(row.profile.model) + Content("  ")
    first += Content.styled("price unknown", "$text-warning") if price == "unknown" else Content(price)
    parts = [foreign(row.key_text, "$text-muted" if row.key.present else "$text-error")]
    if row.dials:
        parts.append(foreign(row.dials, "$text-muted"))
    if ping is not None and ping.error is not None:
        parts.append(foreign(ping.error, "$text-error"))
    elif ping is not None:
        parts.append(Content.styled(f"answered in {ping.seconds:.1f} s", "$text-success"))
    if not row.called:
        parts.append(Content.styled("not called", "$text-muted"))
    rest = Content.styled(" · ", "$text-muted").join(parts)
    line = first + Content("  ") + rest
    if line.cell_length <= width:
        return line
    return Content("\n").join([first, hang(Content(" " * _ROLE) + rest, width, _ROLE)])
