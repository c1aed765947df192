"""Whether an answer is right: drawn from what the call is, so that equal calls agree and others differ."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from functools import lru_cache
from statistics import NormalDist

_MASK = (1 << 64) - 1
_NORMAL = NormalDist()
_ROW, _ROW_AND_PREDICTOR, _PROMPT, _SAMPLE = 0.25, 0.30, 0.25, 0.20
"""Parts of the variance: hard rows stay hard for every predictor and prompt, a new prompt changes some
answers, and another sample of the same prompt some more. They sum to 1."""
_CACHED = 1 << 18


def draw_unit(*parts: int) -> float:
    """A number between 0 and 1, spread evenly over calls and the same for the same parts (splitmix64)."""
    x = hash(parts) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((x ^ (x >> 31)) + 0.5) / (_MASK + 2)


def draw_below(limit: int, *parts: int) -> int:
    """A whole number from 0 up to `limit`, which is left out."""
    return int(draw_unit(*parts) * limit)


@lru_cache(_CACHED)
def number_of_text(text: str) -> int:
    """A number for a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=7).digest(), "big")


def number_of(value: Hashable | object) -> int:
    """A number for a value by its content."""
    return number_of_text(value if isinstance(value, str) else repr(value))


@lru_cache(_CACHED)
def _normal(*parts: int) -> float:
    return _NORMAL.inv_cdf(draw_unit(*parts))


def ease(row: int, predictor: int, prompt: int, sample: int) -> float:
    """How much speaks for a right answer, between 0 and 1 and evenly spread: right where it is above
    1 - the chance. Four normal draws, mixed by their part of the variance."""
    mixed = (
        _ROW**0.5 * _normal(1, row)
        + _ROW_AND_PREDICTOR**0.5 * _normal(2, row, predictor)
        + _PROMPT**0.5 * _normal(3, row, predictor, prompt)
        + _SAMPLE**0.5 * _NORMAL.inv_cdf(draw_unit(4, row, predictor, prompt, sample))
    )
    return _NORMAL.cdf(mixed)
