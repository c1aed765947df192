"""Counts and shares as a sentence tells them."""

from __future__ import annotations


def plural(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`; `many` where not just an s is added: `1 row repeats`, `2 rows repeat`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def percent(part: float) -> str:
    """A fraction in whole per cent: `93 %`."""
    return f"{100 * part:.0f} %"
