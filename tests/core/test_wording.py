"""One is told as one."""

from __future__ import annotations

import pytest

from core.wording import plural


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (plural(1, "row"), "1 row"),
        (plural(0, "row"), "0 rows"),
        (plural(1_234, "row"), "1,234 rows"),
        (plural(1, "row repeats", "rows repeat"), "1 row repeats"),
        (plural(2, "row repeats", "rows repeat"), "2 rows repeat"),
    ],
)
def test_a_count_goes_with_its_words(told: str, wanted: str) -> None:
    assert told == wanted
