"""Foreign text cannot steer a terminal; numbers read well."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import best_score, clean, clock, count, duration, percent, points, short_count, table, usd

HOSTILE = [
    "\x1b]0;X\x07",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x1bPq\x1b\\",
    "\x9b31m",
    "\x1bc",
    "\x1b]",
    "\x1b[6n",
    "a\rb",
    "a\bb",
    "\x00\x7f",
    "\u202eabc",
    "\u2066x\u2069",
    "\u2028\u2029\u0085",
    "\u200b\u200e\ufeff",
    "\U000e0041\U000e007f",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless_and_on_one_line(text: str) -> None:
    safe = clean(f"before{text}after")
    assert safe.startswith("before")
    assert safe.endswith("after")
    assert all(unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in safe)
    assert len(f"x{safe}".splitlines()) == 1


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Größe 東京 naïve 🙂 👩\u200d🔬 [/nope] 50 %"
    assert clean(text) == text


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (percent(None), "–"),
        (percent(0.41666), "41.7 %"),
        (points(0.25), "+25.0"),
        (points(-0.014), "-1.4"),
        (usd(None), "unknown"),
        (usd(0), "$0.00"),
        (usd(0.0123), "$0.0123"),
        (usd(1234.5), "$1,234.50"),
        (count(1234567), "1,234,567"),
        (short_count(950), "950"),
        (short_count(12_340), "12.3k"),
        (short_count(4_100_000), "4.1M"),
        (duration(-3), "0 s"),
        (duration(59.6), "1 min"),
        (duration(900), "15 min"),
        (duration(3600), "1 h"),
        (duration(0), "0 s"),
        (clock(900), "15 min 00 s"),
        (clock(7200), "2 h 00 min"),
        (duration(185), "3 min 05 s"),
        (duration(7800), "2 h 10 min"),
    ],
)
def test_numbers(shown: str, wanted: str) -> None:
    assert shown == wanted


def test_a_table_lines_up() -> None:
    assert table([("a", "n"), ("long", "10"), ("b", "2")], "<>") == ["a      n", "long  10", "b      2"]
    assert table([]) == []


def test_a_minibatch_score_is_marked() -> None:
    assert best_score(0.972, "minibatch") == "97.2 % mini"
    assert best_score(0.5, "full") == "50.0 %"
    assert best_score(None, None) == "–"
