"""Edits the model of one role: the same form as everywhere, over the declared fields of a profile."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from core.errors import CompilotError
from core.models.prices import price_of
from core.models.secrets import key_state
from core.recipe import ModelProfile, Role

from ...widgets.dialogs import Dialog
from ...widgets.foreign import foreign
from ...widgets.problem import Problem
from .declared import PROFILE, price_text, profile_params, read_profile
from .form import Form
from .sheet import describe_field, read_sheet


class ModelDialog(Dialog[ModelProfile | None]):
    """Gives the changed profile, or None."""

    DEFAULT_CSS = """
    ModelDialog > Vertical { width: 86; height: auto; padding: 1 2 0 2; }
    ModelDialog Form { height: auto; max-height: 14; }
    ModelDialog.-low Form { max-height: 7; }
    ModelDialog .meaning { height: auto; margin-top: 1; color: $text-muted; }
    ModelDialog #found { height: 1; margin-top: 1; }
    """
    BINDINGS = [Binding("ctrl+s", "use", "Use it", priority=True)]  # noqa: RUF012 - Textual's own type
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012 - Textual's own type

    def __init__(self, role: Role, profile: ModelProfile, *, own: bool) -> None:
        super().__init__()
        self.role: Role = role
        self.profile = profile
        self.own = own

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"The {self.role}'s model"
            yield Form(read_sheet(PROFILE, profile_params(self.profile)))
            yield Static(classes="meaning", markup=False)
            yield Static(id="found", markup=False)
            yield Problem()
            with Horizontal():
                yield Button("Use it (ctrl+s)", id="use", variant="primary")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one(Form).focus()
        self._look()

    @on(Form.Moved)
    def _explain(self, event: Form.Moved) -> None:
        meaning, _, takes = describe_field(event.field)
        self.query_one(".meaning", Static).update(foreign(f"{meaning} ({takes})"))

    @on(Form.Changed)
    def _look(self) -> ModelProfile | None:
        """What is known of the model as it stands, or what is wrong with it."""
        sheet = self.query_one(Form).sheet
        problem, found = self.query_one(Problem), self.query_one("#found", Static)
        found.display = True
        try:
            profile = read_profile(self.role, sheet.params, self.profile)
        except CompilotError as error:
            problem.show(error)
            found.display = False
            return None
        problem.show(None)
        key = key_state(profile)
        told = f"{key.name} is {'set' if key.present else 'not set here'}" if key.name else "needs no key"
        found.update(foreign(f"{profile.model}: price {price_text(price_of(profile))}, {told}"))
        return None if sheet.unread else profile

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_use() if event.button.id == "use" else self.dismiss(None)

    def action_use(self) -> None:
        profile = self._look()
        if profile is not None:
            self.dismiss(profile)
