"""What the chosen run spends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from ...widgets.board import Board
from ...widgets.pane import Pane
from .spend_lines import spend_lines

if TYPE_CHECKING:
    from ...follower import Snapshot


class SpendPane(Pane, can_focus=False):
    """Only numbers: nothing in it takes the focus."""

    def __init__(self) -> None:
        super().__init__(title="Spend", id="runs-spend")
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        yield Board()

    def show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self.content_size.width:
            self.query_one(Board).show(spend_lines(snapshot, self.content_size.width))

    def on_resize(self) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot)
