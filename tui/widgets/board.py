"""A few lines of numbers that change often: only the lines that changed are sent to the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from .tones import COMPONENTS, TONE_CSS, Line, Toned


class Board(Toned, Widget):
    """As high as it has lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS
    DEFAULT_CSS = (
        """
    Board {
        height: auto;
        width: 1fr;
"""
        + TONE_CSS
        + """
    }
    """
    )

    def __init__(self, lines: Sequence[Line] = (), id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = [tuple(line) for line in lines]

    @property
    def text(self) -> str:
        """What a person reads."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Put these lines in place of the ones before."""
        before, self._lines = self._lines, [tuple(line) for line in lines]
        if len(before) != len(self._lines):
            self.refresh(layout=True)
            return
        changed = [
            Region(0, y, self.size.width, 1)
            for y, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new
        ]
        if changed:
            self.refresh(*changed)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.tone(""))
        return self.paint(self._lines[y], width)
