"""How far a score can be trusted: intervals of one score, and tests of the difference of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import numpy

CONFIDENCE = 0.95
RESAMPLES = 4_000
FEWEST_RESAMPLES = 1_000
"""For many rows, whose mean is close to normal: enough for the two digits that are shown."""
EXACT_SIGN_FLIPS = 14
"""Up to this many differing rows every assignment of signs is counted (2^14); beyond, they are drawn."""
_CELLS = 2_000_000
"""Numbers drawn at a time, to keep the memory of a resampling under 16 MB."""
_DRAWS = 20_000_000
"""Numbers drawn in all, where 4,000 resamples would take more: a fraction of a second."""

Verdict = Literal["better", "worse", "not told apart", "no rows"]


class Interval(msgspec.Struct, frozen=True):
    """Where the true mean lies with 95 % confidence, both ends as the score's own unit."""

    low: float
    high: float
    method: Literal["wilson", "bootstrap"]


class Difference(msgspec.Struct, frozen=True):
    """The mean change of a score over the rows that both sides scored."""

    mean: float | None
    """After minus before; None where no row was scored by both."""
    low: float | None
    high: float | None
    """95 % interval of the mean change, by paired bootstrap."""
    p: float | None
    """Chance of a change at least this large if both were equally good; two-sided."""
    test: Literal["mcnemar", "permutation", "none"]
    rows: int
    verdict: Verdict


def score_interval(scores: Sequence[float], *, seed: int = 0) -> Interval | None:
    """95 % interval of the mean: Wilson's for scores of 0 and 1, percentile bootstrap for graded ones.

    None without scores.
    """
    if not scores:
        return None
    if is_binary(scores):
        return wilson_interval(round(sum(scores)), len(scores))
    low, high = _bootstrap_mean(scores, seed)
    return Interval(low, high, "bootstrap")


def is_binary(scores: Sequence[float]) -> bool:
    return all(score in (0.0, 1.0) for score in scores)


def wilson_interval(successes: int, size: int) -> Interval:
    """Wilson's score interval of a proportion, from 0 to 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927):
    (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Keeps to [0, 1] and has width at 0 and n successes.
    """
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share = successes / size
    middle = share + z * z / (2 * size)
    reach = z * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    # At the ends the formula gives exactly 0 and 1, which rounding misses.
    low = (middle - reach) / scale if successes else 0.0
    high = (middle + reach) / scale if successes < size else 1.0
    return Interval(low, high, "wilson")


def mcnemar_exact(fixed: int, broken: int) -> float:
    """Two-sided p of McNemar's exact test: only the rows where the two disagree say which is better.

    Q. McNemar, Psychometrika 12 (1947), with the exact binomial instead of chi-squared: if both are equally
    good, `fixed` follows Binomial(fixed + broken, 1/2); p = 2·P(X ≤ min(fixed, broken)), at most 1.
    """
    total = fixed + broken
    if total == 0:
        return 1.0
    # Integers, as floats of 2^total overflow beyond 1,023 rows; each binomial from the one before it.
    tail = ways = 1
    for k in range(min(fixed, broken)):
        ways = ways * (total - k) // (k + 1)
        tail += ways
    return min(1.0, (2 * tail) / (1 << total))


def paired_permutation(differences: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p of the paired sign-flip permutation test on a mean difference.

    R. A. Fisher, "The Design of Experiments" (1935): if both are equally good, each difference could as well
    have had the other sign. Exact up to 14 differences that are not zero; else from 4,000 draws, with the
    observed one counted among them (Phipson and Smyth 2010), so that p is never 0.
    """
    import numpy

    given = numpy.asarray([value for value in differences if value], dtype=float)
    if not len(given):
        return 1.0
    observed = abs(given.sum())
    # Sums of the same numbers in another order differ in the last digits: these still count as equal.
    least = observed - 1e-9 * max(1.0, numpy.abs(given).sum())
    if len(given) <= EXACT_SIGN_FLIPS:
        patterns = numpy.arange(1 << len(given))[:, None] >> numpy.arange(len(given)) & 1
        sums = numpy.abs((2 * patterns - 1) @ given)
        return float((sums >= least).mean())
    generator = numpy.random.default_rng(seed)
    hits = 0
    for draws in _batches(len(given)):
        signs = 2 * generator.integers(0, 2, size=(draws, len(given)), dtype=numpy.int8) - 1
        hits += int((numpy.abs(signs @ given) >= least).sum())
    return (hits + 1) / (_resamples(len(given)) + 1)


def compare_scores(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> Difference:
    """The mean change over paired rows, its interval and whether it is more than chance.

    `before` and `after` hold the two scores of each row. McNemar's exact test for scores of 0 and 1, the
    paired permutation test for graded ones; the change counts where p < 0.05. Raises `ValueError` where the
    two are not equally long.
    """
    pairs = list(zip(before, after, strict=True))
    if not pairs:
        return Difference(None, None, None, None, "none", 0, "no rows")
    changes = [right - left for left, right in pairs]
    mean = math.fsum(changes) / len(changes)
    test: Literal["mcnemar", "permutation"]
    if is_binary(before) and is_binary(after):
        p, test = mcnemar_exact(sum(c > 0 for c in changes), sum(c < 0 for c in changes)), "mcnemar"
    else:
        p, test = paired_permutation(changes, seed=seed), "permutation"
    low, high = _bootstrap_mean(changes, seed)
    verdict: Verdict = "not told apart"
    if p < 1 - CONFIDENCE and mean:
        verdict = "better" if mean > 0 else "worse"
    return Difference(mean, low, high, p, test, len(pairs), verdict)


def _bootstrap_mean(values: Sequence[float], seed: int) -> tuple[float, float]:
    """Percentile bootstrap of a mean (B. Efron 1979), 1,000 to 4,000 resamples, the same for a seed."""
    import numpy

    given = numpy.asarray(values, dtype=float)
    generator = numpy.random.default_rng(seed)
    means = numpy.concatenate(
        [
            given[generator.integers(0, len(given), size=(draws, len(given)))].mean(axis=1)
            for draws in _batches(len(given))
        ]
    )
    low, high = _quantiles(means)
    return low, high


def _quantiles(means: numpy.ndarray) -> tuple[float, float]:
    import numpy

    tail = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _resamples(width: int) -> int:
    return max(FEWEST_RESAMPLES, min(RESAMPLES, _DRAWS // max(1, width)))


def _batches(width: int) -> list[int]:
    """How many resamples to draw at a time."""
    resamples = _resamples(width)
    most = max(1, min(resamples, _CELLS // max(1, width)))
    full, rest = divmod(resamples, most)
    return [most] * full + ([rest] if rest else [])
