"""The row table: moving, widths, slow sources, errors, hostile cells."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App, ComposeResult

from core.errors import DataError
from tests.tui.screens.waiting import text_of, until
from tui.widgets.column_widths import ColumnWidths, fit_widths
from tui.widgets.line_cache import BLOCK, LineCache
from tui.widgets.paged_table import RowTable
from tui.widgets.rows import Line, ListSource, TableColumn, fit_cell, show_text

COLUMNS = [TableColumn("id", True), TableColumn("message"), TableColumn("label"), TableColumn("score", True)]


def make_lines(count: int) -> list[Line]:
    cells = ((str(number), f"message {number} " * 5, "ab"[number % 2], None) for number in range(count))
    return [Line(number, row) for number, row in enumerate(cells)]


class SlowSource:
    """Lines that come when they are let through."""

    instant = False

    def __init__(self, count: int) -> None:
        self.columns: Sequence[TableColumn] = COLUMNS
        self.count = count
        self.gate = threading.Event()
        self.asked: list[int] = []
        self.error: Exception | None = None

    @property
    def highest(self) -> int:
        return self.count - 1

    def lines(self, start: int, count: int) -> list[Line]:
        self.asked.append(start)
        self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return make_lines(self.count)[start : start + count]


class Stage(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def compose(self) -> ComposeResult:
        yield RowTable()

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    def on_mount(self) -> None:
        self.table.focus()

    def on_moved(self, event: RowTable.Moved) -> None:
        self.told.append(event.index)

    def on_opened(self, event: RowTable.Opened) -> None:
        self.told.append(("opened", event.index))

    def on_sort_asked(self, event: RowTable.SortAsked) -> None:
        self.told.append(("sort", event.column, event.next_order()))

    def on_failed(self, event: RowTable.Failed) -> None:
        self.told.append(event.error.what)


async def test_the_cursor_goes_everywhere_and_never_beyond() -> None:
    app = Stage()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(ListSource(COLUMNS, make_lines(250)))
        await pilot.pause()
        assert app.table.page == 20
        for key, row in {
            "up": 0,
            "down": 1,
            "j": 2,
            "k": 1,
            "pagedown": 21,
            "ctrl+d": 41,
            "pageup": 21,
            "G": 249,
            "pagedown ": 249,
            "g": 0,
        }.items():
            await pilot.press(key.strip())
            assert app.table.row == row, key
        await pilot.press("end", "right", "l")
        assert app.table.column == 3
        await pilot.press("home", "left", "h")
        assert app.table.column == 0
        await pilot.press("down", "enter", "right", "s")
        assert ("opened", 1) in app.told
        assert ("sort", "message", ("message", False)) in app.told


async def test_the_header_stays_and_the_numbers_are_the_rows_own() -> None:
    app = Stage()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(ListSource(COLUMNS, make_lines(250)[::2]))
        await pilot.press("G")
        lines = text_of(app.table).splitlines()
        assert lines[0].split()[:3] == ["row", "id", "message"]
        assert lines[-1].split()[0] == "248"


async def test_columns_get_wider_scroll_in_and_fit_again() -> None:
    app = Stage()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(ListSource(COLUMNS, make_lines(9)))
        await pilot.pause()
        fitted = text_of(app.table).splitlines()[0]
        assert "score" in fitted
        await pilot.press("right", *[">"] * 12)
        header = text_of(app.table).splitlines()[0]
        assert "score" not in header
        assert header.rstrip().endswith("›")
        await pilot.press("end")
        header = text_of(app.table).splitlines()[0]
        assert "score" in header
        assert "‹" in header
        await pilot.press("home", "=")
        assert text_of(app.table).splitlines()[0] == fitted


async def test_a_slow_source_shows_placeholders_and_skips_what_was_passed() -> None:
    app = Stage()
    source = SlowSource(100_000)
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(source)
        await pilot.pause()
        assert "…" in text_of(app.table).splitlines()[1]
        await pilot.press("pagedown", "G")
        assert app.table.row == 99_999
        assert app.table.line is None
        source.gate.set()
        await until(pilot, lambda: app.table.line is not None)
        assert source.asked[0] == 0
        assert len(source.asked) < 8
        assert app.told[-1] == 99_999


async def test_growing_keeps_the_cursor_and_reads_what_is_new() -> None:
    app = Stage()
    source = SlowSource(5)
    source.gate.set()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(source)
        await until(pilot, lambda: app.table.line is not None)
        await pilot.press("G")
        source.count = 500
        app.table.grow()
        await until(pilot, lambda: "message 12" in text_of(app.table))
        assert app.table.row == 4


async def test_the_scroll_bar_looks_as_if_it_were_drawn_with_every_row() -> None:
    def bar_at(position: float) -> list[Segment]:
        bar = app.table.vertical_scrollbar
        drawn = bar.renderer.render_bar(
            size=bar.size.height,
            virtual_size=app.table.virtual_size.height,
            window_size=bar.window_size,
            position=position,
        )
        return list(drawn.segments)

    app = Stage()
    source = SlowSource(100_000)
    source.gate.set()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(source)
        await pilot.pause()
        table = app.table
        for row in (0, 30, 700, 703, 50_000, 99_999, 99_000, 12):
            table.move(row)
            await pilot.pause()
            assert bar_at(table.vertical_scrollbar.position) == bar_at(table.scroll_y), row
        table.move(300)
        await pilot.pause()
        assert table.vertical_scrollbar.position != table.scroll_y
        source.count = 1_000
        table.grow()
        await pilot.pause()
        assert bar_at(table.vertical_scrollbar.position) == bar_at(table.scroll_y)


async def test_what_is_out_of_view_is_read_ahead() -> None:
    app = Stage()
    source = SlowSource(1_000)
    source.gate.set()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(source)
        await until(pilot, lambda: app.table.line is not None)
        app.table.move(85)
        await until(pilot, lambda: source.asked == [0, BLOCK])


async def test_an_error_is_told_once_and_reading_again_mends_it() -> None:
    app = Stage()
    source = SlowSource(50)
    source.gate.set()
    source.error = DataError("the disk is gone")
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(source)
        await until(pilot, lambda: "the disk is gone" in app.told)
        await pilot.press("down", "up")
        await pilot.pause()
        assert app.told.count("the disk is gone") == 1
        source.error = None
        app.table.reread()
        await until(pilot, lambda: app.table.line is not None)


async def test_an_empty_table_takes_every_key() -> None:
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("down", "G", "right", "enter", "s", "=", "pagedown", ">", "<")
        app.table.show(ListSource(COLUMNS, []))
        await pilot.press("down", "G", "right", "enter", "s", "=", "pagedown", ">", "<")
        assert app.table.row == 0
        assert not app.told or all(item[0] == "sort" for item in app.told if isinstance(item, tuple))


async def test_a_click_moves_and_a_click_on_the_header_sorts() -> None:
    app = Stage()
    async with app.run_test(size=(80, 21)) as pilot:
        app.table.show(ListSource(COLUMNS, make_lines(50)))
        await pilot.pause()
        await pilot.click(RowTable, offset=(15, 7))
        assert app.table.row == 6
        await pilot.click(RowTable, offset=(15, 0))
        assert app.told[-1] == ("sort", "message", ("message", False))


@given(st.text(max_size=600), st.integers(1, 60), st.booleans())
def test_a_cell_is_as_wide_as_it_should_be_and_holds_no_control(text: str, width: int, right: bool) -> None:
    shown = fit_cell(show_text(text), width, right=right)
    assert cell_len(shown) == width
    assert all(letter.isprintable() or letter in "�\xa0\u3000" or letter.isspace() for letter in shown)
    assert not set(shown) & {"\x1b", "\n", "\r", "\t", "\u202e", "\u2028"}


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(10, 200))
def test_widths_fit_where_they_can(needs: list[int], room: int) -> None:
    widths = fit_widths(needs, room)
    assert all(width <= need for width, need in zip(widths, needs, strict=True))
    if sum(min(need, 16) for need in needs) <= room:
        assert sum(widths) <= room
        cut = [width for width, need in zip(widths, needs, strict=True) if width < need]
        assert len(set(cut)) <= 1
    else:
        assert widths == [min(need, 16) for need in needs]


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 60))
def test_the_block_that_is_seen_is_read_first(count: int, first: int, page: int) -> None:
    cache = LineCache()
    last = min(first + page, count - 1)
    block = cache.next_block(first, last, count)
    if count == 0:
        assert block is None
    elif first < count:
        assert block == first // BLOCK
    for _ in range(20):
        block = cache.next_block(first, last, count)
        if block is None:
            break
        cache.put(block, make_lines(count)[block * BLOCK : (block + 1) * BLOCK], count)
    assert cache.next_block(first, last, count) is None
    assert all(cache.get(index) is not None for index in range(first, last + 1))


def test_numbers_are_never_cut_by_what_was_seen_first() -> None:
    widths = ColumnWidths()
    columns = [TableColumn("n", True), TableColumn("text")]
    widths.measure(columns, [Line(0, ("1", "short"))])
    assert widths.fit(columns, 60) == [1, 5]
    assert widths.widen(columns, [Line(9, ("123456", "a much longer text"))])
    assert widths.fit(columns, 60) == [6, 5]
    assert not widths.widen(columns, [Line(9, ("12", "x"))])


def test_a_short_block_is_read_again_only_when_there_are_more_rows() -> None:
    cache = LineCache()
    cache.put(0, make_lines(10), 10)
    assert cache.next_block(0, 9, 10) is None
    assert cache.next_block(0, 9, 20) == 0
    cache.put(0, make_lines(10), 20)
    assert cache.next_block(0, 9, 20) is None
