"""Which rows two evaluations answer differently: fixed, broken, better, worse; errored ones apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec
import orjson

from ..jsonable import encode_json
from ..runs.rows import RowResult
from .significance import Difference, compare_scores

Change = Literal["fixed", "broken", "better", "worse", "right", "wrong", "errored", "unpaired"]
CHANGES: tuple[Change, ...] = get_args(Change)


class RowPair(msgspec.Struct, frozen=True):
    """One row under both candidates; a side is None where it has no such row."""

    row: int
    """Its number in the split, of the side that has it, `after` first."""
    change: Change
    before: RowResult | None
    after: RowResult | None

    @property
    def shown(self) -> RowResult:
        """The side that tells inputs and labels."""
        shown = self.after if self.after is not None and self.after.inputs else self.before or self.after
        assert shown is not None, "a pair has a side"
        return shown


class RowChanges(msgspec.Struct, frozen=True):
    """Every row of two evaluations, side by side, and what the change amounts to."""

    pairs: list[RowPair]
    """The rows that changed first: fixed, broken, better, worse; then the others, each group by row."""
    counts: dict[str, int]
    """Rows by change; every kind is there."""
    difference: Difference
    """Over the rows that both sides scored."""
    errored_before: int = 0
    errored_after: int = 0

    def of(self, *kinds: Change) -> list[RowPair]:
        return [pair for pair in self.pairs if pair.change in kinds]


def compare_rows(
    before: Sequence[RowResult], after: Sequence[RowResult], *, threshold: float = 1.0, seed: int = 0
) -> RowChanges:
    """Pair the rows of two evaluations and say what became of each.

    A row is right from `threshold` on: right after wrong is `fixed`, wrong after right `broken`. A graded
    score that moved without crossing it is `better` or `worse`; `right` and `wrong` stayed as they were. A
    row that errored on either side is `errored`: it is compared with nothing. `unpaired` rows are in one
    evaluation only.
    """
    pairs = [_pair(left, right, threshold) for left, right in pair_rows(before, after)]
    pairs.sort(key=lambda pair: (CHANGES.index(pair.change), pair.row))
    scored = [
        (pair.before.score, pair.after.score)
        for pair in pairs
        if pair.before is not None
        and pair.after is not None
        and pair.before.score is not None
        and pair.after.score is not None
    ]
    counts = Counter(pair.change for pair in pairs)
    return RowChanges(
        pairs,
        {kind: counts[kind] for kind in CHANGES},
        compare_scores([left for left, _ in scored], [right for _, right in scored], seed=seed),
        sum(row.score is None for row in before),
        sum(row.score is None for row in after),
    )


def pair_rows(
    before: Iterable[RowResult], after: Iterable[RowResult]
) -> list[tuple[RowResult | None, RowResult | None]]:
    """Rows of the same content, however they are numbered; copies of one row pair up in their order.

    Rows that were kept without content pair by their number.
    """
    left, right = list(before), list(after)
    by_content = all(row.inputs or row.labels for row in (*left, *right))
    names = [_Names(by_content), _Names(by_content)]
    lefts = {names[0].take(row): row for row in left}
    rights = {names[1].take(row): row for row in right}
    return [(lefts.get(name), rights.get(name)) for name in {**lefts, **rights}]


class _Names:
    """A name for each row, the same in both evaluations."""

    def __init__(self, by_content: bool) -> None:
        self._by_content = by_content
        self._seen: Counter[bytes] = Counter()

    def take(self, row: RowResult) -> tuple[bytes, int]:
        if not self._by_content:
            return b"", row.row
        content = encode_json([row.inputs, row.labels], orjson.OPT_SORT_KEYS)
        self._seen[content] += 1
        return content, self._seen[content]


def _pair(before: RowResult | None, after: RowResult | None, threshold: float) -> RowPair:
    number = after.row if after is not None else before.row if before is not None else 0
    if before is None or after is None:
        return RowPair(number, "unpaired", before, after)
    return RowPair(number, _name_change(before.score, after.score, threshold), before, after)


def _name_change(before: float | None, after: float | None, threshold: float) -> Change:
    if before is None or after is None:
        return "errored"
    was_right, is_right = before >= threshold, after >= threshold
    if was_right != is_right:
        return "fixed" if is_right else "broken"
    if before != after:
        return "better" if after > before else "worse"
    return "right" if is_right else "wrong"
