"""Numbers and foreign text as a person reads them in a terminal. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_KEPT_FORMATS = {"\u200d", "\ufe0f"}
"""Joiners inside emoji; every other invisible format character can hide or reorder text."""

_PHASES = {
    "queued": "waiting for the run before it",
    "load": "loading program, data and metric",
    "baseline": "scoring the program as it is",
    "compile": "compiling",
    "final": "scoring the best on all of val and test",
}


def clean(text: object) -> str:
    """Foreign text on one line: nothing in it can paint, move the cursor, reorder or hide."""
    return "".join(_safe(letter) for letter in str(text))


def _safe(letter: str) -> str:
    if letter in "\n\t\r\v\f\x1c\x1d\x1e\x85\u2028\u2029":
        return " "
    category = unicodedata.category(letter)
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "Cf" and letter not in _KEPT_FORMATS):
        return "\ufffd" if category != "Cf" else ""
    return letter


def percent(score: float | None) -> str:
    """A fraction as percent; a dash where there is no score."""
    return "–" if score is None else f"{100 * score:.1f} %"


def best_score(score: float | None, kind: str | None) -> str:
    """The best score of a run; that of a minibatch is marked, so that nobody takes it for a full one."""
    return f"{percent(score)} mini" if kind == "minibatch" else percent(score)


def points(gain: float) -> str:
    """A difference of two fractions, in percentage points with its sign."""
    return f"{100 * gain:+.1f}"


def usd(amount: float | None) -> str:
    """Dollars; small sums keep the digits that tell them apart, an unknown sum is unknown."""
    if amount is None:
        return "unknown"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}"


def count(number: float) -> str:
    """A whole number with thousands apart."""
    return f"{number:,.0f}"


def short_count(number: float) -> str:
    """A large number in at most four letters and its unit: 950, 12.3k, 4.1M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """Seconds as 12 s, 3 min 05 s, 15 min or 2 h 10 min."""
    return clock(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def clock(seconds: float) -> str:
    """The same for time that is running: as wide at a full minute as a second before."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def seconds(value: float) -> str:
    """The same with hundredths where it is short."""
    return f"{value:.2f} s" if value < 10 else duration(value)


def describe_phase(phase: str, optimizer: str = "") -> str:
    """What a run does in this phase."""
    name = f" with {optimizer}" if optimizer and phase == "compile" else ""
    return f"{_PHASES.get(phase, phase)}{name}"


def table(rows: Sequence[Sequence[str]], align: str = "") -> list[str]:
    """Lines of text in columns, two blanks apart. `align` holds `<` or `>` for each column."""
    if not rows:
        return []
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    sides = align.ljust(len(widths), "<")
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
