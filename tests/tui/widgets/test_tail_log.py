"""The log's ring, its filters and searches, and the widget that follows it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tests.tui.screens.waiting import text_of
from tui.widgets.log_buffer import LONGEST, LogBuffer, LogLine, LogSelection
from tui.widgets.tail_log import TailLog

levels = st.sampled_from(["debug", "info", "good", "warning", "error"])


def lines(count: int, start: int = 0, level: str = "info") -> list[LogLine]:
    return [LogLine(0.0, level, f"line {number}") for number in range(start, start + count)]


@settings(max_examples=60, deadline=None)
@given(
    capacity=st.integers(1, 9),
    batches=st.lists(st.lists(levels, max_size=12), max_size=8),
)
def test_a_selection_is_what_a_list_would_give(capacity: int, batches: list[list[str]]) -> None:
    buffer = LogBuffer(capacity)
    everything, errors = LogSelection(buffer), LogSelection(buffer, lambda line: line.level == "error")
    told: list[LogLine] = []
    for batch in batches:
        before = len(everything)
        new = [LogLine(float(len(told) + place), level, level) for place, level in enumerate(batch)]
        told += new
        buffer.extend(new)
        dropped = everything.update()
        errors.update()
        kept = told[-capacity:]
        assert before - dropped + len(new) - len(everything) in (0, max(0, len(new) - capacity))
        assert [buffer[everything[row]] for row in range(len(everything))] == kept
        wanted = [line for line in kept if line.level == "error"]
        assert [buffer[errors[row]] for row in range(len(errors))] == wanted
        for row in range(len(errors)):
            assert errors.row_of(errors[row]) == row


def test_a_line_of_ten_megabytes_is_cut() -> None:
    buffer = LogBuffer()
    buffer.extend([LogLine(0.0, "info", "x" * 10_000_000)])
    assert len(buffer[0].text) < LONGEST + 10


class Tail(App[None]):
    def compose(self) -> ComposeResult:
        yield TailLog(100)


async def test_it_follows_lets_go_and_never_jumps() -> None:
    app = Tail()
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(TailLog)
        log.focus()
        log.feed(lines(50))
        await pilot.pause()
        assert text_of(log).splitlines()[-1] == "line 49"
        await pilot.press("up", "up", "pageup")
        assert not log.following
        seen = text_of(log)
        log.feed(lines(30, 50))
        await pilot.pause()
        assert text_of(log) == seen
        # Lines fall out of the ring above: what is read stays where it is.
        log.feed(lines(40, 80))
        await pilot.pause()
        assert text_of(log) == seen
        await pilot.press("end")
        await pilot.pause()
        assert log.following
        assert text_of(log).splitlines()[-1] == "line 119"


async def test_scrolling_by_wheel_lets_go_too() -> None:
    app = Tail()
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(TailLog)
        log.feed(lines(50))
        await pilot.pause()
        log.scroll_to(y=5, animate=False)
        await pilot.pause()
        assert not log.following
        log.feed(lines(5, 50))
        await pilot.pause()
        assert text_of(log).splitlines()[0] == "line 5"


async def test_levels_and_search() -> None:
    app = Tail()
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(TailLog)
        log.feed([*lines(20), *lines(1, 100, "error"), *lines(20, 20), *lines(3, 200, "debug")])
        await pilot.pause()
        assert text_of(log).splitlines()[-1] == "line 39", "details are hidden at first"
        log.search("LINE 1")
        assert log.matches == 12
        assert not log.following
        assert log.cursor is not None
        assert log.line_in(log.cursor).text == "line 100"
        log.find(-1)
        assert log.line_in(log.cursor).text == "line 19"
        log.find(1)
        log.find(1)
        assert log.line_in(log.cursor).text == "line 1", "round and round"
        log.feed(lines(1, 111))
        assert log.matches == 13
        log.show_levels("error")
        await pilot.pause()
        assert text_of(log).strip() == "line 100"
        log.search("")
        log.show_levels("debug")
        await pilot.pause()
        assert text_of(log).splitlines()[-2:] == ["line 202", "line 111"]
        log.find(1)
        assert log.matches == 0


async def test_hostile_lines_stay_one_clean_line_each() -> None:
    hostile = [
        "\x1b]0;X\x07a",
        "\x1b[2Jb",
        "c\r\nd",
        "[bold]e[/nope]",
        "[@click=app.quit]x[/]",
        "f\u202eg\u2066h",
        "\x9b31mi",
        "j" + "\u0301" * 500,
        "\ud800k",
        "\U000e0041l",
    ]
    app = Tail()
    async with app.run_test(size=(60, 16)) as pilot:
        log = app.query_one(TailLog)
        log.feed([LogLine(0.0, "info", text) for text in hostile])
        log.search("e")
        await pilot.pause()
        shown = text_of(log)
        assert len(shown.rstrip().splitlines()) == len(hostile)
        assert not any(ord(letter) < 32 and letter != "\n" for letter in shown)
        assert "\x9b" not in shown
        assert "\u202e" not in shown
        assert "[bold]e[/nope]" in shown
        assert "[@click=app.quit]x[/]" in shown
