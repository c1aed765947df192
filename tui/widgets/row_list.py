"""A list of things, one line each: the cursor stays on its thing when others come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .line_view import LineView
from .tones import Line

T = TypeVar("T")


class RowList(LineView, Generic[T]):
    """`render_row(item, width)` gives the line of an item, `key_of(item)` what it is known by."""

    def __init__(
        self,
        render_row: Callable[[T, int], Line],
        key_of: Callable[[T], str],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._render_row = render_row
        self._key_of = key_of
        self.items: Sequence[T] = ()

    @property
    def rows(self) -> int:
        return len(self.items)

    @property
    def chosen(self) -> T | None:
        """The item of the cursor."""
        if self.cursor is None or self.cursor >= len(self.items):
            return None
        return self.items[self.cursor]

    def spans_of(self, row: int, width: int) -> Line:
        return self._render_row(self.items[row], width)

    def put(self, items: Sequence[T], *, sticky_top: bool = False) -> None:
        """Show other items. The cursor stays on the item it is on; with `sticky_top`, a cursor on the first
        row stays there instead."""
        before, key = self.items, self._key_of(self.chosen) if self.chosen is not None else None
        at_top = self.cursor == 0
        self.items = items
        self.resize_rows()
        place = next((row for row, item in enumerate(items) if self._key_of(item) == key), None)
        if sticky_top and at_top and items:
            place = 0
        if place is None and items and self.cursor is not None:
            place = min(self.cursor, len(items) - 1)
        moved = place != self.cursor
        if (
            moved
            and self.cursor is not None
            and place is not None
            and self.scroll_offset.y
            and not (sticky_top and at_top)
        ):
            # What is on screen stays where it is while rows come in above.
            self.scroll_to(y=self.scroll_offset.y + place - self.cursor, animate=False, force=True)
        self.cursor = place
        self._refresh_changed(before, moved)
        if (self._key_of(self.chosen) if self.chosen is not None else None) != key:
            self.post_message(self.Moved(self))

    def go_to(self, key: str) -> bool:
        """Put the cursor on the item of that key; False where there is none."""
        for row, item in enumerate(self.items):
            if self._key_of(item) == key:
                self.move_to(row)
                return True
        return False

    def _refresh_changed(self, before: Sequence[T], moved: bool) -> None:
        if moved or len(before) != len(self.items):
            self.refresh()
            return
        for row, (old, new) in enumerate(zip(before, self.items, strict=True)):
            if old != new:
                self.refresh_line(row)
