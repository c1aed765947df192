"""Texts that say nearly the same: found by shared shingles, confirmed by edit similarity."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence

_SHINGLE = 3
_SKETCH = 8
_CROWD = 40
"""Rows that share one shingle; more than this is boilerplate and tells nothing."""
_SHORTEST = 24
SIMILAR = 92.0
"""Percent of edit similarity from which two texts count as nearly the same."""
_WORDS = re.compile(r"\w+")


def find_near_pairs(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions (lower first) whose texts are nearly, but not exactly, equal. Short texts never are.

    Bottom-k sketches of word shingles (Broder, 1997) name the candidates, so that time grows with the rows
    and not with their square; rapidfuzz confirms each.
    """
    from rapidfuzz import fuzz

    normal = [" ".join(_WORDS.findall(text.casefold())) for text in texts]
    buckets: dict[int, list[int]] = defaultdict(list)
    for position, text in enumerate(normal):
        if len(text) >= _SHORTEST:
            for mark in _sketch(text):
                buckets[mark].append(position)
    candidates = {
        (first, second)
        for members in buckets.values()
        if 1 < len(members) <= _CROWD
        for place, first in enumerate(members)
        for second in members[place + 1 :]
    }
    return sorted(
        (first, second)
        for first, second in candidates
        if texts[first] != texts[second]
        and fuzz.ratio(normal[first], normal[second], score_cutoff=SIMILAR) >= SIMILAR
        and _same_numbers(normal[first], normal[second])
    )


def _sketch(text: str) -> list[int]:
    words = text.split()
    count = max(len(words) - _SHINGLE + 1, 1)
    marks = {zlib.crc32(" ".join(words[start : start + _SHINGLE]).encode()) for start in range(count)}
    return sorted(marks)[:_SKETCH]


def _same_numbers(first: str, second: str) -> bool:
    """Texts that differ in a number (an order, an amount) are two cases, not one."""
    return [word for word in first.split() if word.isdigit()] == [
        word for word in second.split() if word.isdigit()
    ]
