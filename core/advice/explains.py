"""Whether feedback says more than the labels do: its words without the values they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_LETTERS = re.compile(r"[^\W\d_]+")
_FEWEST = 4
"""Texts below which nothing can be said."""
_TEMPLATES_PER_FIELD = 3
"""Sentences that merely compare one field: right, wrong, and one more such as "missing"."""


def explains_more(feedback: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether feedback explains, rather than naming what was expected and what came.

    `rows` are the labels and answers that the feedback is about. Their values are taken out of each sentence;
    feedback that only compares is then left with a few sentences per field, whatever the row. None where
    there is too little of it.
    """
    texts = [text for text in feedback if text.strip()]
    if len(texts) < _FEWEST:
        return None
    fields: set[str] = set()
    words: set[str] = set()
    for row in rows:
        for field, value in _leaves(row):
            fields.add(field)
            words.update(word.casefold() for word in _LETTERS.findall(value))
    templates = {
        left
        for text in texts
        for sentence in _SENTENCE.split(text)
        if (left := " ".join(w for w in map(str.casefold, _LETTERS.findall(sentence)) if w not in words))
    }
    return len(templates) > _TEMPLATES_PER_FIELD * max(len(fields), 1) + 1


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value inside a label with the path to it; the places of a list count as one."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part, path)
    elif value is not None:
        yield path, str(value)
