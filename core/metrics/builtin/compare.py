"""How alike two values are, from 0 to 1, with a few words on what differs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

Comparison = Callable[[Any, Any], "Likeness"]
_NUMBER = re.compile(
    r"[-+]?(?:\d{1,3}(?:[,_ ]\d{3})+(?!\d)|\d+|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII
)


class Likeness(NamedTuple):
    """How alike, and what differs (empty when 'expected x, got y' says it all)."""

    score: float
    note: str = ""


def plain_value(value: Any) -> Any:
    """Enums by their value, pydantic models and examples as mappings, sets and tuples as lists."""
    if isinstance(value, Enum):
        return plain_value(value.value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "toDict"):
        return value.toDict()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return list(value) if isinstance(value, tuple) else value


def is_equal(expected: Any, got: Any) -> bool:
    """Equal values; a text from a data file equals the number or truth value it spells."""
    expected, got = plain_value(expected), plain_value(got)
    if expected == got:
        return True
    if isinstance(expected, str) != isinstance(got, str):
        text, value = (expected, got) if isinstance(expected, str) else (got, expected)
        return isinstance(value, (bool, int, float)) and text.strip().lower() == str(value).lower()
    return False


def compare_exactly(expected: Any, got: Any) -> Likeness:
    return Likeness(float(is_equal(expected, got)))


def compare_normalized(expected: Any, got: Any) -> Likeness:
    """Same text but for case, accents, punctuation, articles and spaces; any of a list of answers."""
    return Likeness(float(any(_normalize(one) == _normalize(got) for one in _answers(expected))))


def compare_containing(expected: Any, got: Any) -> Likeness:
    """The expected text stands somewhere in the answer, whole words, normalized; any one of a list."""
    text = f" {_normalize(got)} "
    found = any(f" {_normalize(one)} " in text for one in _answers(expected) if _normalize(one))
    return Likeness(float(found), "" if found else "The answer does not contain what is expected.")


def compare_tokens(expected: Any, got: Any) -> Likeness:
    """F1 of the shared words (normalized), against the best of the right answers."""
    return Likeness(max(_token_f1(one, got) for one in _answers(expected)))


def compare_numbers(expected: Any, got: Any, absolute: float = 0.0, relative: float = 0.0) -> Likeness:
    """1 within the larger of the tolerances, else 0. A number is read out of a text such as '$1,200.50'."""
    wanted, found = read_number(expected), read_number(got)
    if wanted is None:
        return Likeness(0.0, f"The label {expected!r} holds no number.")
    if found is None:
        return Likeness(0.0, "The answer holds no number.")
    if math.isclose(wanted, found, rel_tol=relative, abs_tol=max(absolute, 1e-12)):
        return Likeness(1.0)
    return Likeness(0.0, f"Off by {abs(wanted - found):g}.")


def compare_sets(expected: Any, got: Any, part: str = "f1") -> Likeness:
    """Precision, recall or F1 of the items, order and repeats aside."""
    wanted, found = _items(expected), _items(got)
    missing = [text for key, text in wanted.items() if key not in found]
    extra = [text for key, text in found.items() if key not in wanted]
    shared = len(wanted) - len(missing)
    precision = shared / len(found) if found else float(not wanted)
    recall = shared / len(wanted) if wanted else float(not found)
    score = {"precision": precision, "recall": recall, "f1": _harmonic(precision, recall)}[part]
    notes = []
    if missing:
        notes.append(f"Missing: {', '.join(missing[:20])}.")
    if extra:
        notes.append(f"Too many: {', '.join(extra[:20])}.")
    return Likeness(score, " ".join(notes))


def compare_edits(expected: Any, got: Any) -> Likeness:
    """1 minus the Levenshtein distance over the longer text's length, against the best right answer."""
    from rapidfuzz.distance import Levenshtein

    answers = [str(plain_value(one)) for one in _answers(expected)]
    return Likeness(max(Levenshtein.normalized_similarity(one, str(plain_value(got))) for one in answers))


def compare_rouge(expected: Any, got: Any) -> Likeness:
    """ROUGE-L: F1 of the longest common subsequence of normalized words (Lin 2004), best right answer."""
    from rapidfuzz.distance import LCSseq

    found = _normalize(got).split()
    best = 0.0
    for one in _answers(expected):
        wanted = _normalize(one).split()
        if not wanted or not found:
            best = max(best, float(wanted == found))
            continue
        shared = LCSseq.similarity(wanted, found)
        best = max(best, _harmonic(shared / len(found), shared / len(wanted)))
    return Likeness(best)


def compare_pattern(expected: Any, got: Any, pattern: re.Pattern[str]) -> Likeness:
    """1 when the pattern is found in the answer; the label is not looked at."""
    if pattern.search(str(plain_value(got))):
        return Likeness(1.0)
    return Likeness(0.0, f"The answer does not match /{pattern.pattern}/.")


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings and lists, each with its path: `address.city`, `items[0].price`."""
    value = plain_value(value)
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield path, value


def read_number(value: Any) -> float | None:
    """A number, or the first one in a text; None where there is none."""
    value = plain_value(value)
    if isinstance(value, (bool, int, float)):
        return float(value)
    found = _NUMBER.search(str(value))
    return float(re.sub(r"[,_ ]", "", found.group())) if found else None


def _answers(expected: Any) -> list[Any]:
    expected = plain_value(expected)
    return expected if isinstance(expected, list) and expected else [expected]


def _normalize(value: Any) -> str:
    from dspy.evaluate.metrics import normalize_text

    text = str(plain_value(value))
    # A text of nothing but articles or punctuation, such as the choice "A", still says something.
    return str(normalize_text(text)) or text.strip().casefold()


def _token_f1(expected: Any, got: Any) -> float:
    wanted, found = Counter(_normalize(expected).split()), Counter(_normalize(got).split())
    if not wanted or not found:
        return float(wanted == found)
    shared = (wanted & found).total()
    return _harmonic(shared / found.total(), shared / wanted.total())


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _items(value: Any) -> dict[Hashable, str]:
    value = plain_value(value)
    if value is None or value == "":
        return {}
    items = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    texts = [str(plain_value(item)) for item in items]
    return {text.strip().casefold(): repr(text) for text in texts}
