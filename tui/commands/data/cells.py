"""Rows of data on a terminal: one line each, long cells cut, nothing that could steer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...output import print_lines
from ...text import clean, count, table

_WIDTH = 48


def print_rows(columns: Sequence[str], rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Numbered rows as a table."""
    lines = [["row", *columns]]
    lines += [[count(number), *(short_cell(row.get(column)) for column in columns)] for number, row in rows]
    print_lines(table([[clean(cell) for cell in line] for line in lines], ">"))


def short_cell(value: Any) -> str:
    """The value's beginning as text; a dot where it is missing."""
    from core.data.cells import cell_text

    text = cell_text(value)
    if text is None:
        return "·"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
