"""What is measured once about a program, its data, its metric and its models; plans are arithmetic on it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from ..errors import OptimizerError

_CHARACTERS_PER_TOKEN = 4
_NO_TREND = 2
"""So many texts show no trend yet."""
Reflection = Literal["accepted", "rejected", "skipped"]


class PredictorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One predictor of the program."""

    name: str
    calls: float = 1.0
    """LM calls of this predictor in one program run (more than 1 in loops)."""
    variety: float | None = None
    """How many different requests it makes on endless rows, few where it reads labels found before it; None
    where none repeated."""
    reads: tuple[str, ...] = ()
    """Predictors whose answers it is given."""
    alternatives: float | None = 1.0
    """How many different inputs one row can give it, as the prompts before it change; None: endless ones."""


class Texts(msgspec.Struct, frozen=True):
    """What an optimizer's proposer or reflection model wrote when it was tried."""

    count: int
    different: int
    tokens: float
    """Mean length of a text."""
    first: float = 0.0
    growth: float = 0.0
    """The n-th text for a predictor is about first + growth · ln n long: each builds on the one before."""

    @property
    def different_share(self) -> float:
        return self.different / self.count if self.count else 1.0

    def expect_tokens(self, rewritings: float) -> float:
        """Mean length of so many texts for one predictor; ln n is (ln n!) / n on average."""
        count = max(rewritings, 1.0)
        return self.first + self.growth * math.lgamma(count + 1) / count


class FirstTrials(msgspec.Struct, frozen=True):
    """The trials that MIPROv2 draws before its sampler has learned anything: known from the seed."""

    instructions: int
    demo_sets: int
    draws: tuple[tuple[tuple[int, int], ...], ...]
    """By trial and predictor: which instruction and which set of demonstrations (-1: there are none)."""
    lengths: tuple[tuple[float, ...], ...]
    """Tokens of the instructions, by predictor."""


class Walk(msgspec.Struct, frozen=True):
    """A bootstrap that was really tried: which attempts of the teacher came out right, in order."""

    key: str
    """Identifies the bootstrap: `BootstrapSet.key`."""
    outcomes: tuple[bool, ...]
    complete: bool = False
    """Whether it ended by itself, because enough rows came out right or all were tried."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Measured facts; None means nobody measured it yet."""

    train: int | None = None
    val: int | None = None
    test: int | None = None
    predictors: tuple[PredictorFacts, ...] = ()
    direct_calls: float = 0.0
    """LM calls of one program run that no predictor makes."""
    calls_spread: float = 0.0
    """How much the LM calls of one program run vary: standard deviation over mean."""
    success_rate: float | None = None
    """Part of the rows that reach the metric's threshold with the unoptimized program, 0 to 1."""
    perfect_rate: float | None = None
    """Part of the rows with a score of 1 with the unoptimized program, 0 to 1."""
    mean_score: float | None = None
    """Mean of the metric over the rows with the unoptimized program, 0 to 1."""
    walks: tuple[Walk, ...] = ()
    """Bootstraps tried beforehand (`core.optimizers.probe`)."""
    reflections: tuple[Reflection, ...] = ()
    """What became of GEPA's iterations, in order: a probe's, or those of a past run."""
    attempts_per_answer: float | None = None
    """Teacher runs before each answer of a KNNFewShot program, from a probe."""
    better_share: float | None = None
    """Part of the programs this optimizer tries that score better than the program as it is, from a probe."""
    texts: Texts | None = None
    """Instructions, rules or advice that this optimizer had written when it was tried."""
    instruction_tokens: float = 0.0
    """Mean length of the instructions the predictors have now."""
    first_trials: FirstTrials | None = None
    new_share: float | None = None
    """New requests of the student when the optimizer was tried on a few rows, as a part of those it made to
    score candidates for the first time."""
    changed_share: float | None = None
    """Part of the program's requests that change when one predictor is rewritten, from such a trial."""
    feedback: bool | None = None
    """Whether the metric says in words what was wrong."""
    judge_calls: float = 0.0
    """LM calls the metric itself makes each time it is called."""
    retry_rate: float = 0.0
    """Extra LM calls per call, made because an answer did not parse in the first format."""
    error_rate: float = 0.0
    """Part of the program runs that end with an error."""
    num_threads: int = 8
    seed: int = 0

    def check_measured(self) -> None:
        """Raise `OptimizerError` where what every plan stands on was never measured."""
        _ = self.calls_per_run, self.sizes

    @property
    def calls_per_run(self) -> float:
        """LM calls the program asks for in one run, repeats after unreadable answers included."""
        if not self.predictors:
            raise _unmeasured("how many LM calls the program makes")
        return (self.direct_calls + sum(predictor.calls for predictor in self.predictors)) * (
            1.0 + self.retry_rate
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows of train, val and test."""
        if self.train is None or self.val is None:
            raise _unmeasured("how many rows the splits have")
        return self.train, self.val, self.test or 0


def count_tokens(text: str) -> float:
    """About the tokens of a text: four characters are one, as in English prose."""
    return len(text) / _CHARACTERS_PER_TOKEN


def fit_growth(texts: Sequence[tuple[str, str]], *, grows: bool = True) -> Texts | None:
    """What was written, as (component, text) in order; None for nothing.

    Where one text for a component builds on the one before, their lengths are fitted by least squares over
    ln n.
    """
    if not texts:
        return None
    import statistics

    lengths = [count_tokens(text) for _, text in texts]
    mean = statistics.fmean(lengths)
    count, different = len(texts), len({text for _, text in texts})
    seen: Counter[str] = Counter()
    places = []
    for component, _ in texts:
        seen[component] += 1
        places.append(math.log(seen[component]))
    if not grows or max(seen.values()) <= _NO_TREND:
        return Texts(count, different, mean, first=mean)
    slope = max(0.0, statistics.linear_regression(places, lengths).slope)
    return Texts(count, different, mean, first=mean - slope * statistics.fmean(places), growth=slope)


def _unmeasured(what: str) -> OptimizerError:
    return OptimizerError(
        f"nobody has measured yet {what}",
        where="the facts of this workspace",
        fix="measure the program first (`compilot estimate` does it by itself)",
    )
