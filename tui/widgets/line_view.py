"""A scrolling list of single lines with a cursor: only what is on screen is ever rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..registry import bindings
from .tones import COMPONENTS, TONE_CSS, Span, Toned


class LineView(Toned, ScrollView, can_focus=True):
    """Subclasses say how many rows there are and what is in each; `enter` opens the row of the cursor."""

    BINDINGS = bindings("runs", pane="lines")
    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENTS, "line--cursor"}
    DEFAULT_CSS = (
        """
    LineView {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
"""
        + TONE_CSS
        + """
        & > .line--cursor { background: $foreground 12%; }
        &:focus > .line--cursor { background: $accent 30%; }
        &:ansi > .line--cursor { text-style: bold; }
        &:ansi:focus > .line--cursor { text-style: reverse; }
    }
    """
    )

    class Moved(Message):
        """The cursor went to another row."""

        def __init__(self, view: LineView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LineView:
            return self.view

    class Opened(Moved):
        """Enter, or a click on the row of the cursor."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor: int | None = None
        """The row it is on; None while it is nowhere."""

    # -- for subclasses -------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        return 0

    def spans_of(self, row: int, width: int) -> Sequence[Span]:
        """What is in a row; foreign text needs no cleaning."""
        return ()

    @property
    def line_width(self) -> int:
        """Cells of a line: without the scroll bar."""
        return self.scrollable_content_region.width

    def resize_rows(self) -> None:
        """The number of rows changed."""
        size = Size(0, self.rows)
        if size != self.virtual_size:
            self.virtual_size = size

    # -- the cursor -----------------------------------------------------------------------------------

    def move_to(self, row: int | None, *, tell: bool = True) -> None:
        """Put the cursor on a row, and the row on the screen."""
        if row is not None:
            row = max(0, min(row, self.rows - 1)) if self.rows else None
        if row != self.cursor:
            before, self.cursor = self.cursor, row
            for changed in (before, row):
                if changed is not None:
                    self.refresh_line(changed)
            if tell:
                self.post_message(self.Moved(self))
        if row is not None:
            self.reveal(row)

    def reveal(self, row: int) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if row < top:
            self.scroll_to(y=row, animate=False, force=True)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True)

    def step(self, rows: int) -> None:
        start = self.cursor if self.cursor is not None else -1 if rows > 0 else self.rows
        self.move_to(start + rows)

    def action_scroll_up(self) -> None:
        self.step(-1)

    def action_scroll_down(self) -> None:
        self.step(1)

    def action_page_up(self) -> None:
        self.step(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self.step(max(1, self.size.height - 1))

    def action_scroll_home(self) -> None:
        self.move_to(0)

    def action_scroll_end(self) -> None:
        self.move_to(self.rows - 1)

    def action_open(self) -> None:
        if self.cursor is not None and self.cursor < self.rows:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y
        if row >= self.rows:
            return
        if row == self.cursor:
            self.action_open()
        else:
            self.move_to(row)

    def on_focus(self) -> None:
        self._refresh_cursor()

    def on_blur(self) -> None:
        self._refresh_cursor()

    def _refresh_cursor(self) -> None:
        if self.cursor is not None:
            self.refresh_line(self.cursor)

    # -- drawing --------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        row, width = self.scroll_offset.y + y, self.line_width
        if row >= self.rows:
            return Strip.blank(width, self.tone(""))
        strip = self.paint(self.spans_of(row, width), width)
        if row == self.cursor:
            # Blended with what is behind it; the colours of the text stay.
            style = self.get_component_rich_style("line--cursor")
            cursor = Style(bgcolor=style.bgcolor, bold=style.bold, reverse=style.reverse)
            strip = Strip(Segment.apply_style(strip, post_style=cursor), strip.cell_length)
        return strip
