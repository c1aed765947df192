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


def fit_choices(draws: int, different: int) -> float | None:
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


def ancestors(facts: Facts) -> list[int]:
    """For each predictor, how many others its inputs depend on, directly or not."""
    places = {predictor.name: place for place, predictor in enumerate(facts.predictors)}
    found: list[set[int]] = []
    for predictor in facts.predictors:
        above = {places[name] for name in predictor.reads if name in places}
        seen: set[int] = set()
        while above - seen:
            seen |= above
            above = {
                places[name] for place in seen for name in facts.predictors[place].reads if name in places
            }
        found.append(seen)
    return [len(one - {place}) for place, one in enumerate(found)]


def changed_share(facts: Facts) -> float:
    """Part of the program's requests that change when the prompt of one predictor does, on average over them.

    Its own requests all change; those of a predictor that reads its answer change where the answer does, and
    so on down the program.
    """
    predictors = facts.predictors
    total = facts.calls_per_run / (1.0 + facts.retry_rate)
    if len(predictors) <= 1 or not total:
        return 1.0
    answers = _answers_changed(facts)
    shares = []
    for changed in predictors:
        touched = {changed.name: 1.0}
        for predictor in predictors:
            if predictor.name == changed.name:
                continue
            same = 1.0
            for name in predictor.reads:
                same *= 1.0 - answers * touched.get(name, 0.0)
            touched[predictor.name] = 1.0 - same
        own = sum(predictor.calls * touched[predictor.name] for predictor in predictors)
        shares.append((own + facts.direct_calls) / total)
    return min(1.0, sum(shares) / len(shares))


def inherited_share(facts: Facts) -> float:
    """Part of the requests that change because another predictor's prompt did, on average over predictors.

    1 − c of a predictor's requests stay when the answers of one predictor above it change with part c.
    """
    answers = _answers_changed(facts)
    total = sum(predictor.calls for predictor in facts.predictors) or 1.0
    return (
        sum(
            predictor.calls * (1.0 - (1.0 - answers) ** above)
            for predictor, above in zip(facts.predictors, ancestors(facts), strict=True)
        )
        / total
    )


def combined_share(facts: Facts, choices: float, draws: float) -> float:
    """Part of the requests that are new when every predictor's prompt is drawn from so many choices, often.

    A predictor that reads others' answers sees their choices as well, as far as these change the answers:
    m choices above it multiply its own by 1 + c · (m − 1).
    """
    answers = _answers_changed(facts)
    total = sum(predictor.calls for predictor in facts.predictors)
    if not total:
        return 1.0
    new = 0.0
    for predictor, above in zip(facts.predictors, ancestors(facts), strict=True):
        seen = choices * (1.0 + answers * (choices - 1.0)) ** above
        new += predictor.calls * drawn_share(seen, draws)
    return new / total


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


def _answers_changed(facts: Facts) -> float:
    return ANSWERS_CHANGED if facts.answers_changed is None else facts.answers_changed
