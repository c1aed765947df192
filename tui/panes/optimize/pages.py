"""Which part of the place is on screen where not all of it fits."""

from __future__ import annotations

from textual.content import Content

PAGES = {
    "optimizers": "Optimizer",
    "parameters": "Parameters",
    "models": "Models and budget",
    "cost": "Cost",
    "launch": "Launch",
}
"""Class → title."""
WIDE = 156
"""Columns from which all of it is on screen."""
PANES = (
    ("OptimizerList", "optimizers"),
    ("#reasons", "optimizers"),
    ("#parameters-form", "parameters"),
    ("RoleList", "models"),
    ("#limits-form", "models"),
    ("#cost-scroll", "cost"),
    ("#launch", "launch"),
)
"""What tab goes through, each with its page."""
NARROW = 100
"""Columns below which one page is on screen at a time."""
_ALWAYS_BESIDE = ("cost", "launch")


def pages_shown(narrow: bool) -> list[str]:
    """In two columns cost and launch stay beside the others."""
    return [name for name in PAGES if narrow or name not in _ALWAYS_BESIDE]


def describe_pages(page: str, narrow: bool) -> Content:
    """The pages as tabs."""
    parts = [
        Content.styled(f" {PAGES[name]} ", "bold $text on $primary-muted" if name == page else "$text-muted")
        for name in pages_shown(narrow)
    ]
    return Content("").join(parts) + Content.styled("  tab", "$text-muted")


def page_at(column: int, narrow: bool) -> str | None:
    """The page whose tab is at this column."""
    start = 0
    for name in pages_shown(narrow):
        end = start + len(PAGES[name]) + 2
        if start <= column < end:
            return name
        start = end
    return None
