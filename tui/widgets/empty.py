"""What stands where nothing is yet: what it is, and what to do next."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Empty(Static):
    """Two quiet lines in the middle."""

    DEFAULT_CSS = """
    Empty {
        width: 1fr;
        height: 1fr;
        content-align: center middle;
        text-align: center;
        color: $text-muted;
    }
    """

    def __init__(self, what: str, next_step: str = "", id: str | None = None) -> None:
        super().__init__(_lines(what, next_step), id=id)

    def say(self, what: str, next_step: str = "") -> None:
        self.update(_lines(what, next_step))


def _lines(what: str, next_step: str) -> Content:
    return Content("\n").join([Content(what), Content.styled(next_step, "$text")])
