"""Text that is made for the width it has, and made again for another one; long lines that hang."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from .reading import Reading

_MARGIN = 2
"""Cells kept free at the right, for the scrollbar."""


class FittedText(Reading):
    """Scrolls like any text. While it is not on screen it has no width, and is made when it gets one."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._describe: Callable[[int], Content] | None = None
        self._fitted = 0

    def show_fitted(self, describe: Callable[[int], Content]) -> None:
        """Show what `describe` makes for a width in cells."""
        self._describe = describe
        self._fit()

    def on_resize(self) -> None:
        if self.size.width != self._fitted:
            self._fit()

    def _fit(self) -> None:
        self._fitted = self.size.width
        if self._describe is not None and self._fitted > _MARGIN:
            self.show(self._describe(self._fitted - _MARGIN))


def hang(text: Content, width: int, by: int = 4) -> Content:
    """One long line in as many as it takes, all but the first moved to the right."""
    if text.cell_length <= width:
        return text
    first, *_ = text.wrap(width)
    rest = text[len(first.plain) :]
    if not rest.plain.strip():
        return text
    more = rest[len(rest.plain) - len(rest.plain.lstrip()) :].wrap(max(1, width - by))
    return Content("\n").join([first, *(Content(" " * by) + line for line in more)])
