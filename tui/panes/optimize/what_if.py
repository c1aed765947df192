"""What if: changes side by side with what each would save or cost; one key makes one of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.cost.changes import Change, parse_change
from core.cost.estimate import Estimate
from core.cost.facts import Measured
from core.errors import CompilotError
from core.recipe import Recipe

from ...widgets.dialogs import Dialog
from ...widgets.foreign import foreign, foreign_lines
from ...widgets.text_field import TextField
from .further import compare, effect_rows

_ANOTHER = "another: student=MODEL, val=15, threads=4, any parameter …"
_KEYS = "enter makes it (u takes it back), / tries another, escape leaves"


class WhatIf(Dialog[Change | None]):
    """Gives the change to make, or None."""

    DEFAULT_CSS = """
    WhatIf > Vertical { width: 96; padding: 1 2; }
    WhatIf OptionList { padding: 0; margin: 0; max-height: 12; }
    WhatIf .head { color: $text-muted; height: 2; }
    WhatIf .why { height: auto; min-height: 2; max-height: 5; margin-top: 1; }
    WhatIf Input { margin-top: 1; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("slash", "ask", show=False),
    ]

    def __init__(self, recipe: Recipe, measured: Measured, now: Estimate, changes: Sequence[Change]) -> None:
        super().__init__()
        self.recipe = recipe
        self.measured = measured
        self.now = now
        self.changes = list(changes)
        self.effects = compare(recipe, measured, changes)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "What if"
            yield Static(classes="head", markup=False)
            yield OptionList(markup=False, compact=True)
            yield Static(classes="why", markup=False)
            yield TextField(placeholder=_ANOTHER, compact=True)
            yield Static(_KEYS, classes="detail")

    def on_mount(self) -> None:
        self._draw(0)
        self.query_one(OptionList).focus()

    def action_move(self, step: int) -> None:
        choices = self.query_one(OptionList)
        choices.action_cursor_down() if step > 0 else choices.action_cursor_up()

    def action_ask(self) -> None:
        self.query_one(Input).focus()

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        effect = self.effects[event.option_index]
        lines = [effect.why + (f" ({effect.source})" if effect.source else "")] if effect.why else []
        if effect.problem is not None:
            lines += [effect.problem["what"], f"→ {effect.problem['fix']}"]
        lines += effect.notes
        self.query_one(".why", Static).update(foreign_lines("\n".join(lines)))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        if self.effects[event.option_index].after is not None:
            self.dismiss(self.changes[event.option_index])

    @on(Input.Submitted)
    def _another(self, event: Input.Submitted) -> None:
        try:
            change = parse_change(event.value, self.recipe, self.measured)
        except CompilotError as error:
            said = foreign(error.what, "$text-error") + Content("\n→ ") + foreign(error.fix)
            self.query_one(".why", Static).update(said)
            return
        event.input.clear()
        self.changes.insert(0, change)
        self.effects[:0] = compare(self.recipe, self.measured, [change])
        self._draw(0)
        self.query_one(OptionList).focus()

    def _draw(self, place: int) -> None:
        lines = effect_rows(self.now, self.effects)
        self.query_one(".head", Static).update(Content("\n".join(lines[:2])))
        choices = self.query_one(OptionList)
        choices.set_options(Option(foreign(line)) for line in lines[2:])
        choices.highlighted = place if self.effects else None
