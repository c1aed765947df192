import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.results.significance import (
    compare_scores,
    is_binary,
    mcnemar_exact,
    paired_permutation,
    score_interval,
    wilson_interval,
)

graded = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 3))
zero_one = st.sampled_from([0.0, 1.0])


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    # Two-sided exact binomial with p = 1/2, as any table of the sign test gives it.
    [(0, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 0.109375), (10, 10, 1.0), (3, 1, 0.625)],
)
def test_mcnemar_gives_the_exact_binomial_p(fixed, broken, p):
    assert mcnemar_exact(fixed, broken) == pytest.approx(p)
    assert mcnemar_exact(broken, fixed) == pytest.approx(p)


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_a_probability_for_any_counts(fixed, broken):
    assert 0 < mcnemar_exact(fixed, broken) <= 1 or min(fixed, broken) < abs(fixed - broken)
    assert 0 <= mcnemar_exact(fixed, broken) <= 1


def test_wilson_matches_published_values():
    # E. B. Wilson's interval for 15 of 148: 6.2 % to 16.0 % (Newcombe 1998, table I).
    interval = wilson_interval(15, 148)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0624, 0.1605)
    none = wilson_interval(0, 20)
    assert none.low == 0
    assert round(none.high, 4) == 0.1611


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_inside(counts):
    successes, size = counts
    interval = wilson_interval(successes, size)
    assert 0 <= interval.low <= successes / size + 1e-12
    assert successes / size - 1e-12 <= interval.high <= 1
    assert interval.low < interval.high


@settings(deadline=None)
@given(st.lists(graded, min_size=1, max_size=60))
def test_an_interval_holds_its_mean_and_repeats(scores):
    interval = score_interval(scores)
    assert interval is not None
    assert min(scores) - 1e-9 <= interval.low <= interval.high <= max(scores) + 1e-9 or is_binary(scores)
    assert interval == score_interval(scores)
    assert interval.method == ("wilson" if is_binary(scores) else "bootstrap")


def test_no_scores_have_no_interval():
    assert score_interval([]) is None


@settings(deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=1, max_size=10))
def test_the_permutation_test_is_exact_for_few_differences(steps):
    """Against the definition: the share of sign patterns whose sum is at least as large."""
    values = [step / 8 for step in steps]
    nonzero = [value for value in values if value]
    patterns = [
        sum(v if pattern >> i & 1 else -v for i, v in enumerate(nonzero))
        for pattern in range(2 ** len(nonzero))
    ]
    expected = sum(abs(s) >= abs(sum(nonzero)) - 1e-12 for s in patterns) / len(patterns)
    assert paired_permutation(values) == pytest.approx(expected)


def test_drawn_permutations_come_near_the_exact_p():
    """For differences of one size the exact p is the sign test's."""
    differences = [0.5] * 26 + [-0.5] * 14
    assert paired_permutation(differences) == pytest.approx(mcnemar_exact(26, 14), abs=0.02)
    assert paired_permutation([0.5] * 200) == pytest.approx(1 / 4001)


@settings(deadline=None)
@given(st.lists(st.tuples(graded, graded), max_size=40))
def test_a_comparison_turns_around_with_its_sides(pairs):
    before, after = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = compare_scores(before, after), compare_scores(after, before)
    assert there.rows == len(pairs)
    if not pairs:
        assert (there.verdict, there.mean, there.p) == ("no rows", None, None)
        return
    assert there.mean == pytest.approx(-back.mean)
    assert there.low <= there.high
    assert 0 < there.p <= 1
    assert {there.verdict, back.verdict} in ({"better", "worse"}, {"not told apart"})


@settings(deadline=None)
@given(st.lists(st.tuples(zero_one, zero_one), min_size=1, max_size=60))
def test_only_rows_that_changed_decide_between_zero_and_one(pairs):
    difference = compare_scores([a for a, _ in pairs], [b for _, b in pairs])
    fixed = sum(a < b for a, b in pairs)
    broken = sum(a > b for a, b in pairs)
    assert difference.test == "mcnemar"
    assert difference.p == mcnemar_exact(fixed, broken)
    assert difference.mean == pytest.approx((fixed - broken) / len(pairs))


def test_chance_is_called_better_as_rarely_as_promised():
    """Of 200 pairs of equally good candidates at most about one in twenty is told apart."""
    generator = random.Random(1)
    wrong = 0
    for _ in range(200):
        before = [float(generator.random() < 0.6) for _ in range(80)]
        after = [float(generator.random() < 0.6) for _ in range(80)]
        wrong += (
            mcnemar_exact(
                sum(a < b for a, b in zip(before, after, strict=True)),
                sum(a > b for a, b in zip(before, after, strict=True)),
            )
            < 0.05
        )
    assert wrong <= 20


def test_many_rows_take_no_time_and_no_memory():
    scores = [0.25, 0.5, 1.0] * 20_000
    interval = score_interval(scores)
    assert interval is not None
    assert math.isclose((interval.low + interval.high) / 2, sum(scores) / len(scores), abs_tol=0.01)
