"""The line to type into: it grows without a new layout, and scrolls when it is full."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Input

from tests.tui.screens.waiting import text_of
from tui.widgets.text_field import TextField


class Stage(App[None]):
    CSS = "TextField { width: 20; }"

    def compose(self) -> ComposeResult:
        yield TextField(compact=True)


async def test_typing_keeps_the_layout_until_the_field_is_full() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        field = app.query_one(Input)
        field.focus()
        await pilot.press("a")
        size = field.virtual_size
        await pilot.press(*"bcdefghijklmnop")
        assert field.virtual_size == size
        assert text_of(field) == "abcdefghijklmnop"
        await pilot.press(*"0123456789")
        assert text_of(field).endswith("0123456789")
        assert field.virtual_size.width == len(field.value) + 1
        await pilot.press("home")
        assert text_of(field).startswith("abc")
        await pilot.press("end")
        assert text_of(field).endswith("0123456789")
