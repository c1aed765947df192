"""The splitter: exact sizes, classes in proportion, groups whole, decided rows unmoved."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.apportion import round_matrix, share_out
from core.data.split import UNUSED, Unit, assign_parts, bin_strata, part_sizes
from core.errors import DataError
from core.recipe import SplitSpec

FRACTIONS = st.sampled_from(
    [(0.6, 0.2, 0.2), (0.5, 0.2, 0.3), (0.8, 0.1, 0.1), (0.7, 0.3, 0.0), (0.34, 0.33, 0.33)]
)
CLASSES = st.lists(st.integers(0, 5), min_size=1, max_size=120)


def _spec(fractions: tuple[float, float, float], seed: int = 0) -> SplitSpec:
    train, val, test = fractions
    return SplitSpec(train=train, val=val, test=test, seed=seed)


def _units(classes: list[int], start: int = 0) -> list[Unit]:
    return [Unit(key=f"k{start + i}", stratum=kind) for i, kind in enumerate(classes)]


def _assign(units: list[Unit], spec: SplitSpec, decided: dict[str, str] | None = None) -> dict[str, str]:
    parts = assign_parts(units, part_sizes(spec, len(units)), seed=spec.seed, decided=decided)
    return {unit.key: part for unit, part in zip(units, parts, strict=True)}


@given(CLASSES, FRACTIONS, st.integers(0, 3))
def test_sizes_are_exact_and_every_class_within_one_row_of_its_share(
    classes: list[int], fractions: tuple[float, float, float], seed: int
) -> None:
    spec = _spec(fractions, seed)
    units = _units(classes)
    sizes = part_sizes(spec, len(units))
    parts = _assign(units, spec)
    held = Counter(parts.values())
    assert all(held[part] == size for part, size in sizes.items())
    assert sum(sizes.values()) == len(units)
    for kind, total in Counter(classes).items():
        for part, size in sizes.items():
            count = sum(parts[unit.key] == part for unit in units if unit.stratum == kind)
            assert abs(count - total * size / len(units)) < 1 + 1e-6


@given(CLASSES, FRACTIONS, st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(
    classes: list[int], fractions: tuple[float, float, float], order: random.Random
) -> None:
    units = _units(classes)
    shuffled = list(units)
    order.shuffle(shuffled)
    assert _assign(units, _spec(fractions)) == _assign(shuffled, _spec(fractions))


@given(CLASSES, CLASSES, FRACTIONS)
def test_decided_rows_stay_and_the_whole_comes_as_near_as_it_can(
    first: list[int], more: list[int], fractions: tuple[float, float, float]
) -> None:
    spec = _spec(fractions)
    before = _assign(_units(first), spec)
    units = _units(first) + _units(more, start=len(first))
    after = _assign(units, spec, decided=before)
    assert all(after[key] == part for key, part in before.items())
    sizes, held = part_sizes(spec, len(units)), Counter(after.values())
    assert all(abs(held[part] - size) <= 1 for part, size in sizes.items())


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=120),
    FRACTIONS,
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 3)), max_size=40),
)
def test_groups_never_straddle_even_when_they_grow(
    rows: list[tuple[int, int]], fractions: tuple[float, float, float], more: list[tuple[int, int]]
) -> None:
    def units_of(pairs: list[tuple[int, int]], start: int) -> list[Unit]:
        return [
            Unit(key=f"k{start + i}", stratum=kind, links=(group,)) for i, (group, kind) in enumerate(pairs)
        ]

    spec = _spec(fractions)
    first = units_of(rows, 0)
    before = _assign(first, spec)
    units = first + units_of(more, len(rows))
    after = _assign(units, spec, decided=before)
    for assigned, pool in ((before, first), (after, units)):
        homes: dict[object, set[str]] = {}
        for unit in pool:
            homes.setdefault(unit.links[0], set()).add(assigned[unit.key])
        assert all(len(parts) == 1 for parts in homes.values())
    largest = max(Counter(group for group, _ in rows).values())
    sizes, held = part_sizes(spec, len(rows)), Counter(before.values())
    assert all(held[part] - size <= largest for part, size in sizes.items())


def test_small_groups_come_near_the_sizes_and_the_classes() -> None:
    rows = [(group, group % 3) for group in range(60) for _ in range(1 + group % 4)]
    units = [Unit(key=str(i), stratum=kind, links=(group,)) for i, (group, kind) in enumerate(rows)]
    spec = SplitSpec(train=0.6, val=0.2, test=0.2)
    parts = _assign(units, spec)
    sizes, held = part_sizes(spec, len(units)), Counter(parts.values())
    assert all(abs(held[part] - size) <= 2 for part, size in sizes.items())
    for kind in range(3):
        counts = Counter(parts[unit.key] for unit in units if unit.stratum == kind)
        total = counts.total()
        assert all(abs(counts[p] - total * s) <= 4 for p, s in (("train", 0.6), ("val", 0.2), ("test", 0.2)))


@pytest.mark.parametrize(("rows", "covered"), [(3, 3), (4, 3), (5, 3), (2, 2)])
def test_a_small_class_is_in_every_part_where_it_can_be(rows: int, covered: int) -> None:
    units = _units([0] * 57 + [1] * rows)
    parts = _assign(units, SplitSpec(train=0.6, val=0.2, test=0.2))
    held = {parts[unit.key] for unit in units if unit.stratum == 1}
    assert len(held) == covered


def test_seeds_give_different_splits() -> None:
    units = _units([0] * 40)
    assert len({tuple(_assign(units, SplitSpec(seed=seed)).values()) for seed in range(8)}) == 8


def test_linked_copies_follow_a_decided_row() -> None:
    units = [Unit(key="a", links=("x",)), Unit(key="b", links=("x",)), Unit(key="c")]
    parts = _assign(units, SplitSpec(train=0.4, val=0.3, test=0.3), decided={"a": "test"})
    assert parts["b"] == "test"


def test_many_classes_take_no_more_than_a_moment() -> None:
    units = [Unit(key=str(i), stratum=i // 2) for i in range(20_000)]
    parts = _assign(units, SplitSpec())
    assert Counter(parts.values()) == {"train": 12_000, "val": 4_000, "test": 4_000}


@given(st.lists(st.floats(0, 50), min_size=1, max_size=8))
def test_shared_out_numbers_add_up(shares: list[float]) -> None:
    total = round(sum(shares))
    shared = share_out(shares, total)
    assert sum(shared) == total
    assert all(abs(whole - share) <= 1 + 1e-6 for whole, share in zip(shared, shares, strict=True))


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
    st.lists(st.integers(0, 40), min_size=2, max_size=4),
)
def test_rounded_tables_keep_their_sums(rows: list[int], weights: list[int]) -> None:
    whole = sum(weights) or 1
    table = [
        [count * weight / whole for weight in weights]
        if sum(weights)
        else [count, *[0.0] * (len(weights) - 1)]
        for count in rows
    ]
    rounded = round_matrix(table, [[False] * len(weights) for _ in rows])
    assert [sum(row) for row in rounded] == rows
    for column, exact in zip(zip(*rounded, strict=True), zip(*table, strict=True), strict=True):
        assert abs(sum(column) - sum(exact)) < 1 + 1e-6
    for line, exact_line in zip(rounded, table, strict=True):
        assert all(abs(a - b) < 1 + 1e-6 for a, b in zip(line, exact_line, strict=True))


@pytest.mark.parametrize(
    ("spec", "parts", "sizes"),
    [
        (SplitSpec(train=0.6, val=0.2, test=0.2), ("train", "val", "test"), (60, 20, 20, 0)),
        (SplitSpec(train=50, val=12, test=20), ("train", "val", "test"), (50, 12, 20, 18)),
        (SplitSpec(train=0.5, val=12, test=0.2), ("train", "val", "test"), (50, 12, 20, 18)),
        (SplitSpec(train=0.7, val=50, test=0.3), ("train", "val", "test"), (35, 50, 15, 0)),
        (SplitSpec(train=0.6, val=0.2, test=0.2), ("train", "val"), (75, 25, 0)),
        (SplitSpec(train=0.6, val=12, test=0.2), ("train", "val"), (88, 12, 0)),
        (SplitSpec(train=1, val=0, test=0), ("train", "val", "test"), (100, 0, 0, 0)),
    ],
)
def test_part_sizes(spec: SplitSpec, parts: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    assert tuple(part_sizes(spec, 100, parts).values()) == sizes
    assert list(part_sizes(spec, 100, parts))[-1] == UNUSED


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="more than the whole"):
        part_sizes(SplitSpec(train=0.9, val=0.5, test=0.1), 100)
    with pytest.raises(DataError, match="asks for 120 rows and there are 100"):
        part_sizes(SplitSpec(train=100, val=10, test=10), 100)
    with pytest.raises(DataError):
        part_sizes(SplitSpec(train=float("nan")), 100)


def test_numbers_are_binned_and_classes_are_not() -> None:
    bins = Counter(bin_strata(list(range(100))))
    assert sorted(bins.values()) == [20, 20, 20, 20, 20]
    assert len(set(bin_strata([1, 2, 3] * 20))) == 3
    assert len(set(bin_strata([*range(50), "x"]))) == 51
    assert bin_strata([*map(float, range(20)), None])[-1] is None
