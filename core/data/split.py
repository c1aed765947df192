"""Splits rows into parts: exact sizes, every class in proportion, groups whole, decided rows never moved."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from ..errors import DataError
from ..recipe import SPLITS, SplitSpec
from .apportion import fill, round_matrix, share_out
from .cells import cell_text

UNUSED = "unused"
"""Where rows go when the parts do not add up to the whole."""
_MAX_BINS = 5
_MANY_VALUES = 10


class Unit(msgspec.Struct, frozen=True):
    """One row as the splitter sees it."""

    key: str
    """Identity that survives reordering and growth of the file."""
    stratum: Hashable = None
    links: tuple[Hashable, ...] = ()
    """Rows that share a link never straddle two parts."""


def part_sizes(spec: SplitSpec, total: int, parts: Sequence[str] = SPLITS) -> dict[str, int]:
    """Rows for each part, and for `unused`: numbers up to 1 are fractions of `total`, larger ones counts.

    Counts come first: fractions that do not fit beside them share out what is left. Where only some of the
    parts are asked for, fractions share out all that is left.
    Raises `DataError` when they ask for more than there is.
    """
    wanted = {part: float(getattr(spec, part)) for part in parts}
    listed = ", ".join(f"{part} {size:g}" for part, size in wanted.items())
    if any(size < 0 or not math.isfinite(size) for size in wanted.values()):
        raise DataError(f"a part cannot have this size: {listed}", where="data.split")
    counts = {part: round(size) for part, size in wanted.items() if size > 1}
    fractions = {part: size for part, size in wanted.items() if size <= 1}
    whole = sum(fractions.values())
    if whole > 1 + 1e-9:
        raise DataError(
            f"the parts add up to more than the whole: {listed}",
            where="data.split",
            fix="make the fractions add up to 1; a number above 1 is a count of rows",
        )
    left = total - sum(counts.values())
    if left < 0:
        raise DataError(
            f"the split asks for {total - left:,} rows and there are {total:,}: {listed}",
            where="data.split",
            fix="ask for fewer rows, or give fractions",
        )
    fitting = left / whole if whole else 0.0
    scale = fitting if len(parts) < len(SPLITS) else min(total, fitting)
    exact = [size * scale for size in fractions.values()]
    shared = dict(zip(fractions, share_out(exact, round(sum(exact))), strict=True))
    sizes = {part: counts.get(part, shared.get(part, 0)) for part in parts}
    return {**sizes, UNUSED: total - sum(sizes.values())}


def assign_parts(
    units: Sequence[Unit], sizes: Mapping[str, int], *, seed: int, decided: Mapping[str, str] | None = None
) -> list[str]:
    """The part of each unit.

    Depends on the set of units and the seed, not on their order. Part sizes are exact, and every stratum's
    count in every part is within one of its share, unless linked or already decided rows stand in the way;
    then as near as they allow. Units whose key is in `decided` stay, and rows linked to them follow.
    """
    parts = list(sizes)
    place = {part: position for position, part in enumerate(parts)}
    strata = _strata(units)
    tally = _Tally(Counter(strata), list(sizes.values()))
    result: list[int] = [0] * len(units)

    def put(members: Iterable[int], part: int) -> None:
        for member in members:
            result[member] = part
            tally.add(strata[member], part)

    free: list[list[int]] = []
    for members in _cluster(units, seed):
        known = {
            member: place[was]
            for member in members
            if (was := (decided or {}).get(units[member].key)) is not None and was in place
        }
        if known:
            home = Counter(known.values()).most_common(1)[0][0]
            for member in members:
                put((member,), known.get(member, home))
        else:
            free.append(members)
    for members in sorted((group for group in free if len(group) > 1), key=len, reverse=True):
        put(members, tally.best_part(Counter(strata[member] for member in members)))
    singles: dict[Hashable, list[int]] = defaultdict(list)
    for members in free:
        if len(members) == 1:
            singles[strata[members[0]]].append(members[0])
    shares = tally.share_singles({stratum: len(rows) for stratum, rows in singles.items()})
    for stratum, counts in shares.items():
        waiting = iter(singles[stratum])
        for part, count in enumerate(counts):
            put(islice(waiting, count), part)
    return [parts[position] for position in result]


class _Tally:
    """How many rows of each stratum each part should have and has."""

    def __init__(self, totals: Mapping[Hashable, int], sizes: Sequence[int]) -> None:
        whole = max(sum(totals.values()), 1)
        self._sizes = sizes
        self._ideal = {s: [count * size / whole for size in sizes] for s, count in totals.items()}
        self._have = {s: [0] * len(sizes) for s in totals}
        self._filled = [0] * len(sizes)

    def add(self, stratum: Hashable, part: int) -> None:
        self._have[stratum][part] += 1
        self._filled[part] += 1

    def best_part(self, counts: Mapping[Hashable, int]) -> int:
        """Where a whole group fits best: least over the part's size, then nearest to the strata's shares."""
        size = sum(counts.values())

        def cost(part: int) -> tuple[float, float]:
            room = self._sizes[part] - self._filled[part]
            strata = sum(
                n * (n + 2 * (self._have[s][part] - self._ideal[s][part])) for s, n in counts.items()
            )
            return (
                max(size - room, 0) if self._sizes[part] else math.inf,
                strata - size * room / len(self._ideal),
            )

        return min(range(len(self._sizes)), key=cost)

    def share_singles(self, counts: Mapping[Hashable, int]) -> dict[Hashable, list[int]]:
        """How many of the rows that are still free go to each part, by stratum."""
        if not counts:
            return {}
        order = sorted(counts, key=repr)
        needs = [max(size - filled, 0) for size, filled in zip(self._sizes, self._filled, strict=True)]
        wanted = [
            [max(ideal - have, 0.0) for ideal, have in zip(self._ideal[s], self._have[s], strict=True)]
            for s in order
        ]
        shares = fill(wanted, [counts[s] for s in order], needs)
        covered = [[have > 0 for have in self._have[s]] for s in order]
        return dict(zip(order, round_matrix(shares, covered), strict=True))


def _cluster(units: Sequence[Unit], seed: int) -> list[list[int]]:
    """Indices of linked units together, in an order that only the seed and the keys decide."""
    parent = list(range(len(units)))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[Hashable, int] = {}
    for index, unit in enumerate(units):
        for link in unit.links:
            parent[find(index)] = find(first.setdefault(link, index))
    clusters: dict[int, list[int]] = defaultdict(list)
    for index in range(len(units)):
        clusters[find(index)].append(index)
    ranks = [_rank(unit.key, seed) for unit in units]
    return sorted(clusters.values(), key=lambda members: min(ranks[member] for member in members))


def _rank(key: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _strata(units: Sequence[Unit]) -> list[Hashable]:
    """Each unit's stratum; classes of one row share one, since no part can hold a share of a single row."""
    counts = Counter(unit.stratum for unit in units)
    return [("class", unit.stratum) if counts[unit.stratum] > 1 else ("rare",) for unit in units]


def bin_strata(values: Sequence[Any]) -> list[Hashable]:
    """A stratum for each value: numbers of many kinds fall into five bins of equal count; else classes."""
    numbers = [value for value in values if _is_number(value)]
    if len(set(numbers)) <= _MANY_VALUES or len(numbers) < len(
        [value for value in values if value is not None]
    ):
        return [_class_of(value) for value in values]
    ordered = sorted(numbers)
    edges = [ordered[len(ordered) * step // _MAX_BINS] for step in range(1, _MAX_BINS)]
    return [("bin", sum(value >= edge for edge in edges)) if _is_number(value) else None for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _class_of(value: Any) -> Hashable:
    return cell_text(value)
