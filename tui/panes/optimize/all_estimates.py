"""Every optimizer's cost side by side, the cheapest first."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.cost.estimate import Estimate

from ...text import table
from ...widgets.dialogs import Dialog
from ...widgets.foreign import foreign
from .preview import all_rows

_WIDE = 100
"""Columns from which all figures have room."""


class AllEstimates(Dialog[str | None]):
    """Gives the optimizer that was chosen, or None."""

    DEFAULT_CSS = """
    AllEstimates > Vertical { width: 96; padding: 1 2; }
    AllEstimates VerticalScroll { height: auto; max-height: 6; }
    AllEstimates VerticalScroll Static { height: auto; }
    AllEstimates OptionList { padding: 0; margin: 0; max-height: 12; }
    AllEstimates .head { color: $text-muted; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, costs: Mapping[str, Estimate | str]) -> None:
        super().__init__()
        self.costs = costs
        self.names = [row[0] for row in all_rows(list(costs.items()), wide=True)[1:]]
        self.failed = {name: one for name, one in costs.items() if isinstance(one, str)}

    def compose(self) -> ComposeResult:
        rows = all_rows(list(self.costs.items()), wide=self.app.size.width >= _WIDE)
        lines = table(rows, "<" + ">" * (len(rows[0]) - 1))
        with Vertical() as box:
            box.border_title = "Expected: the chosen optimizer as it is set, others by default"
            yield Static(Content(lines[0]), classes="head", markup=False)
            yield OptionList(*(Option(Content(line)) for line in lines[1:]), markup=False, compact=True)
            if self.failed:
                with VerticalScroll(can_focus=False):
                    yield Static(
                        Content("\n").join(
                            foreign(f"{name}: {why}", "$text-warning") for name, why in self.failed.items()
                        ),
                        markup=False,
                    )
            yield Static("enter chooses one, escape leaves", classes="detail", markup=False)

    def on_mount(self) -> None:
        choices = self.query_one(OptionList)
        choices.highlighted = 0 if self.names else None
        choices.focus()

    def action_move(self, step: int) -> None:
        choices = self.query_one(OptionList)
        choices.action_cursor_down() if step > 0 else choices.action_cursor_up()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.names[event.option_index])
