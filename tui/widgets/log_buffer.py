"""The newest lines of a log that never ends: a ring, and what a filter or a search selects from it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import NamedTuple

LEVELS = ("debug", "info", "good", "warning", "error")
"""From least to most important; `good` is what a person waits for."""
LONGEST = 4_000
"""Letters that are kept of a line."""


class LogLine(NamedTuple):
    """One line, as it came: what shows it cleans it."""

    t: float
    """Unix seconds; 0 where it is not known."""
    level: str
    text: str


class LogBuffer:
    """Keeps the last `capacity` lines. Lines are known by number: how many came before them."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._lines: list[LogLine] = []
        self.end = 0
        """The number that the next line gets."""

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.end - len(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> LogLine:
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self._lines[number % self._capacity]

    def extend(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            if len(line.text) > LONGEST:
                line = line._replace(text=line.text[:LONGEST] + " …")
            if len(self._lines) < self._capacity:
                self._lines.append(line)
            else:
                self._lines[self.end % self._capacity] = line
            self.end += 1


class LogSelection:
    """The lines of a buffer that a filter keeps, as rows from 0; `update` takes in what came since."""

    def __init__(self, buffer: LogBuffer, keep: Callable[[LogLine], bool] | None = None) -> None:
        self._buffer = buffer
        self._keep = keep
        self._seen = buffer.first
        self._numbers: list[int] = []
        self._start = 0
        """Where in `_numbers` the buffer begins: what lies before was dropped."""
        self._first = buffer.first
        self._end = buffer.first
        self.update()

    def __len__(self) -> int:
        return self._end - self._first if self._keep is None else len(self._numbers) - self._start

    def __getitem__(self, row: int) -> int:
        """The number of the line in a row."""
        return self._first + row if self._keep is None else self._numbers[self._start + row]

    def row_of(self, number: int) -> int:
        """The row of a line, or of the first one after it."""
        if self._keep is None:
            return min(max(number - self._first, 0), len(self))
        return bisect_left(self._numbers, number, self._start) - self._start

    def update(self) -> int:
        """Take in new lines; gives how many rows were dropped at the beginning."""
        buffer = self._buffer
        if self._keep is None:
            dropped = min(buffer.first, self._end) - self._first
            self._first, self._end = buffer.first, buffer.end
            return dropped
        for number in range(max(self._seen, buffer.first), buffer.end):
            if self._keep(buffer[number]):
                self._numbers.append(number)
        self._seen = buffer.end
        start = bisect_left(self._numbers, buffer.first, self._start)
        dropped, self._start = start - self._start, start
        if self._start > len(self._numbers) // 2 + 1_000:
            del self._numbers[: self._start]
            self._start = 0
        return dropped
