"""How a table's header and lines become strips of the screen."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .rows import Line, TableColumn, Tone, fit_cell, show_text

GAP = 2
"""Blanks between two columns."""
TONES: tuple[Tone, ...] = ("muted", "success", "warning", "error", "accent", "primary")


class Palette(NamedTuple):
    """The styles of a table, as its theme gives them."""

    base: Style
    header: Style
    header_here: Style
    number: Style
    row_here: Style
    cell_here: Style
    tones: Mapping[Tone, Style]


class Layout(NamedTuple):
    """Where everything stands: the frozen part at the left, and the columns that are in view."""

    columns: Sequence[TableColumn]
    widths: Sequence[int]
    first: int
    """The column that stands first; those before it are scrolled away."""
    number_width: int
    tag_width: int
    width: int
    """Of the whole line."""
    sorted_by: str = ""
    descending: bool = False

    @property
    def gutter(self) -> int:
        """The frozen part: mark, number, tag."""
        return 1 + self.number_width + (self.tag_width + 1 if self.tag_width else 0) + 1

    def seen(self) -> list[int]:
        """Places of the columns that are in view, the last perhaps cut."""
        places: list[int] = []
        end = self.gutter
        for place in range(self.first, len(self.columns)):
            if end >= self.width:
                break
            places.append(place)
            end += self.widths[place] + GAP
        return places

    def whole(self) -> list[int]:
        """Places of the columns that are in view whole; at least the first."""
        places: list[int] = []
        end = self.gutter
        for place in range(self.first, len(self.columns)):
            end += self.widths[place] + GAP
            if places and end - 1 > self.width:
                break
            places.append(place)
        return places

    def column_at(self, x: int) -> int | None:
        """The column under a screen column."""
        end = self.gutter
        for place in self.seen():
            end += self.widths[place] + GAP
            if self.gutter <= x < end:
                return place
        return None


def paint_header(layout: Layout, palette: Palette, here: int) -> Strip:
    """The names of the columns; arrows at both ends tell of columns out of view."""
    title = "row".rjust(layout.number_width + 1)
    if layout.tag_width:
        title += " " + "split".ljust(layout.tag_width)[: layout.tag_width]
    segments = [Segment(title + ("‹" if layout.first else " "), palette.header)]
    seen = layout.seen()
    for place in seen:
        column, width = layout.columns[place], layout.widths[place]
        arrow = ("▼" if layout.descending else "▲") if column.name == layout.sorted_by else " "
        text = fit_cell(show_text(column.name), width, right=column.right)
        style = palette.header_here if place == here else palette.header + palette.tones[column.tone]
        segments.append(Segment(f" {text}{arrow}", style))
    strip = Strip(segments).adjust_cell_length(layout.width, palette.header)
    if seen and (seen[-1] + 1 < len(layout.columns) or layout.whole()[-1] < seen[-1]):
        strip = Strip.join([strip.crop(0, layout.width - 1), Strip([Segment("›", palette.header)], 1)])
    return strip


def paint_line(
    line: Line | None, layout: Layout, palette: Palette, *, here: int | None, focused: bool
) -> Strip:
    """One row; `here` is the place of the cursor's cell, in the cursor's row."""
    base = palette.base if here is None else palette.row_here
    if line is None:
        return Strip([Segment(_placeholder(layout), base + palette.tones["muted"])]).adjust_cell_length(
            layout.width, base
        )
    number = str(line.number).rjust(layout.number_width)
    if layout.tag_width:
        number += f" {line.tag:<{layout.tag_width}}"
    pieces = [
        (line.mark[:1] or " ", base + palette.tones["warning"] if line.mark else base + palette.number),
        (f"{number} ", base + palette.number),
    ]
    plain = base + palette.tones[line.tone]
    for place in layout.seen():
        cell = line.cells[place] if place < len(line.cells) else None
        column, width = layout.columns[place], layout.widths[place]
        text = fit_cell("·" if cell is None else cell, width, right=column.right)
        if here == place and focused:
            style = palette.cell_here
        elif cell is None:
            style = base + palette.tones["muted"]
        else:
            style = plain + palette.tones[line.tones[place]] if place in line.tones else plain
        pieces.append((f" {text} ", style))
    return Strip(_join(pieces)).adjust_cell_length(layout.width, base)


def _join(pieces: Sequence[tuple[str, Style]]) -> list[Segment]:
    """Neighbours of one style as one segment: every segment costs, all the way to the terminal."""
    return [
        Segment("".join(text for text, _ in group), style)
        for style, group in itertools.groupby(pieces, key=lambda piece: piece[1])
    ]


def _placeholder(layout: Layout) -> str:
    text = " " * layout.gutter
    return text + "".join(" " + fit_cell("…", layout.widths[place] + 1) for place in layout.seen())
