"""A table of any number of rows: it draws the lines that are seen and reads them while nothing waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from core.errors import CompilotError

from . import table_messages
from .column_widths import ColumnWidths
from .rows import Line, RowSource, TableColumn
from .table_paint import GAP, TONES, Layout, Palette, paint_header, paint_line
from .table_reading import ReadingView

_STEP = 4
_SAMPLE = 50
"""Lines that widths are fitted to, at least: the table may not be laid out yet."""


class RowTable(ReadingView):
    """Rows under a fixed header, with a cursor on one cell.

    `show` gives it a source, `grow` tells that the source has more rows, `reread` that rows changed. It
    tells where the cursor is (`Moved`), that a row was chosen (`Opened`), that an order is wanted
    (`SortAsked`), and that rows cannot be read (`Failed`).
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--header-here",
        "row-table--number",
        "row-table--row-here",
        "row-table--cell-here",
        *(f"row-table--{tone}" for tone in TONES),
    }
    DEFAULT_CSS = """
    RowTable {
        height: 1fr;
        width: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .row-table--header { color: $text-muted; text-style: bold; }
        & > .row-table--header-here { color: $text-accent; text-style: bold underline; }
        & > .row-table--number { color: $text-muted; }
        & > .row-table--row-here { background: $primary 20%; }
        & > .row-table--cell-here { background: $primary; color: $text; text-style: bold; }
        & > .row-table--muted { color: $text-muted; }
        & > .row-table--success { color: $text-success; }
        & > .row-table--warning { color: $text-warning; }
        & > .row-table--error { color: $text-error; }
        & > .row-table--accent { color: $text-accent; }
        & > .row-table--primary { color: $text-primary; }
        &:nocolor > .row-table--cell-here { background: $foreground; color: $background; }
        &:nocolor > .row-table--row-here { text-style: bold; }
        &:ansi > .row-table--cell-here { text-style: reverse bold; }
        &:ansi > .row-table--row-here { text-style: bold; }
    }
    """
    Moved: TypeAlias = table_messages.Moved
    Opened: TypeAlias = table_messages.Opened
    SortAsked: TypeAlias = table_messages.SortAsked
    Failed: TypeAlias = table_messages.Failed

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.order: tuple[str, bool] | None = None
        """Column and whether descending, for the header; the source does the sorting."""
        self._columns: Sequence[TableColumn] = ()
        self._widths = ColumnWidths()
        self._first = 0
        self._tags = 0
        self._drawn: dict[int, Strip] = {}
        self._layout: Layout | None = None
        self._palette: Palette | None = None

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def show(
        self,
        source: RowSource,
        *,
        row: int = 0,
        tags: Sequence[str] = (),
        lines: Sequence[Line] = (),
        same_rows: bool = False,
    ) -> None:
        """Show a source, the cursor on `row`.

        `tags` are the words its lines may have after their number; `lines` its first block, if at hand. With
        `same_rows` what is in view stays until it is read again: the rows are those of before.
        """
        if [column.name for column in source.columns] != [column.name for column in self._columns]:
            self.column = self._first = 0
            self._widths.forget()
            same_rows = False
        self.source = source
        self._tags = max(map(len, tags), default=0)
        self._begin_anew(same_rows)
        self.row = row
        if lines:
            self.keep_lines(0, lines, source.count)
        self.move(row)

    def reread(self) -> None:
        """Read all lines again: rows changed. The cursor stays."""
        self._begin_anew(True)
        self.move()

    def grow(self) -> None:
        """The source has more rows now, or fewer; what was read stays."""
        if self.source.count + 1 != self.virtual_size.height:
            self._fit_height()
            self.read_lines()

    def move(self, row: int | None = None, column: int | None = None, *, top: int | None = None) -> None:
        before, above = self.row, self.scroll_offset.y
        self.row = max(0, min(self.row if row is None else row, self.source.count - 1))
        self.column = max(0, min(self.column if column is None else column, len(self._columns) - 1))
        self._show_row(top)
        self._show_column()
        if self._layout is not None and above == self.scroll_offset.y:
            self._drawn.pop(before, None)
            for line in (above, before + 1, self.row + 1):  # the header and two rows: little to send
                self.refresh_line(line)
        self.read_lines()
        self.tell_if_moved()

    def open_row(self) -> None:
        if self.source.count:
            self.post_message(self.Opened(self, self.row, self.line))

    def ask_order(self, column: int) -> None:
        if self._columns:
            self.post_message(self.SortAsked(self, self._columns[column].name))

    def column_at(self, x: int) -> int | None:
        return self._arrange().column_at(x)

    def _begin_anew(self, same_rows: bool) -> None:
        self._columns = self.source.columns
        self.forget_lines(same_rows=same_rows)
        self._fit_height()

    def _fit_height(self) -> None:
        self.virtual_size = Size(self.size.width, self.source.count + 1)
        self.fit_bar()
        self._redraw(arrange=True)

    def _show_row(self, top: int | None) -> None:
        above, page = self.scroll_offset.y, self.page
        if top is None and not above <= self.row < above + page:
            nearest = self.row if self.row < above else self.row - page + 1
            top = nearest if abs(self.row - above) <= 2 * page else self.row - page // 3
        if top is not None and top != above:
            self.scroll_to(y=max(top, 0), animate=False, force=True)

    def _show_column(self) -> None:
        if not self.size.width:
            return  # out of sight no column has room
        if self.column < self._first:
            self._first = self.column
            self._redraw(arrange=True)
        while self._first < self.column and self.column not in self._arrange().whole():
            self._first += 1
            self._redraw(arrange=True)

    def draw_lines(self, lines: Sequence[Line], *, seen: bool) -> None:
        if not self._widths.measured and lines:
            self._measure()
        wider = self._widths.widen(self._columns, lines)
        if seen or wider:
            self._redraw(arrange=wider)

    def tell_moved(self) -> None:
        self.post_message(self.Moved(self, self.row, self.line))

    def tell_failed(self, error: CompilotError) -> None:
        self.post_message(self.Failed(self, error))

    def _measure(self) -> None:
        self._widths.measure(self._columns, self.cache.some(self.scroll_offset.y, max(self.page, _SAMPLE)))
        self._redraw(arrange=True)
        self._show_column()

    def action_fit(self) -> None:
        self._widths.forget()
        self._measure()

    def action_wider(self, step: int = _STEP) -> None:
        if self._columns:
            name, width = self._columns[self.column].name, self._arrange().widths[self.column]
            self._widths.choose(name, width + step)
            self._redraw(arrange=True)
            self._show_column()

    def action_narrower(self) -> None:
        self.action_wider(-_STEP)

    def _arrange(self) -> Layout:
        if self._layout is None:
            order = self.order or ("", False)
            width = self.scrollable_content_region.width
            numbers = len(str(max(self.source.highest, 99)))
            blank = Layout(self._columns, (), self._first, numbers, self._tags, width, *order)
            room = width - blank.gutter - GAP * len(self._columns)
            self._layout = blank._replace(widths=self._widths.fit(self._columns, room))
        return self._layout

    def _redraw(self, arrange: bool = False) -> None:
        self._drawn.clear()
        if arrange:
            self._layout = None
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._first = 0
        self._fit_height()
        self.move()

    def on_focus(self) -> None:
        self._redraw()

    def on_blur(self) -> None:
        self._redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.read_lines()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = None
        self._drawn.clear()

    def render_line(self, y: int) -> Strip:
        palette = self._palette or self._make_palette()
        layout = self._arrange()
        if y == 0:
            return paint_header(layout, palette, self.column)
        index = self.scroll_offset.y + y - 1
        if index >= self.source.count:
            return Strip.blank(layout.width, palette.base)
        if index == self.row:
            return paint_line(self.line, layout, palette, here=self.column, focused=self.has_focus)
        if index not in self._drawn:
            self._drawn[index] = paint_line(self.cache.get(index), layout, palette, here=None, focused=False)
        return self._drawn[index]

    def _make_palette(self) -> Palette:
        def full(name: str) -> Style:
            return self.get_component_rich_style(f"row-table--{name}")

        def letters(name: str) -> Style:
            style = full(name)
            return Style(color=style.color, bold=style.bold, underline=style.underline, dim=style.dim)

        self._palette = Palette(
            base=self.rich_style,
            header=self.rich_style + letters("header"),
            header_here=self.rich_style + letters("header-here"),
            number=letters("number"),
            row_here=full("row-here"),
            cell_here=full("cell-here"),
            tones={"": Style.null(), **{tone: letters(tone) for tone in TONES}},
        )
        return self._palette
