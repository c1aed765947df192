"""The columns pane: what each column of the data is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.data.roles import guess_roles, roles_of_spec
from core.data.table import Column
from core.errors import CompilotError
from core.recipe import DataSpec
from core.wording import plural

from ...registry import bindings
from ...text import clean
from ...widgets.pane import LatePane
from ...widgets.problem import Problem
from ...widgets.rows import fit_cell
from .roles import field_of, give_role, next_role

_STYLES = {"input": "$text-accent", "label": "$text-success"}
_GUESSED = "Guessed: roles are kept for the workspace's own data only."


class ColumnsPane(LatePane):
    """Roles are changed here and written when they are saved."""

    PANE = "columns"
    BINDINGS = bindings("data", pane="columns")

    class Saved(Message):
        """These roles are to be written."""

        def __init__(self, spec: DataSpec) -> None:
            self.spec = spec
            super().__init__()

    class Changed(Message):
        """The roles on screen, saved or not."""

        def __init__(self, roles: Mapping[str, str]) -> None:
            self.roles = roles
            super().__init__()

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Columns", id=id)
        self.saved: DataSpec | None = None
        self.draft: DataSpec | None = None
        self._columns: Sequence[Column] = ()
        self._problem: CompilotError | None = None

    def compose_content(self) -> ComposeResult:
        yield Problem(id="trouble")
        yield Static("", id="state", markup=False)
        yield OptionList(id="columns", markup=False)

    @property
    def unsaved(self) -> bool:
        return self.draft != self.saved

    @property
    def roles(self) -> dict[str, str]:
        """By column."""
        names = [column.name for column in self._columns]
        if self.draft is not None:
            return roles_of_spec(self.draft, names)
        guess = guess_roles(names)
        return {name: guess.role_of(name) for name in names}

    def show_columns(self, spec: DataSpec | None, columns: Sequence[Column]) -> None:
        """Show the columns with the roles of a data section, or with guessed ones."""
        if spec != self.saved or not self.unsaved:
            self.draft = spec
        self.saved = spec
        self._columns = columns
        self._tell()

    def show_problem(self, error: CompilotError | None) -> None:
        self._problem = error
        self.redraw()

    async def focus_content(self) -> None:
        await self.fill()
        self.query_one("#columns").focus()

    def _tell(self) -> None:
        inputs, labels = (list(self.roles.values()).count(role) for role in ("input", "label"))
        told = f"{plural(inputs, 'input')}, {plural(labels, 'label')}"
        self.name_pane("Columns", f"{told} · unsaved, s saves" if self.unsaved else told)
        self.redraw()

    def draw(self) -> None:
        self.query_one("#trouble", Problem).show(self._problem)
        listed = self.query_one("#columns", OptionList)
        here = listed.highlighted or 0
        roles = self.roles
        width = max((len(clean(column.name)) for column in self._columns), default=4)
        listed.clear_options()
        for column in self._columns:
            listed.add_option(Option(self._describe(column, roles[column.name], min(width, 24))))
        if self._columns:
            listed.highlighted = min(here, len(self._columns) - 1)
        state = self.query_one("#state", Static)
        state.update(_GUESSED if self.draft is None else "No input yet: i makes a column one.")
        state.display = self.draft is None or "input" not in roles.values()

    def _describe(self, column: Column, role: str, width: int) -> Content:
        line = Content.styled(fit_cell(clean(column.name), width), "bold")
        line += Content.styled(f"  {role:<8}", _STYLES.get(role, "$text-muted"))
        line += Content.styled(f"  {column.type}", "$text-muted")
        if self.draft is not None:
            names = [each.name for each in self._columns]
            field = field_of(self.draft, column.name, names)
            if field != column.name:
                line += Content.styled(f"  as {clean(field)}", "$text-muted")
            if column.name in self.draft.json_columns:
                line += Content.styled("  JSON", "$text-muted")
        return line

    def _give(self, role: str | None) -> None:
        place = self.query_one("#columns", OptionList).highlighted
        if self.draft is None or place is None:
            return
        names = [column.name for column in self._columns]
        chosen = role or next_role(self.roles[names[place]])
        self.draft = give_role(self.draft, names, names[place], chosen)
        self._tell()
        self.post_message(self.Changed(self.roles))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action.startswith("give_") and self.draft is None:
            return None
        return None if action in ("save_roles", "drop_roles") and not self.unsaved else True

    def action_give_next(self) -> None:
        self._give(None)

    def action_give_input(self) -> None:
        self._give("input")

    def action_give_label(self) -> None:
        self._give("label")

    def action_give_ignored(self) -> None:
        self._give("ignored")

    def action_give_id(self) -> None:
        self._give("id")

    def action_save_roles(self) -> None:
        if self.draft is not None:
            self.post_message(self.Saved(self.draft))

    def action_drop_roles(self) -> None:
        self.draft = self.saved
        self._tell()
        self.post_message(self.Changed(self.roles))

    def action_column_down(self) -> None:
        self.query_one("#columns", OptionList).action_cursor_down()

    def action_column_up(self) -> None:
        self.query_one("#columns", OptionList).action_cursor_up()
