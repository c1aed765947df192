"""How far GEPA's budget of metric calls goes: program runs, reflections and merges, from measured facts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .facts import Facts
from .plan import PROPOSAL_RETRIES, Range, Work
from .spec import Params

_AUTO_CANDIDATES: Mapping[str, int] = {"light": 6, "medium": 12, "heavy": 18}
_ACCEPTED = 0.5
"""Part of the reflections that make a better program, where nobody measured it."""
_MERGE_TRIED = 0.65
"""Part of the accepted proposals after which gepa finds two programs to merge."""
_MERGE_KEPT = 0.8
"""Part of the merges that are no worse than both parents."""
_MERGE_ROWS = 5
"""Val rows a merge is first scored on."""


def budget(params: Params, *, train: int, val: int, predictors: int) -> int:
    """The metric calls GEPA may make: `auto_budget` and `compile` of dspy's `gepa.py`.

    For auto: val for the seed program, 5 for each of N candidates, 35 for each of
    t = max(4 · P · log2 N, 1.5 · N) trials, and val for each of (t + 1) // 5 + 1 full evaluations.
    """
    if params["max_metric_calls"] is not None:
        return int(params["max_metric_calls"])
    if params["max_full_evals"] is not None:
        return int(params["max_full_evals"]) * (train + val)
    candidates = _AUTO_CANDIDATES[params["auto"]]
    trials = int(max(4 * predictors * math.log2(candidates), 1.5 * candidates))
    full = (trials + 1) // 5 + 1 + (1 if trials < 5 else 0)
    return val + candidates * 5 + trials * 35 + full * val


class Iterations:
    """How the budget is spent at one rate of accepted proposals.

    From gepa's `engine.py` and `reflective_mutation.py`: an iteration runs the parent on b rows; unless all
    are perfect it reflects, runs the child on the same b rows, and scores it on val when its sum is better.
    After an accepted one a merge may be tried (5 val rows) and, when it is no worse than its parents, scored
    on val (`merge.py`); that needs two predictors at least.
    """

    def __init__(self, facts: Facts, params: Params, *, accepted: float, skipped: float) -> None:
        train, val, _ = facts.sizes
        predictors = max(len(facts.predictors), 1)
        batch = params["reflection_minibatch_size"]
        self.budget = max(budget(params, train=train, val=val, predictors=predictors), val)
        self.longest = 2 * batch + val
        # The loop stops between iterations only, and the budget most likely runs out inside a long one.
        lengths = ((1 - accepted, 2.0 * batch), (accepted, float(self.longest)))
        mean = sum(share * length for share, length in lengths)
        has_room = self.budget > val
        self.overshoot = sum(share * length**2 for share, length in lengths) / (2 * mean) if has_room else 0.0

        per_reflection = batch / (1 - skipped) + batch + accepted * val
        left = self.budget + self.overshoot - val
        merges = params["use_merge"] and predictors > 1 and params["max_merge_invocations"] > 0
        tried = _MERGE_TRIED * accepted if merges else 0.0
        per_merge = _MERGE_ROWS + _MERGE_KEPT * val
        reflections = left / (per_reflection + tried * per_merge)
        # Accepted proposals queue merges until enough were kept, and what is queued is still tried.
        most_tried = 2 * params["max_merge_invocations"] / _MERGE_KEPT
        if tried * reflections > most_tried:
            reflections = max(0.0, left - most_tried * per_merge) / per_reflection
        components = predictors if params["component_selector"] == "all" else 1
        self.reflection_calls = reflections * components
        self.feedback_calls = reflections * batch * components


def plan_iterations(facts: Facts, params: Params) -> Work:
    """The budget plus what the last iteration runs over it, and as many reflections as fit into it.

    Every metric call of the budget is one program run; for each reflection the metric is called again on
    every row of the minibatch, to ask for feedback (`make_reflective_dataset` in dspy's `gepa_utils.py`).
    """
    rate = facts.acceptance_rate
    accepted = _ACCEPTED if rate is None else rate
    room = 0.4 if rate is None else 0.25
    perfect = facts.perfect_rate if facts.perfect_rate is not None else facts.success_rate or 0.0
    skipped = 0.0
    if params["skip_perfect_score"]:
        # Candidates get better on the way: reckon with a quarter of the way to perfect.
        skipped = min(0.9, (perfect + (1 - perfect) / 4) ** params["reflection_minibatch_size"])
    usual = Iterations(facts, params, accepted=accepted, skipped=skipped)
    slow = Iterations(facts, params, accepted=min(1.0, accepted + room), skipped=min(0.95, skipped + 0.3))
    fast = Iterations(facts, params, accepted=max(0.0, accepted - room), skipped=0.0)
    runs = Range(usual.budget, usual.budget + usual.overshoot, usual.budget + usual.longest)
    most = PROPOSAL_RETRIES * fast.reflection_calls + 1
    source = "assumed" if rate is None else "measured"
    return Work(
        student_runs=runs,
        reflection_calls=Range(slow.reflection_calls / 2, usual.reflection_calls, most),
        metric_calls=Range(runs.low, runs.expected + usual.feedback_calls, runs.high + fast.feedback_calls),
        assumptions=(
            f"{accepted:.0%} of the reflections make a better program on their minibatch ({source})",
        ),
    )
