"""The last line of defence: no control byte of any text leaves for the terminal."""

from __future__ import annotations

import re

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""Control bytes, line separators, what reorders or hides text, lone surrogates, tag characters."""
_PLAIN = Style()


class ControlFilter(LineFilter):
    """Replaces each such character by one blank, so that widths stay as measured where they had one.

    Text without a style gets an empty one: Textual's filter for NO_COLOR ends the app at one that has none.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or (segment.style is not None and not _UNSAFE.search(segment.text))
            else Segment(_UNSAFE.sub(" ", segment.text), segment.style or _PLAIN)
            for segment in segments
        ]
