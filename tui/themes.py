"""The app's four colour themes."""

from __future__ import annotations

import os

from textual.theme import Theme

DARK = Theme(
    name="dark",
    primary="#5B8DEF",
    secondary="#8AA4C8",
    accent="#E8B04B",
    warning="#E8B04B",
    error="#E5645A",
    success="#6CBF84",
    foreground="#D6DAE2",
    background="#12151B",
    surface="#181C24",
    panel="#222834",
    dark=True,
    # Textual's own is `auto 60%`, which a style inside a text paints at full strength.
    variables={"text-muted": "#8B919C", "pane-border": "#434956"},
)
LIGHT = Theme(
    name="light",
    primary="#2C5FC3",
    secondary="#4C6486",
    accent="#A65E00",
    warning="#A65E00",
    error="#BF2F26",
    success="#237A3C",
    foreground="#1D222B",
    background="#F6F7F9",
    surface="#FFFFFF",
    panel="#E4E8EE",
    dark=False,
    variables={"text-muted": "#5F6672", "pane-border": "#BABEC3"},
)
OWN = (DARK, LIGHT)
DEFAULTS = {"pane-border": "ansi_bright_black"}
"""Variables of ours that themes of others do not have: the terminal's own grey."""
NAMES = ("dark", "light", "ansi-dark", "ansi-light")
"""The first two need a terminal of many colours; the others use its own 16."""


def choose_theme(wanted: str, environment: dict[str, str] | None = None) -> str:
    """`auto` by what the terminal says of itself; a name that is not known counts as `auto`.

    With NO_COLOR the terminal's own colours are not to be had: made grey, its default on its default is black
    on black.
    """
    values = os.environ if environment is None else environment
    if values.get("NO_COLOR"):
        return "light" if wanted in ("light", "ansi-light") else "dark"
    if wanted in NAMES:
        return wanted
    many = values.get("COLORTERM") in ("truecolor", "24bit") or "256color" in values.get("TERM", "")
    return "dark" if many else "ansi-dark"
