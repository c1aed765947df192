"""Panes that hold a form: the optimizer's parameters, and the limits of the run."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from core.optimizers.spec import Spec

from ...widgets.foreign import foreign
from ...widgets.pane import Pane
from .declared import LIMITS
from .form import Form
from .sheet import Field, Sheet, describe_field

_NOTHING = Spec(name="", summary="", description="", parameters=(), roles=(), seed_use="")


class FormPane(Pane):
    """A form, and below it what the field at the cursor means and costs."""

    DEFAULT_CSS = """
    FormPane {
        .meaning { height: 6; border-top: solid $pane-border; }
    }
    """
    EMPTY = ""

    def __init__(self, sheet: Sheet, *, title: str, id: str, page: str) -> None:
        super().__init__(title=title, id=id, classes=f"page-{page}")
        self.heading = title
        self.form = Form(sheet, id=f"{id}-form")

    def compose(self) -> ComposeResult:
        yield self.form
        yield Static(classes="meaning", markup=False)

    async def show_sheet(self, sheet: Sheet, state: str) -> None:
        self.name_pane(self.heading, state)
        await self.form.show_sheet(sheet)
        if sheet.fields:
            self._explain(self.form.field)
        else:
            self.query_one(".meaning", Static).update(self.EMPTY)

    @on(Form.Moved)
    def _moved(self, event: Form.Moved) -> None:
        self._explain(event.field)

    def _explain(self, field: Field) -> None:
        meaning, cost, takes = describe_field(field)
        text = Content("\n").join(
            [
                foreign(meaning),
                Content.styled("cost: ", "$text-muted") + foreign(cost[:1].lower() + cost[1:]),
                foreign(takes, "$text-muted"),
            ]
        )
        shown = self.query_one(".meaning", Static)
        if shown.content != text:
            shown.update(text, layout=False)


class ParametersPane(FormPane):
    """What the chosen optimizer can be told."""

    EMPTY = "Choose an optimizer first: it says what it can be told."

    def __init__(self) -> None:
        super().__init__(Sheet(_NOTHING), title="Parameters", id="parameters", page="parameters")


class LimitsPane(FormPane):
    """Caps over all models, threads and seed."""

    def __init__(self) -> None:
        super().__init__(Sheet(LIMITS), title="Budget and run", id="limits", page="models")
