"""A line to type into: it costs the screen no new layout for each letter, and nothing blinks."""

from __future__ import annotations

from textual.widgets import Input


class TextField(Input):
    """An `Input` as wide as its field while its text fits.

    Textual lays the whole screen out anew whenever the width of an input's content changes, which with
    every letter it does; that doubles the time from a key to its letter.
    """

    def on_mount(self) -> None:
        self.cursor_blink = False

    @property
    def content_width(self) -> int:
        return max(super().content_width, self.scrollable_content_region.width)
