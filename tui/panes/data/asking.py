"""Dialogs of the Data place: a cell's new value, a file to open, a file to write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from core.data.cells import ColumnType
from core.errors import DataError
from core.wording import plural

from ...text import clean
from ...widgets.dialogs import Ask, Choose, Confirm, Dialog
from ...widgets.foreign import foreign
from ...widgets.text_box import TextBox
from .editing import read_value
from .files import list_data_files
from .row_text import whole_text

if TYPE_CHECKING:
    from ...app import CompilotApp

UNCHANGED = object()
_OTHER = object()
_LONG = 60


class LongText(Dialog[str | None]):
    """A text of several lines; None when left by escape."""

    DEFAULT_CSS = """
    LongText TextArea { height: 12; max-height: 50vh; }
    """
    BINDINGS = [Binding("ctrl+s", "settle", "Save", priority=True)]  # noqa: RUF012 - Textual's own type

    def __init__(self, title: str, value: str, kind: ColumnType) -> None:
        super().__init__()
        self.question, self.value, self.kind = title, value, kind

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign(self.question))
            yield TextBox(self.value, soft_wrap=True, tab_behavior="focus")
            yield Static("", classes="wrong", markup=False)
            yield Static("ctrl+s saves, escape leaves it as it was", classes="detail", markup=False)

    def action_settle(self) -> None:
        text = self.query_one(TextArea).text
        wrong = check_value(text, self.kind)
        if wrong is None:
            self.dismiss(text)
        else:
            self.query_one(".wrong", Static).update(foreign(wrong))


def check_value(text: str, kind: ColumnType) -> str | None:
    """What is wrong with a text as a value of that type; None when nothing is."""
    try:
        read_value(text, kind)
    except DataError as error:
        return f"{error.what}; {error.fix}"
    return None


async def ask_value(
    app: CompilotApp, title: str, value: Any, kind: ColumnType, classes: Sequence[str]
) -> Any:
    """A cell's new value; `UNCHANGED` when none was given. Of few classes one is chosen, or another typed."""
    was = "" if value is None else whole_text(value)
    if classes and kind == "text":
        options: list[tuple[str, Any]] = [(clean(name), name) for name in classes]
        chosen = await app.push_screen_wait(Choose(title, [*options, ("another …", _OTHER)], was))
        if chosen is None:
            return UNCHANGED
        if chosen is not _OTHER:
            return chosen if chosen != was else UNCHANGED
    if "\n" in was or len(was) > _LONG:
        text = await app.push_screen_wait(LongText(title, was, kind))
    else:
        hint = f"{kind}" if kind == "text" else f"{kind}, written as JSON; nothing is a missing value"
        text = await app.push_screen_wait(Ask(title, was, hint, lambda typed: check_value(typed, kind)))
    if text is None or text == was:
        return UNCHANGED
    return read_value(text, kind)


async def ask_file(app: CompilotApp, root: Path, own: Sequence[str], now: str | None) -> str | None:
    """A data file to open: one of the folder's, or any path."""
    found = [*own, *(name for name in list_data_files(root) if name not in own)]
    options: list[tuple[str, str]] = [
        (f"{clean(name)}{'  (of this workspace)' if name in own else ''}", name) for name in found
    ]
    chosen = await app.push_screen_wait(Choose("Open", [*options, ("a path …", "")], now))
    if chosen != "":
        return chosen
    hint = "csv, tsv, json, jsonl, parquet, arrow, xlsx; a glob such as logs/*.jsonl"
    return await app.push_screen_wait(Ask("Path of a data file", "", hint)) or None


async def ask_output(app: CompilotApp, root: Path, name: str, rows: int) -> tuple[Path, bool] | None:
    """Where to write rows, and whether over a file that is there."""
    hint = "csv, tsv, json, jsonl, parquet or arrow, by its name; edits are applied, excluded rows left out"
    text = await app.push_screen_wait(Ask(f"Write {plural(rows, 'row')} to", name, hint))
    if not text:
        return None
    path = root / Path(text).expanduser()
    if not path.exists():
        return path, False
    question = f"{path.name} exists. Replace it?"
    return (path, True) if await app.push_screen_wait(Confirm(question, yes="Replace", danger=True)) else None
