"""What a row table shows: columns, lines of cells, and where they come from. Pure, but for its sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from rich.cells import cell_len, set_cell_size

from ..text import clean

Tone = Literal["", "muted", "success", "warning", "error", "accent", "primary"]
"""How a cell stands out; colours come from the theme."""

_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20f0]"
_STACKED = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
"""Marks piled on one letter, which would reach into other rows; three stay."""
_JOINERS = {0x200D: None, 0xFE0F: None}
"""Terminals differ in how wide joined emoji are; apart, they agree."""
LONGEST_CELL = 400
"""Letters of a cell that a table keeps; whole values are another view's."""


class TableColumn(NamedTuple):
    name: str
    right: bool = False
    """Numbers stand at the right."""
    tone: Tone = ""
    """Of its header."""


class Line(NamedTuple):
    """One row as a table shows it."""

    number: int
    """The row's own number; the order on screen may be another."""
    cells: tuple[str | None, ...]
    """One for each column, on one line, safe to print; None where nothing is."""
    mark: str = ""
    """One letter before the number."""
    tag: str = ""
    """A word after the number."""
    tone: Tone = ""
    """Of the whole row."""
    tones: Mapping[int, Tone] = {}
    """Of single cells, by place."""


class RowSource(Protocol):
    """Where a table's lines come from. `lines` may be slow: unless `instant`, it runs in a thread."""

    @property
    def columns(self) -> Sequence[TableColumn]: ...

    @property
    def count(self) -> int:
        """How many lines there are to show now."""

    @property
    def highest(self) -> int:
        """The largest number that a line may have."""

    @property
    def instant(self) -> bool: ...

    def lines(self, start: int, count: int) -> list[Line]:
        """Lines `start` to `start + count`, as many as there are. Raises `CompilotError`, `OSError`."""


class ListSource:
    """Lines that are in memory already."""

    instant = True

    def __init__(self, columns: Sequence[TableColumn], lines: Sequence[Line]) -> None:
        self.columns = tuple(columns)
        self._lines = lines

    @property
    def count(self) -> int:
        return len(self._lines)

    @property
    def highest(self) -> int:
        return max((line.number for line in self._lines), default=0)

    def lines(self, start: int, count: int) -> list[Line]:
        return list(self._lines[start : start + count])


def show_text(text: str) -> str:
    """The beginning of foreign text as a cell: one line, nothing in it that could steer a terminal."""
    cut = text[:LONGEST_CELL]
    if cut.isascii():
        return cut if cut.isprintable() else clean(cut)
    return _STACKED.sub(r"\1", (cut if cut.isprintable() else clean(cut)).translate(_JOINERS))


def fit_cell(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` columns of a terminal, cut with an ellipsis where it is longer."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    blank = " " * (width - length)
    return blank + text if right else text + blank
