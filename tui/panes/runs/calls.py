"""The LM calls of the chosen run, newest first, a page at a time; prompt and answer of one of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult

from core.errors import CompilotError
from core.models.journal import RecordedCall, read_calls
from core.recipe import Role

from ...registry import bindings
from ...widgets.board import Board
from ...widgets.empty import Empty
from ...widgets.line_view import LineView
from ...widgets.pane import Pane
from ...widgets.problem import Problem
from ...widgets.row_list import RowList
from .rows import call_heading, call_line
from .spend_lines import role_lines

if TYPE_CHECKING:
    from ...follower import Snapshot

_PAGE = 100
_REST_SECONDS = 1.0


class CallsPane(Pane):
    """Keeps up with new calls while the cursor is on the newest one; else it holds still."""

    PANE = "calls"
    BINDINGS = bindings("runs", pane="calls")

    def __init__(self) -> None:
        super().__init__(title="Calls", id="runs-calls")
        self._path: Path | None = None
        self._role: Role | None = None
        self._snapshot: Snapshot | None = None
        self._paid = -1
        self._behind = False
        """Whether calls came that are not shown."""
        self._all_read = False

    def compose(self) -> ComposeResult:
        yield Board(id="runs-roles")
        yield Problem()
        yield Empty("No calls yet.")
        yield Board(id="runs-calls-heading")
        yield RowList[RecordedCall](call_line, lambda call: str(call.seq), id="runs-call-rows")

    @property
    def rows(self) -> RowList[RecordedCall]:
        return self.query_one("#runs-call-rows", RowList)

    def on_mount(self) -> None:
        self._show_parts()

    def show(self, snapshot: Snapshot) -> None:
        """Keep up with the run, if this pane can be seen."""
        if snapshot.path != self._path:
            self._path, self._paid, self._role = snapshot.path, -1, None
            self.rows.put(())
            self.rows.cursor = None
            self._show_parts()
        self._snapshot = snapshot
        if self.is_on_screen:
            self.catch_up()

    @property
    def is_on_screen(self) -> bool:
        return self.display and self.screen.is_current

    def catch_up(self) -> None:
        """Show what came since, where the person is at the newest calls."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        width = self.content_size.width
        narrow = self.screen.has_class("-narrow") and snapshot.state.ledger
        self.query_one("#runs-roles", Board).show(role_lines(snapshot.state.ledger, width) if narrow else [])
        paid = sum(row["paid"] for row in snapshot.state.ledger.values())
        if paid == self._paid:
            return
        if self.rows.cursor in (None, 0) and not self.rows.scroll_offset.y:
            self._paid = paid
            self._read_newest()
        elif not self._behind:
            self._behind = True
            self._tell()

    @work(exclusive=True, group="calls")
    async def _read_newest(self) -> None:
        path, role = self._path, self._role
        if path is None:
            return
        calls = await self._read(path, role, None)
        if calls is not None and path == self._path and role == self._role:
            self._behind, self._all_read = False, len(calls) < _PAGE
            self.rows.put(calls, sticky_top=True)
            if self.rows.cursor is None and calls:
                self.rows.move_to(0, tell=False)
            self._show_parts()
        # The next look waits, so that a fast run costs one page a second.
        await asyncio.sleep(_REST_SECONDS)
        if self.is_on_screen:
            self.call_later(self.catch_up)

    @work(exclusive=True, group="older-calls")
    async def _read_older(self) -> None:
        path, role, shown = self._path, self._role, list(self.rows.items)
        if path is None or not shown or self._all_read:
            return
        older = await self._read(path, role, shown[-1].seq)
        if older is not None and path == self._path and role == self._role:
            self._all_read = len(older) < _PAGE
            known = {call.seq for call in self.rows.items}
            self.rows.put([*self.rows.items, *(call for call in older if call.seq not in known)])
            self._tell()

    async def _read(self, path: Path, role: Role | None, before: int | None) -> list[RecordedCall] | None:
        problem = self.query_one(Problem)
        try:
            calls = await asyncio.to_thread(
                read_calls,
                path / "journal.sqlite",
                role=role,
                before=before,
                limit=_PAGE,
                newest_first=True,
                with_text=True,
            )
        except CompilotError as error:
            problem.show(error)
            return None
        problem.show(None)
        return calls

    @on(LineView.Moved)
    def _moved(self) -> None:
        rows = self.rows
        if rows.cursor is not None and rows.cursor > len(rows.items) - 20:
            self._read_older()

    def action_newest(self) -> None:
        self.rows.scroll_to(y=0, animate=False)
        self.rows.move_to(0)
        self._paid = -1
        self.catch_up()

    def action_role(self) -> None:
        """Go through: all roles, then each that made calls."""
        ledger = self._snapshot.state.ledger if self._snapshot is not None else {}
        roles: list[Role | None] = [None, *(role for role, row in ledger.items() if row["paid"])]  # type: ignore[list-item]
        place = roles.index(self._role) if self._role in roles else 0
        self._role = roles[(place + 1) % len(roles)]
        self.rows.put(())
        self.rows.cursor = None
        self._paid = -1
        self._show_parts()
        self.catch_up()

    def on_resize(self) -> None:
        width = self.rows.line_width or self.content_size.width
        self.query_one("#runs-calls-heading", Board).show([call_heading(width)])

    def _show_parts(self) -> None:
        some = bool(self.rows.items)
        self.query_one(Empty).display = not some
        self.query_one("#runs-calls-heading").display = some
        self.rows.display = some
        self._tell()

    def _tell(self) -> None:
        some = len(self.rows.items)
        told = "" if not some else f"{some} newest" if not self._all_read else f"{some}"
        if self._behind:
            told += " · newer ones: u"
        self.name_pane(f"Calls: {self._role}" if self._role else "Calls", told)
