"""The end of a log that grows: it follows until the person scrolls, and never jumps after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from textual.message import Message

from ..text import clean
from .line_view import LineView
from .log_buffer import LEVELS, LogBuffer, LogLine, LogSelection
from .tones import Span

_TONES = {"debug": "muted", "info": "", "good": "good", "warning": "warning", "error": "error"}
FILTERS = ("debug", "info", "warning", "error")
"""The least level shown, in the order in which they are gone through."""


class TailLog(LineView):
    """`feed` adds lines in batches: one refresh for each, and none while nothing on screen changes."""

    class Told(Message):
        """What the frame around it tells has changed: following, matches, lines shown."""

    def __init__(self, capacity: int = 100_000, id: str | None = None) -> None:
        super().__init__(id=id)
        self._capacity = capacity
        self.buffer = LogBuffer(capacity)
        self._least = FILTERS[1]
        self._query = ""
        self._shown = LogSelection(self.buffer, self._keep())
        self._found: LogSelection | None = None
        self._follows = True

    @property
    def rows(self) -> int:
        return len(self._shown)

    @property
    def following(self) -> bool:
        """Whether new lines scroll into view."""
        return self._follows

    @property
    def least(self) -> str:
        return self._least

    @property
    def query_text(self) -> str:
        return self._query

    @property
    def matches(self) -> int:
        return len(self._found) if self._found is not None else 0

    def line_in(self, row: int) -> LogLine:
        return self.buffer[self._shown[row]]

    # -- what comes in --------------------------------------------------------------------------------

    def feed(self, lines: Sequence[LogLine]) -> None:
        """Add lines at the end."""
        if not lines:
            return
        before = len(self._shown)
        self.buffer.extend(lines)
        dropped = self._shown.update()
        if self._found is not None:
            self._found.update()
        self._settle(before, dropped)

    def reset(self, lines: Sequence[LogLine] = ()) -> None:
        """Begin anew, with the same filter and search, following."""
        self.buffer = LogBuffer(self._capacity)
        self.buffer.extend(lines)
        self._select()
        self._follow()

    def _settle(self, before: int, dropped: int) -> None:
        rows = len(self._shown)
        if self.cursor is not None and dropped:
            self.cursor = max(0, self.cursor - dropped)
        if rows != before or dropped:
            if self._follows:
                self.resize_rows()
                self.scroll_to(y=rows, animate=False, force=True)
                self.refresh()
            else:
                # What the person reads stays where it is, though lines above it are gone.
                if dropped:
                    self.scroll_to(y=max(0, self.scroll_offset.y - dropped), animate=False, force=True)
                self.resize_rows()
                if dropped or before < self.scroll_offset.y + self.size.height:
                    self.refresh()
            self.post_message(self.Told())

    # -- what the person asks -------------------------------------------------------------------------

    def show_levels(self, least: str) -> None:
        """Show lines of this level and above."""
        if least != self._least:
            self._least = least
            self._select()
            self._follow()

    def next_level(self) -> str:
        return FILTERS[(FILTERS.index(self._least) + 1) % len(FILTERS)]

    def search(self, query: str) -> None:
        """Mark what matches, and go to the last of it; an empty query ends the search."""
        self._query = query
        self._found = LogSelection(self.buffer, self._keep(query.casefold())) if query else None
        if self._found is not None and len(self._found):
            self._go_to(self._found[len(self._found) - 1])
        self.refresh()
        self.post_message(self.Told())

    def find(self, step: int) -> None:
        """Go to the next match (1) or the one before (-1), round and round."""
        if self._found is None or not len(self._found):
            return
        if self.cursor is not None and self.cursor < self.rows:
            number = self._shown[self.cursor]
        else:
            number = self.buffer.end
        row = self._found.row_of(number)
        at = row < len(self._found) and self._found[row] == number
        row = row + step if at else row - 1 if step < 0 else row
        self._go_to(self._found[row % len(self._found)])

    def _go_to(self, number: int) -> None:
        self._let_go()
        row = self._shown.row_of(number)
        if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, row - self.size.height // 2), animate=False, force=True)
        self.move_to(row)

    def _keep(self, query: str = "") -> Callable[[LogLine], bool] | None:
        levels = frozenset(LEVELS[LEVELS.index(self._least) :])
        if query:
            return lambda line: line.level in levels and query in line.text.casefold()
        if self._least == LEVELS[0]:
            return None
        return lambda line: line.level in levels

    def _select(self) -> None:
        self._shown = LogSelection(self.buffer, self._keep())
        query = self._query.casefold()
        self._found = LogSelection(self.buffer, self._keep(query)) if query else None
        self.cursor = None
        self.resize_rows()

    # -- following ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        self._follows = True
        self.cursor = None
        self.scroll_to(y=self.rows, animate=False, force=True)
        self.refresh()
        self.post_message(self.Told())

    def _let_go(self) -> None:
        if self._follows:
            self._follows = False
            self.post_message(self.Told())

    def step(self, rows: int) -> None:
        if self._follows and rows < 0:
            self.cursor = self.cursor if self.cursor is not None else self.rows
        self._let_go()
        super().step(rows)
        if rows > 0 and self.cursor == self.rows - 1:
            self._follow()

    def action_scroll_end(self) -> None:
        self._follow()

    def action_scroll_home(self) -> None:
        self._let_go()
        super().action_scroll_home()

    def move_to(self, row: int | None, *, tell: bool = True) -> None:
        if row is not None:
            self._let_go()
        super().move_to(row, tell=tell)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Scrolled by wheel or bar: away from the end lets go, back to it follows.
        if new_value < old_value and new_value < self.max_scroll_y:
            self._let_go()

    def on_resize(self) -> None:
        # Once the new size is known to the scroll bar.
        self.call_after_refresh(self._stay)

    def _stay(self) -> None:
        if self._follows:
            self.scroll_to(y=self.rows, animate=False, force=True)

    # -- drawing --------------------------------------------------------------------------------------

    def spans_of(self, row: int, width: int) -> Sequence[Span]:
        line = self.line_in(row)
        tone = _TONES.get(line.level, "")
        spans: list[Span] = []
        if line.t:
            spans.append((time.strftime("%H:%M:%S  ", time.localtime(line.t)), "muted"))
        if self._query:
            spans.extend(_mark(clean(line.text[: 4 * width]), self._query, tone))
        else:
            spans.append((line.text, tone))
        return spans


def _mark(text: str, query: str, tone: str) -> Iterator[Span]:
    """The text with each match marked; where folding changes lengths, nothing is."""
    folded, wanted = text.casefold(), query.casefold()
    if len(folded) != len(text):
        yield text, tone
        return
    start = 0
    while (place := folded.find(wanted, start)) >= 0:
        yield text[start:place], tone
        yield text[place : place + len(wanted)], "mark"
        start = place + len(wanted)
    yield text[start:], tone
