"""How wide each column of a table is: what its cells need, what fits, what a person chose. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from .rows import LONGEST_CELL, Line, TableColumn, show_text

_SHORT = 16
_UNKNOWN = 12
_NARROWEST = 4
_LONGEST_NUMBER = 24


class ColumnWidths:
    """Measured once, on the lines that are seen first; a width that was chosen stays."""

    def __init__(self) -> None:
        self._needs: list[int] = []
        self._chosen: dict[str, int] = {}

    @property
    def measured(self) -> bool:
        return bool(self._needs)

    def forget(self) -> None:
        self._needs, self._chosen = [], {}

    def measure(self, columns: Sequence[TableColumn], lines: Sequence[Line]) -> None:
        self._needs = measure_columns(columns, lines)

    def widen(self, columns: Sequence[TableColumn], lines: Sequence[Line]) -> bool:
        """Take in lines read later: a number that is cut says nothing. Gives whether a width changed."""
        changed = False
        for place, column in enumerate(columns):
            if column.right and place < len(self._needs):
                need = min(max(_cell_lengths(lines, place), default=0), _LONGEST_NUMBER)
                changed |= need > self._needs[place]
                self._needs[place] = max(need, self._needs[place])
        return changed

    def choose(self, name: str, width: int) -> None:
        self._chosen[name] = max(_NARROWEST, min(width, LONGEST_CELL))

    def fit(self, columns: Sequence[TableColumn], room: int) -> list[int]:
        """A width for each column, all together within `room` letters where that can be."""
        widths = fit_widths(self._needs or [_UNKNOWN] * len(columns), room)
        return [self._chosen.get(column.name, width) for column, width in zip(columns, widths, strict=True)]


def measure_columns(columns: Sequence[TableColumn], lines: Sequence[Line]) -> list[int]:
    """The width that each column's name and cells need."""
    return [
        min(max([cell_len(show_text(column.name)), *_cell_lengths(lines, place)]), LONGEST_CELL)
        for place, column in enumerate(columns)
    ]


def fit_widths(needs: Sequence[int], room: int) -> list[int]:
    """A width for each column: what it needs, the longest cut until all fit side by side.

    No column is cut below sixteen letters: where even that is too much, the table scrolls sideways.
    """
    low, high = _SHORT, max([_SHORT, *needs])
    while low < high:
        middle = (low + high + 1) // 2
        fits = sum(min(need, middle) for need in needs) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return [min(need, low) for need in needs]


def _cell_lengths(lines: Sequence[Line], place: int) -> list[int]:
    return [cell_len(cell) for line in lines if place < len(line.cells) and (cell := line.cells[place])]
