"""Searching the rows in view in the background, and going from one found row to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from core.data.paging.table import PagedTable
from core.data.paging.view import Query, View
from core.errors import DataError

from ...text import clean
from .filtering import is_empty, parse_filter
from .trail import Trail

Position = Callable[[int], int | None]
"""Where the row with a number stands on screen; None when it is not among the rows in view."""


class Finder:
    """The trail that n and N follow."""

    def __init__(self) -> None:
        self.trail: Trail | None = None
        self._place = 0
        self._view: View | None = None
        self._text = ""
        self._from = 0
        self._went = False
        self._ordered = True

    @property
    def searching(self) -> bool:
        return self._view is not None

    def start(self, table: PagedTable, text: str, columns: Sequence[str], shown: Query, here: int) -> None:
        """Search the table for a text (see `parse_filter`), in the order that the rows are shown in."""
        self.stop()
        query = parse_filter(text, columns)
        query = msgspec.structs.replace(query, sort=shown.sort, descending=shown.descending)
        self.trail, self._text, self._from, self._went = None, clean(text), here, False
        self._ordered = shown.sort is None
        self._view = None if is_empty(query) else table.view(query)

    def stop(self) -> None:
        if self._view is not None:
            self._view.cancel()
            self._view = None

    def follow(self, trail: Trail) -> None:
        self.stop()
        self.trail, self._place = trail, 0

    def look(self, position: Position) -> int | str | DataError | None:
        """What came of the search since: a row to go to, an error, or a remark that nothing was found."""
        view = self._view
        if view is None:
            return None
        state = view.state
        if state.error is not None:
            self._view = None
            return state.error
        if not state.done and (not self._ordered or self._went):
            return None
        numbers = view.numbers(0, state.matches)
        self.trail = Trail(self._text, numbers, self._ordered)
        if state.done:
            self._view = None
            if not numbers:
                self.trail = None
                return f"nothing found: {self._text}"
        if self._went or (not state.done and (not numbers or numbers[-1] <= self._from)):
            return None
        self._went = True
        return self.step(self._from, True, position)

    def step(self, here: int, forward: bool, position: Position) -> int | None:
        """The next row of the trail that is in view; None when there is none."""
        if self.trail is None:
            return None
        for _ in self.trail.numbers:
            found = self.trail.step(here, forward)
            if found is None:
                return None
            here, self._place = found
            if position(here) is not None:
                return here
        return None

    def describe(self) -> str:
        """Where on the trail, for the line under the table."""
        if self._view is not None and not self._went:
            return f"searching {self._text}"
        return "" if self.trail is None else self.trail.describe(self._place)
