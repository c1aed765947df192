"""Text of the training rows that now stands in a prompt: it fits those rows and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from ..data.cells import cell_text

FEWEST_WORDS = 5
"""Shorter runs of words are shared by chance: labels, greetings, terms of the field."""
FEWEST_LETTERS = 20
_LONG = 12
"""So many words of a script that is written without spaces count, however few letters they have."""
_MOST_ROWS = 20
_MOST_PLACES = 50
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")

_Gram = tuple[str, ...]


class Leak(msgspec.Struct, frozen=True):
    """A stretch of a prompt that stands in rows too."""

    start: int
    """Characters of the text, `start` included and `end` not."""
    end: int
    text: str
    rows: tuple[int, ...]
    """Numbers in their split of rows that hold all of it, at most 20."""
    fields: tuple[str, ...]
    split: str = "train"


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def find_leaks(
    text: str, rows: Iterable[Mapping[str, Any]], *, known: str = "", split: str = "train"
) -> list[Leak]:
    """Stretches of `text` that stand in the rows, in their order; of overlapping ones the longest.

    At least five words and twenty letters count; case, spacing and punctuation make no difference. What
    stands in `known` too (the prompt before it was optimized, which a person wrote) is no leak.
    """
    words = _split_words(text)
    plain = tuple(word.text for word in words)
    familiar = set(_grams(tuple(word.text for word in _split_words(known))))
    places: dict[_Gram, list[int]] = {}
    for at, gram in enumerate(_grams(plain)):
        places.setdefault(gram, []).append(at)
    if not places:
        return []
    held: dict[tuple[int, int], dict[tuple[int, str], None]] = {}
    for number, values in enumerate(rows):
        for field, value in values.items():
            theirs = tuple(word.text for word in _split_words(cell_text(value) or ""))
            for stretch in _common(plain, theirs, places):
                held.setdefault(stretch, {})[number, field] = None
    chosen: list[tuple[int, int]] = []
    for first, last in sorted(held, key=lambda stretch: (stretch[0] - stretch[1], stretch)):
        start, end = words[first].start, words[last - 1].end
        if end - start < FEWEST_LETTERS and last - first < _LONG:
            continue
        if familiar.issuperset(_grams(plain[first:last])):
            continue
        if all(last <= other or first >= end_of for other, end_of in chosen):
            chosen.append((first, last))
    return [_leak(text, words, stretch, held[stretch], split) for stretch in sorted(chosen)]


def _common(
    ours: tuple[str, ...], theirs: tuple[str, ...], places: Mapping[_Gram, list[int]]
) -> Iterator[tuple[int, int]]:
    """Longest stretches of our words that their text holds, as word numbers: first, and one past the last."""
    at = 0
    while at + FEWEST_WORDS <= len(theirs):
        best = 0
        for place in places.get(theirs[at : at + FEWEST_WORDS], ())[:_MOST_PLACES]:
            length = FEWEST_WORDS
            while (
                place + length < len(ours)
                and at + length < len(theirs)
                and ours[place + length] == theirs[at + length]
            ):
                length += 1
            best = max(best, length)
            yield place, place + length
        at += max(1, best - FEWEST_WORDS + 1)


def _leak(
    text: str,
    words: list[_Word],
    stretch: tuple[int, int],
    held: Iterable[tuple[int, str]],
    split: str,
) -> Leak:
    start, end = words[stretch[0]].start, words[stretch[1] - 1].end
    numbers = sorted({number for number, _ in held})
    return Leak(
        start,
        end,
        text[start:end],
        tuple(numbers[:_MOST_ROWS]),
        tuple(dict.fromkeys(field for _, field in held)),
        split,
    )


def _split_words(text: str) -> list[_Word]:
    return [_Word(match[0].casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]


def _grams(words: tuple[str, ...]) -> Iterator[_Gram]:
    return (words[at : at + FEWEST_WORDS] for at in range(len(words) - FEWEST_WORDS + 1))
