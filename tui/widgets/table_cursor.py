"""Moving about in a table, by keys and by mouse."""

from __future__ import annotations

from abc import abstractmethod

from textual import events
from textual.scroll_view import ScrollView

from ..registry import bindings


class CursorView(ScrollView, can_focus=True):
    """A view with a cursor on a row and a column; where that is and what is in view, its subclass knows."""

    BINDINGS = bindings("table")
    row = 0
    column = 0

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """As any scroll view does, but the scroll bar is drawn again only where it looks another.

        Among a million rows a page is less than the bar can show, and drawing it costs a third of a frame.
        """
        bar = self.vertical_scrollbar
        if self._bar_place(new_value) != self._bar_place(bar.position):
            bar.position = new_value
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)

    def fit_bar(self) -> None:
        """The number of rows is another one: what the bar shows is measured anew."""
        self.vertical_scrollbar.position = self.scroll_y

    def _bar_place(self, top: float) -> int:
        """Where the thumb begins when this row is at the top, in the eighths of a cell it is drawn in."""
        cells, rows, seen = self.vertical_scrollbar.size.height, self.virtual_size.height, self.size.height
        if rows <= seen:
            return 0
        thumb = max(1.0, seen * cells / rows)
        return int(8 * (cells - thumb) * top / (rows - seen))

    @property
    @abstractmethod
    def page(self) -> int:
        """Rows that fit on the screen."""

    @abstractmethod
    def move(self, row: int | None = None, column: int | None = None, *, top: int | None = None) -> None:
        """Put the cursor somewhere, as near as there is anything; `top`: the row to stand first in view."""

    @abstractmethod
    def column_at(self, x: int) -> int | None:
        """The column under a screen column."""

    @abstractmethod
    def ask_order(self, column: int) -> None:
        """Ask for another order by this column."""

    @abstractmethod
    def open_row(self) -> None:
        """Tell that the row under the cursor was chosen."""

    def action_down(self) -> None:
        self.move(self.row + 1)

    def action_up(self) -> None:
        self.move(self.row - 1)

    def action_left(self) -> None:
        self.move(column=self.column - 1)

    def action_right(self) -> None:
        self.move(column=self.column + 1)

    def action_page_down(self) -> None:
        last = max(self.virtual_size.height - 1 - self.page, 0)
        self.move(self.row + self.page, top=min(self.scroll_offset.y + self.page, last))

    def action_page_up(self) -> None:
        self.move(self.row - self.page, top=max(self.scroll_offset.y - self.page, 0))

    def action_top(self) -> None:
        self.move(0)

    def action_bottom(self) -> None:
        self.move(self.virtual_size.height)

    def action_first_column(self) -> None:
        self.move(column=0)

    def action_last_column(self) -> None:
        self.move(column=1 << 20)

    def action_open(self) -> None:
        self.open_row()

    def action_sort(self) -> None:
        self.ask_order(self.column)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there, a second one opens the row; on the header it sorts."""
        column = self.column_at(event.x)
        if event.y == 0:
            if column is not None:
                self.ask_order(column)
            return
        row = self.scroll_offset.y + event.y - 1
        if row < self.virtual_size.height - 1:
            self.move(row, column)
            if event.chain > 1:
                self.open_row()

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.action_right()

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.action_left()
