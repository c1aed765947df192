"""A line to type into that costs the screen no new layout for each letter."""

from __future__ import annotations

from textual.widgets import Input


class TextField(Input):
    """An `Input` as wide as its field while its text fits.

    Textual lays the whole screen out anew whenever the width of an input's content changes, which with
    every letter it does; that doubles the time from a key to its letter.
    """

    @property
    def content_width(self) -> int:
        return max(super().content_width, self.scrollable_content_region.width)
