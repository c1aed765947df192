"""What program runs send: how long their prompts grow, and which of their requests were asked before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from .facts import Facts

ANSWERS_CHANGED = 0.5
"""Part of a predictor's answers that another prompt changes, where nobody measured it."""


class Prompts(msgspec.Struct, frozen=True, kw_only=True):
    """Program runs whose prompts are alike, and what their prompts hold besides the program as it is."""

    runs: float
    """Expected program runs."""
    new: float = 1.0
    """Part of their requests that no run before them has asked; the others are answered from the journal."""
    rows: float | None = None
    """Rows that one program is run on; requests repeat within them, too. None: as many as `runs`."""
    labeled: float = 0.0
    """Labeled demonstrations in each prompt."""
    bootstrapped: float = 0.0
    """Demonstrations made of a program run, in each prompt."""
    replaced: float = 0.0
    """Part of the predictors whose instruction is one the optimizer had written."""
    appended: float = 0.0
    """Texts the optimizer had written that are appended to each instruction."""
    extra_tokens: float = 0.0
    """Tokens that the optimizer itself adds to each prompt."""


def drawn_share(choices: float | None, draws: float) -> float:
    """Part of the draws that show something new, when each is one of equally likely choices.

    n draws from m choices show m · (1 − (1 − 1/m)^n) different ones; None are endless choices.
    """
    if draws <= 1 or choices is None:
        return 1.0
    if choices <= 1:
        return 1.0 / draws
    shown = choices * (1.0 - math.pow(1.0 - 1.0 / choices, draws))
    return min(1.0, shown / draws)


def fit_choices(draws: float, different: float) -> float | None:
    """The number of equally likely choices of which so many draws show so many different ones.

    None where all of them differ.
    """
    if different >= draws:
        return None
    low, high = 1.0, 1e6
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if drawn_share(middle, draws) * draws < different else (low, middle)
    return high


def distinct_share(facts: Facts, rows: float) -> float:
    """Part of the requests that differ when one program is run on so many rows.

    Predictors that read few different things (a label found before them, say) repeat their requests.
    """
    total = sum(predictor.calls for predictor in facts.predictors) + facts.direct_calls
    if not total:
        return 1.0
    different = facts.direct_calls + sum(
        predictor.calls * drawn_share(predictor.variety, rows * predictor.calls)
        for predictor in facts.predictors
    )
    return different / total


def changed_share(facts: Facts) -> float:
    """Part of the program's requests that change when the prompt of one predictor does, on average over them.

    As measured, else: its own requests all change, and so do those of a predictor that reads its answer where
    the answer changes, and so on down the program.
    """
    predictors = facts.predictors
    total = sum(predictor.calls for predictor in predictors) + facts.direct_calls
    if len(predictors) <= 1 or not total:
        return 1.0
    if facts.changed_share is not None:
        return facts.changed_share
    shares = []
    for changed in predictors:
        touched = {changed.name: 1.0}
        for predictor in predictors:
            same = 1.0
            for name in predictor.reads:
                same *= 1.0 - ANSWERS_CHANGED * touched.get(name, 0.0)
            touched.setdefault(predictor.name, 1.0 - same)
        own = sum(predictor.calls * touched[predictor.name] for predictor in predictors)
        shares.append((own + facts.direct_calls) / total)
    return min(1.0, sum(shares) / len(shares))


def inherited_share(facts: Facts) -> float:
    """Part of the requests that change only because the answers before them did: the rest of that share."""
    return max(0.0, changed_share(facts) - 1.0 / max(len(facts.predictors), 1))


def combined_share(facts: Facts, choices: float, draws: float) -> float:
    """Part of the requests that are new when every predictor's prompt is drawn from so many choices, often.

    A predictor that reads others' answers is also given different inputs for the same row.
    """
    total = sum(predictor.calls for predictor in facts.predictors)
    if not total:
        return 1.0
    return (
        sum(
            predictor.calls * drawn_share(seen and choices * seen, draws)
            for predictor in facts.predictors
            for seen in (predictor.alternatives,)
        )
        / total
    )


def mix(parts: Iterable[Prompts], runs: float) -> Prompts:
    """The average of several prompts, over so many runs."""
    known: Sequence[Prompts] = list(parts)
    total = sum(part.runs for part in known) or 1.0

    def mean(name: str) -> float:
        return sum(part.runs * float(getattr(part, name)) for part in known) / total

    return Prompts(
        runs=runs,
        **{name: mean(name) for name in ("labeled", "bootstrapped", "replaced", "appended", "extra_tokens")},
    )
