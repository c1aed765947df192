"""Which theme a terminal gets."""

from __future__ import annotations

import pytest

from tui.themes import choose_theme


@pytest.mark.parametrize(
    ("wanted", "environment", "theme"),
    [
        ("auto", {"COLORTERM": "truecolor"}, "dark"),
        ("auto", {"TERM": "xterm-256color"}, "dark"),
        ("auto", {"TERM": "xterm"}, "ansi-dark"),
        ("ansi-light", {"TERM": "xterm-256color"}, "ansi-light"),
        ("sepia", {"TERM": "linux"}, "ansi-dark"),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, "dark"),
        ("ansi-light", {"NO_COLOR": "1"}, "light"),
    ],
)
def test_the_theme_suits_the_terminal(wanted: str, environment: dict[str, str], theme: str) -> None:
    assert choose_theme(wanted, environment) == theme
