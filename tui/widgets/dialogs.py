"""Questions: yes or no, a line of text, one of several. Nothing asked is read as markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from .foreign import foreign, foreign_lines
from .text_field import TextField

T = TypeVar("T")
Check = Callable[[str], str | None]
"""What is wrong with a text, or None."""


class Dialog(ModalScreen[T]):
    """A box in the middle; escape leaves it without an answer."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
    }
    Dialog > Vertical {
        width: 72;
        max-width: 95%;
        height: auto;
        max-height: 90%;
        border: round $accent;
        border-title-color: $accent;
        background: $surface;
        padding: 1 2;
    }
    Dialog .detail { color: $text-muted; margin-top: 1; height: auto; }
    Dialog .wrong { color: $text-error; height: auto; }
    Dialog Horizontal { height: auto; align-horizontal: right; margin-top: 1; }
    Dialog Button { margin-left: 2; }
    Dialog OptionList { height: auto; max-height: 20; border: none; background: $surface; margin-top: 1; }
    """
    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012 - Textual's own type

    def action_cancel(self) -> None:
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """A question with yes and no; the focus starts on no where yes destroys something."""

    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("y", "yes", "Yes"),
        Binding("n,escape", "no", "No"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, detail: str = "", yes: str = "Yes", *, danger: bool = False) -> None:
        super().__init__()
        self.question = question
        self.detail = detail
        self.yes = yes
        self.danger = danger

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign_lines(self.question))
            if self.detail:
                yield Static(foreign_lines(self.detail), classes="detail")
            with Horizontal():
                yield Button(
                    foreign(f"{self.yes} (y)"), id="yes", variant="error" if self.danger else "primary"
                )
                yield Button("No (n)", id="no")

    def on_mount(self) -> None:
        self.query_one("#no" if self.danger else "#yes", Button).focus()

    @on(Button.Pressed)
    def settle(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)


class Ask(Dialog[str | None]):
    """A line of text; None when left by escape."""

    def __init__(self, title: str, value: str = "", hint: str = "", check: Check | None = None) -> None:
        super().__init__()
        self.question = title
        self.value = value
        self.hint = hint
        self.check = check

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign(self.question))
            yield TextField(self.value)
            yield Static("", classes="wrong", markup=False)
            if self.hint:
                yield Static(foreign_lines(self.hint), classes="detail")

    @on(Input.Submitted)
    def settle(self, event: Input.Submitted) -> None:
        wrong = self.check(event.value) if self.check else None
        if wrong is None:
            self.dismiss(event.value)
        else:
            self.query_one(".wrong", Static).update(foreign(wrong))


class Choose(Dialog[T | None]):
    """One of several; None when left by escape."""

    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, T]], chosen: T | None = None) -> None:
        super().__init__()
        self.question = title
        self.options = list(options)
        self.chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign(self.question))
            yield OptionList(*(Option(foreign(label)) for label, _ in self.options), markup=False)

    def on_mount(self) -> None:
        values = [value for _, value in self.options]
        choices = self.query_one(OptionList)
        choices.highlighted = values.index(self.chosen) if self.chosen in values else 0
        choices.focus()

    def action_move(self, step: int) -> None:
        choices = self.query_one(OptionList)
        choices.action_cursor_down() if step > 0 else choices.action_cursor_up()

    @on(OptionList.OptionSelected)
    def settle(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.options[event.option_index][1])
