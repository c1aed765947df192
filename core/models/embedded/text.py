"""Words, and a hash of a text that does not depend on which words it uses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DIGITS = re.compile(r"\d")

# How English joins a list or points at a thing. Needed to read a rule, and never a cue by itself.
_GRAMMAR_WORDS = """
a an the and or of to in on at by for with from as is are was were be been being it its this that
these those any some such all either one you your i me my we our they them their he she his her so
do does did has have had there here which who what into about not no if then than but also
"""
GRAMMAR = frozenset(_GRAMMAR_WORDS.split())


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """The lower-case words of a text, in order."""
    return tuple(word.replace("’", "'") for word in _WORD.findall(text.lower()))


@lru_cache(maxsize=8192)
def distinct_words(text: str) -> frozenset[str]:
    return frozenset(words(text))


@lru_cache(maxsize=8192)
def pattern_hash(text: str) -> int:
    """A 64-bit hash of how a text is built: which words repeat, its punctuation, its digits; not the words.

    Two texts that differ by a one-to-one renaming of their words have the same hash. So an answer that is
    picked blindly stays the same when the vocabulary is renamed.
    """
    seen: dict[str, int] = {}
    parts = []
    for token in _TOKEN.findall(text.lower()):
        if token[0].isalpha():
            parts.append(str(seen.setdefault(token, len(seen))))
        else:
            parts.append(_DIGITS.sub("9", token) if len(token) > 1 else token)
    return hash_parts(*parts)


def hash_parts(*parts: object) -> int:
    """A 64-bit hash that is the same in every process."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def unit_interval(seed: int, *parts: object) -> float:
    """A number in [0, 1) drawn by hash."""
    return hash_parts(seed, *parts) / 2**64


def text_of(value: object) -> str:
    """A value as the text a prompt would show."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(f"{key}: {text_of(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(text_of(item) for item in value)
    return str(value)


CHARACTERS_PER_TOKEN = 4


def count_tokens(characters: int) -> int:
    """Tokens of a text of this many characters: a quarter, rounded up. An estimate, the same every time."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def cut_at(marks: Sequence[re.Match[str]], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each mark with the text from its end to the next mark, or to the end of the text."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):
        yield mark, text[mark.end() : end]
