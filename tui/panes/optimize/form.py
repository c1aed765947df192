"""A form made from declarations: one line for each parameter, edited in place, every change told at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input

from ...registry import bindings, commands_of
from .field_lines import EditLine, FieldLine
from .field_text import field_text, next_value, typed_text
from .sheet import Field, Sheet, Wrong

_ACTIONS = {command.action.partition("(")[0] for command in commands_of("optimize") if command.pane == "form"}


class Form(VerticalScroll, can_focus=True):
    """Shows a `Sheet`; tells each other sheet that the person makes of it."""

    PANE = "form"
    BINDINGS: ClassVar[list[BindingType]] = bindings("optimize", "form")
    DEFAULT_CSS = """
    Form {
        height: 1fr;
        scrollbar-size-vertical: 1;
        FieldLine { height: auto; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
        FieldLine.-wrong { text-wrap: wrap; }
        FieldLine.-cursor { background: $boost; }
        &:focus FieldLine.-cursor { background: $block-cursor-background 40%; }
        EditLine { height: auto; }
        EditLine Horizontal { height: 1; }
        EditLine Horizontal > Static { width: auto; }
        EditLine Input { width: 1fr; background: $boost; }
        EditLine #why { height: auto; }
    }
    """

    @dataclass
    class _Told(Message):
        """Comes from one form of several."""

        form: Form

        @property
        def control(self) -> Form:
            return self.form

    @dataclass
    class Changed(_Told):
        """The person changed something; `sheet` may hold texts that could not be read."""

        sheet: Sheet

    @dataclass
    class Moved(_Told):
        """Another field is at the cursor."""

        field: Field

    @dataclass
    class WantsChoice(_Told):
        """A field is to be chosen from a list: the screen asks, and calls `put`."""

        field: Field

    def __init__(self, sheet: Sheet, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sheet = sheet
        self.cursor = 0
        self._before: Sheet | None = None
        """The sheet when the edit began; None while nothing is edited."""

    def compose(self) -> ComposeResult:
        for field in self.sheet.fields:
            yield FieldLine(field.name)

    def on_mount(self) -> None:
        self._paint()

    @property
    def field(self) -> Field:
        """The one at the cursor."""
        return self.sheet.fields[self.cursor]

    @property
    def is_edited(self) -> bool:
        return self._before is not None

    async def show_sheet(self, sheet: Sheet) -> None:
        """Show another sheet; where the fields are the same nothing moves, and a text being typed stays."""
        names = [field.name for field in self.sheet.fields]
        same = [field.name for field in sheet.fields] == names and sheet.spec.name == self.sheet.spec.name
        if self.is_edited and same:
            sheet = replace(sheet, unread={**sheet.unread, **self.sheet.unread})
        self.sheet = sheet
        if not same:
            self._before = None
            self.cursor = 0
            async with self.batch():
                await self.query_children().remove()
                await self.mount_all(FieldLine(field.name) for field in sheet.fields)
            self.scroll_home(animate=False)
        self._paint()

    def put(self, name: str, text: str) -> None:
        """A field's text, as if it were typed."""
        self._tell(self.sheet.type(name, text))

    def refuse(self, name: str, wrong: Wrong) -> None:
        """A value that fits its declaration and still cannot be: it is marked, and not kept."""
        sheet = self.sheet.reset(name)
        self.sheet = replace(sheet, unread={**sheet.unread, name: wrong})
        self._paint()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave_field":
            return self.is_edited
        return bool(self.sheet.fields) or action not in _ACTIONS

    async def action_move_field(self, step: int) -> None:
        await self._leave_for(self.cursor + step)

    async def action_leave_field(self) -> None:
        before = self._before
        await self._end()
        self.focus()
        if before is not None:
            self._tell(before)

    def action_first_field(self) -> None:
        self._move(0)

    def action_end_field(self) -> None:
        self._move(len(self.sheet.fields) - 1)

    def action_reset_field(self) -> None:
        self._tell(self.sheet.reset(self.field.name))

    async def action_edit_field(self) -> None:
        match self.field.kind:
            case "switch":
                self.action_step(1)
            case "choice":
                self.post_message(self.WantsChoice(self, self.field))
            case "text":
                await self._begin()

    def on_focus(self) -> None:
        if self.sheet.fields:
            self.post_message(self.Moved(self, self.field))

    @on(FieldLine.Clicked)
    async def _go_there(self, event: FieldLine.Clicked) -> None:
        event.stop()
        place = next(i for i, field in enumerate(self.sheet.fields) if field.name == event.name)
        here = place == self.cursor and self.has_focus
        await self._leave_for(place)
        self.focus()
        if here:
            await self.action_edit_field()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_edited and event.value != typed_text(self.field):
            self._tell(self.sheet.type(self.field.name, event.value))

    @on(Input.Submitted)
    async def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        await self._end()
        self.focus()

    async def on_descendant_blur(self) -> None:
        """Going elsewhere keeps what was typed."""
        if self.is_edited and not self.has_focus_within:
            await self._end()

    async def _end(self) -> None:
        self._before = None
        await self.query(EditLine).remove()
        self._line.display = True
        self._paint()

    async def _begin(self) -> None:
        if self.is_edited:
            return
        self._before = self.sheet
        await self.mount(EditLine(self.field, self._name_width), before=self._line)
        self._line.display = False
        self._paint()

    def action_step(self, step: int) -> None:
        field = self.field
        value = next_value(field, step)
        if value is not None:
            self._tell(self.sheet.type(field.name, value))

    async def _leave_for(self, place: int) -> None:
        """Another field; what was typed is kept."""
        if self.is_edited:
            await self._end()
            self.focus()
        self._move(place)

    def _move(self, place: int) -> None:
        place = max(0, min(place, len(self.sheet.fields) - 1))
        if place != self.cursor:
            self._line.remove_class("-cursor")
            self.cursor = place
            self._line.add_class("-cursor")
        self._line.scroll_visible(animate=False)
        self.post_message(self.Moved(self, self.field))

    def _tell(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._paint()
        self.post_message(self.Changed(self, sheet))
        self.post_message(self.Moved(self, self.field))

    @property
    def _line(self) -> FieldLine:
        return list(self.query(FieldLine))[self.cursor]

    @property
    def _name_width(self) -> int:
        return 1 + max((len(field.name) for field in self.sheet.fields), default=0)

    def _paint(self) -> None:
        """Every line as it is now; lines that did not change are not sent again."""
        width = self._name_width
        for place, (line, field) in enumerate(zip(self.query(FieldLine), self.sheet.fields, strict=True)):
            line.set_class(place == self.cursor, "-cursor")
            line.set_class(field.wrong is not None, "-wrong")
            text = field_text(field, width)
            if line.content != text:
                line.update(text)
        for edit in self.query(EditLine):
            edit.explain(self.field.wrong)
