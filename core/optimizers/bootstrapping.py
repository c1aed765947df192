"""The bootstraps an optimizer will make, known beforehand, and how many teacher runs they take."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from ..wording import percent
from .base import order_by_seed
from .facts import Facts, Walk
from .plan import NONE, BootstrapSet, Range, add_up, add_up_independent
from .prompts import Prompts, mix
from .spec import Params

_FALLBACK_RATE = 0.5
"""Success rate of a teacher nobody has measured."""


def first_order(facts: Facts) -> list[int]:
    """The train rows in the order in which the optimizer is given them."""
    return order_by_seed(range(facts.sizes[0]), facts.seed)


def make_set(params: Params, wanted: int, labeled: int, order: Sequence[int]) -> BootstrapSet:
    return BootstrapSet(
        wanted, labeled, tuple(order), params.get("max_rounds", 1), params.get("metric_threshold")
    )


def search_sets(params: Params, facts: Facts, seeds: Iterable[int]) -> list[BootstrapSet]:
    """The bootstraps of `BootstrapFewShotWithRandomSearch`, by its candidate numbers.

    From `random_search.py`: -3 and -2 bootstrap nothing; -1 takes the rows as they are and wants all
    demonstrations; s ≥ 0 shuffles them with `Random(s)` and wants `Random(s).randint(1,
    max_bootstrapped_demos)`.
    """
    most, labeled = params["max_bootstrapped_demos"], params["max_labeled_demos"]
    sets = []
    for seed in seeds:
        order = first_order(facts)
        wanted = most
        if seed >= 0:
            random.Random(seed).shuffle(order)
            wanted = random.Random(seed).randint(1, most)
        if seed >= -1:
            sets.append(make_set(params, wanted, labeled, order))
    return sets


def count_attempts(
    bootstrap: BootstrapSet, facts: Facts, rows: Mapping[int, tuple[int, int]] | None = None
) -> Range:
    """Teacher runs until enough rows came out right, or all were tried.

    From `bootstrap.py`: rows are tried one by one, each up to `max_rounds` times, until
    `max_bootstrapped_demos` succeeded. Where this very bootstrap was probed, its attempts are counted;
    otherwise its rows are gone through in order, each coming out right as often as it did in the bootstraps
    that were probed (`rows`: right and all attempts), drawn towards the rate p of all probed attempts with as
    many labeled demonstrations, of any, or of the program itself. Low and high are two standard deviations of
    a negative binomial and of p itself, and everything that is possible when p was never measured with a
    teacher.
    """
    if bootstrap.wanted == 0:
        return NONE
    most = len(bootstrap.order) * bootstrap.rounds
    least = min(bootstrap.wanted, most)
    probed = {walk.key: walk for walk in facts.walks}.get(bootstrap.key)
    if probed is not None:
        counted = _count_in(probed, bootstrap)
        if counted is not None:
            rate = max(least / counted, 1 / most)
            return _spread(counted, bootstrap.wanted, rate, least, most)
    rate, tried = _rate(bootstrap, facts)

    def go_through(chance: float) -> float:
        return min(float(most), max(float(least), _go_through(bootstrap, chance, rows or {})))

    expected = go_through(rate)
    if not tried:
        return Range(least, expected, most)
    likely = _spread(expected, bootstrap.wanted, max(rate, 1 / most), least, most)
    lowest, highest = _interval(rate, tried)
    return Range(
        min(likely.low, go_through(highest)), expected, max(likely.high, min(most, go_through(lowest)))
    )


def _go_through(bootstrap: BootstrapSet, rate: float, rows: Mapping[int, tuple[int, int]]) -> float:
    """Expected attempts over the rows in order, until the expected right ones are enough."""
    attempts = found = 0.0
    for row in bootstrap.order:
        right, tried = rows.get(row, (0, 0))
        chance = (right + rate) / (tried + 1)
        gain = 1.0 - (1.0 - chance) ** bootstrap.rounds
        runs = gain / chance if chance > 0 else float(bootstrap.rounds)
        if found + gain >= bootstrap.wanted:
            return attempts + max(runs * (bootstrap.wanted - found) / gain, 1.0)
        attempts, found = attempts + runs, found + gain
    return attempts


def _row_records(sets: Sequence[BootstrapSet], facts: Facts) -> dict[int, tuple[int, int]]:
    """For each train row, right and all attempts of the teacher in the bootstraps that were probed."""
    walks = {walk.key: walk for walk in facts.walks}
    records: dict[int, tuple[int, int]] = {}
    for one in {one.key: one for one in sets}.values():
        outcomes = iter(walks[one.key].outcomes if one.key in walks else ())
        for row in one.order:
            for right in islice(outcomes, one.rounds):
                before = records.get(row, (0, 0))
                records[row] = (before[0] + right, before[1] + 1)
                if right:
                    break
    return records


def count_all_attempts(sets: Sequence[BootstrapSet], facts: Facts) -> Range:
    """Teacher runs of several bootstraps."""
    if len({walk.key for walk in facts.walks} & {one.key for one in sets}) == len(sets):
        return add_up_independent(count_attempts(one, facts) for one in sets)
    # What was not probed shares one guess at the success rate, so it is wrong in the same direction.
    records = _row_records(sets, facts)
    return add_up(count_attempts(one, facts, records) for one in sets)


def expect_prompts(bootstrap: BootstrapSet, facts: Facts, runs: float) -> Prompts:
    """What a program made by this bootstrap sends, on so many rows.

    From `_train` of `bootstrap.py`: as many bootstrapped demonstrations as rows came out right, at most those
    wanted; then labeled rows that were not bootstrapped, up to max_labeled_demos in all.
    """
    right = float(min(bootstrap.wanted, len(bootstrap.order)))
    probed = {walk.key: walk for walk in facts.walks}.get(bootstrap.key)
    if probed is not None and (probed.complete or sum(probed.outcomes) >= bootstrap.wanted):
        right = min(right, sum(probed.outcomes))
    elif bootstrap.wanted:
        rate, _ = _rate(bootstrap, facts)
        right = min(right, rate * len(bootstrap.order) * bootstrap.rounds)
    others = len(bootstrap.order) - right
    labeled = max(0.0, min(bootstrap.labeled - right, others))
    return Prompts(runs=runs, bootstrapped=right, labeled=labeled)


def expect_teacher(sets: Sequence[BootstrapSet], facts: Facts) -> Prompts:
    """What the teacher sends: `_prepare_student_and_teacher` gives it labeled rows as demonstrations."""
    parts = []
    for one in sets:
        attempts = count_attempts(one, facts).expected
        labeled = min(one.labeled, len(one.order))
        parts.append(Prompts(runs=attempts, labeled=labeled))
    mixed = mix(parts, sum(part.runs for part in parts))
    each = mixed.runs / max(sum(part.runs > 0 for part in parts), 1)
    return msgspec.structs.replace(mixed, rows=each)


def assume_bootstraps(sets: Sequence[BootstrapSet], facts: Facts) -> tuple[str, ...]:
    """What the count of attempts rests on, in words."""
    if not sets:
        return ()
    probed = len({walk.key for walk in facts.walks} & {one.key for one in sets})
    if probed == len(sets):
        return ("every bootstrap was tried beforehand",)
    rate, tried = _rate(sets[0], facts)
    if tried:
        return (
            f"{percent(rate)} of the teacher's attempts come out right "
            f"({probed} of {len(sets)} bootstraps tried)",
        )
    source = "guessed" if facts.success_rate is None else "as the program does without demonstrations"
    return (f"{percent(rate)} of the teacher's attempts come out right ({source})",)


def _count_in(probed: Walk, bootstrap: BootstrapSet) -> int | None:
    """Attempts of a probed bootstrap until enough were right; None when the probe was cut off before."""
    found = 0
    for attempt, right in enumerate(probed.outcomes, 1):
        found += right
        if found == bootstrap.wanted:
            return attempt
    return len(probed.outcomes) if probed.complete else None


def _interval(rate: float, tried: int) -> tuple[float, float]:
    """Between which rates the true one is, by two standard deviations (Wilson's interval)."""
    square = 4.0 / tried
    middle = (rate + square / 2) / (1 + square)
    room = math.sqrt(square * rate * (1 - rate) + square**2 / 4) / (1 + square)
    return max(0.0, middle - room), min(1.0, middle + room)


def _rate(bootstrap: BootstrapSet, facts: Facts) -> tuple[float, int]:
    """Part of the teacher's attempts that came out right, and of how many; 0: nobody has tried it."""
    prefix = f"{bootstrap.labeled}/"
    alike = [walk for walk in facts.walks if walk.key.startswith(prefix)] or list(facts.walks)
    attempts = sum(len(walk.outcomes) for walk in alike)
    if attempts:
        return sum(map(sum, (walk.outcomes for walk in alike))) / attempts, attempts
    if facts.success_rate is not None:
        return max(facts.success_rate, 1 / (2 * len(bootstrap.order))), 0
    return _FALLBACK_RATE, 0


def _spread(expected: float, wanted: int, rate: float, least: int, most: int) -> Range:
    deviation = 2 * math.sqrt(wanted * max(0.0, 1 - rate)) / rate
    return Range(max(least, expected - deviation), expected, min(most, expected + deviation))
