"""Lines of text as spans with a tone, and how a widget paints them: cheap where one of many changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ..text import clean

Span = tuple[str, str]
"""Text, and its tone: empty, or one of `TONES`."""
Line = Sequence[Span]
TONES = ("muted", "bold", "accent", "good", "warning", "error", "mark")
COMPONENTS = {f"line--{tone}" for tone in TONES}
TONE_CSS = """
        & > .line--muted { color: $text-muted; }
        & > .line--bold { text-style: bold; }
        & > .line--accent { color: $text-accent; }
        & > .line--good { color: $text-success; }
        & > .line--warning { color: $text-warning; }
        & > .line--error { color: $text-error; text-style: bold; }
        & > .line--mark { background: $warning 40%; }
"""


def cut_spans(spans: Line, width: int) -> list[Span]:
    """Spans cleaned and fitted into `width` cells, with an ellipsis where something is missing."""
    fitted: list[Span] = []
    room = width
    for text, tone in spans:
        # What lies far beyond the edge is not cleaned for nothing.
        safe = clean(text[: 4 * width + 8])
        size = cell_len(safe)
        if size > room or len(text) > 4 * width + 8:
            if room > 0:
                fitted.append((set_cell_size(safe, room - 1) + "…", tone))
            return fitted
        fitted.append((safe, tone))
        room -= size
    return fitted


def width_of(spans: Line) -> int:
    return sum(cell_len(clean(text)) for text, _ in spans)


if TYPE_CHECKING:
    _Mixin = Widget
else:
    # A plain mixin: Textual takes styles from the first base that is a widget.
    _Mixin = object


class Toned(_Mixin):
    """A widget that paints spans; what its styles come to is worked out once, not for every line."""

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tones: dict[str, Style] = {}

    def paint(self, spans: Line, width: int) -> Strip:
        """A line as the component classes colour it."""
        base = self.tone("")
        segments = [Segment(text, self.tone(tone)) for text, tone in cut_spans(spans, width)]
        return Strip(segments).adjust_cell_length(width, base)

    def tone(self, name: str) -> Style:
        """The style of a tone; of the plain text for an empty one."""
        tones: dict[str, Style] = self.__dict__.setdefault("_tones", {})
        if name not in tones:
            style = self.rich_style
            if name:
                style += self.get_component_rich_style(f"line--{name}", partial=True)
            tones[name] = style
        return tones[name]
