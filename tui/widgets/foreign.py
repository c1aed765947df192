"""Text that others wrote, shown as it is: no markup in it is obeyed, no control byte gets through."""

from __future__ import annotations

from textual.content import Content

from ..text import clean


def foreign(text: object, style: str = "") -> Content:
    """One line."""
    return _styled(clean(text), style)


def foreign_lines(text: object, style: str = "") -> Content:
    """Text with its line breaks; tabs become four blanks."""
    return _styled("\n".join(clean(line) for line in str(text).expandtabs(4).splitlines()), style)


def _styled(text: str, style: str) -> Content:
    return Content.styled(text, style) if style else Content(text)
