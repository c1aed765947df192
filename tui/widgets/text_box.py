"""Lines to type into. Apart from the one line: what Textual needs for an editor takes long to import."""

from __future__ import annotations

from textual.widgets import TextArea


class TextBox(TextArea):
    """A `TextArea` whose cursor rests: an idle screen sends nothing."""

    def on_mount(self) -> None:
        self.cursor_blink = False
