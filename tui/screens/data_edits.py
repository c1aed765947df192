"""What the Data place does to rows: edit, exclude, note, take back, export. The files stay as they are.

Its dialogs are imported when they are asked for: the first frame does not wait for a text editor.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from textual import work

from core.data.paging.table import PagedTable
from core.errors import CompilotError
from core.wording import plural
from core.workspace import Workspace

from ..panes.data.editing import change_row, export_view, take_back
from ..panes.data.marks import EditStep
from ..panes.data.source import FullRow
from ..panes.data.table import TablePane
from ..text import count
from ..widgets.dialogs import Ask, Confirm
from .base import Place

ROW_ACTIONS = ("edit", "exclude", "annotate", "revert")


class RowEditing(Place):
    """The base of the Data place's screen."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[EditStep] = []

    @property
    def editable(self) -> tuple[Workspace, PagedTable] | None:
        """The workspace and its table, while the table on screen is the workspace's own."""
        return None

    def classes_of(self, column: str) -> list[str]:
        """The classes of a label, as far as known."""
        return []

    @property
    def table_pane(self) -> TablePane:
        return self.query_one(TablePane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ROW_ACTIONS:
            return True if self.editable and self.table_pane.number is not None else None
        if action == "undo":
            return True if self.steps and self.editable else None
        return True

    async def read_row(self) -> FullRow | None:
        """The row under the cursor, as it is now."""
        source, number = self.table_pane.source, self.table_pane.number
        if source is None or number is None:
            return None
        return await asyncio.to_thread(source.full_row, number)

    @work(exclusive=True, group="dialog")
    async def action_edit(self) -> None:
        from ..panes.data.asking import UNCHANGED, ask_value

        row, column = await self.read_row(), self.table_pane.column
        source = self.table_pane.source
        if row is None or source is None:
            return
        kind = next(each.type for each in source.table.state.columns if each.name == column)
        title = f"{column} of row {row.number}"
        value = await ask_value(self.compilot, title, row.shown[column], kind, self.classes_of(column))
        if value is not UNCHANGED:
            await self._change(row, f"{column} of row {row.number}", values={column: value})

    @work(exclusive=True, group="edit")
    async def action_exclude(self) -> None:
        row = await self.read_row()
        if row is not None:
            verb = "took back in" if row.edit.excluded else "excluded"
            await self._change(row, f"{verb} row {row.number}", excluded=not row.edit.excluded)

    @work(exclusive=True, group="dialog")
    async def action_annotate(self) -> None:
        row = await self.read_row()
        if row is not None:
            ask = Ask(f"Note on row {row.number}", row.edit.note, "An empty note takes it away.")
            note = await self.app.push_screen_wait(ask)
            if note is not None and note != row.edit.note:
                await self._change(row, f"note on row {row.number}", note=note)

    @work(exclusive=True, group="dialog")
    async def action_revert(self) -> None:
        row = await self.read_row()
        if row is None:
            return
        if not row.edit.values and not row.edit.excluded and not row.edit.note:
            self.compilot.say(f"row {row.number} is as in the file")
        elif await self.app.push_screen_wait(
            Confirm(f"Take back every edit of row {row.number}?", yes="Take back", danger=True)
        ):
            await self._change(row, f"reverted row {row.number}", revert=True)

    @work(exclusive=True, group="edit")
    async def action_undo(self) -> None:
        if not self.steps or self.editable is None:
            return
        step = self.steps.pop()
        try:
            await asyncio.to_thread(take_back, self.editable[0], step)
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self.compilot.say(f"taken back: {step.what}")
        self.session.note("data", "split")

    async def _change(self, row: FullRow, what: str, **change: Any) -> None:
        if self.editable is None:
            return
        workspace, table = self.editable
        try:
            work_on_it = partial(change_row, workspace, table, row.number, what, **change)
            self.steps.append(await asyncio.to_thread(work_on_it))
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self.session.note("data", "split")

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        from ..panes.data.asking import ask_output

        source = self.table_pane.source
        if source is None:
            return
        root = self.session.root
        output = await ask_output(self.compilot, root, "rows.csv", source.count)
        if output is None:
            return
        path, overwrite = output
        try:
            written, left_out = await asyncio.to_thread(
                partial(export_view, source, path, overwrite=overwrite)
            )
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        excluded = f", {count(left_out)} excluded left out" if left_out else ""
        self.compilot.say(f"{plural(written, 'row')} → {path}{excluded}")
