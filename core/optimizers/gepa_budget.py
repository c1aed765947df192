"""How far GEPA's budget of metric calls goes: program runs, reflections and merges, from measured facts."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from ..wording import percent
from .facts import Facts
from .plan import PROPOSAL_RETRIES, Range, Shown, Work
from .prompts import Prompts, changed_share, inherited_share
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


class Spending(msgspec.Struct, frozen=True):
    """What a budget was spent on."""

    runs: float
    """Program runs, the last iteration's beyond the budget included."""
    reflections: float
    iterations: float
    accepted: float
    merges: float
    """Merges tried."""


class Rates(msgspec.Struct, frozen=True):
    """What becomes of an iteration whose outcome is not on record."""

    accepted: float
    """Part of the proposals that do better on their minibatch."""
    skipped: float
    """Part of the iterations without a proposal, because all rows of the minibatch were perfect."""

    def moved(self, accepted: float, skipped: float) -> Rates:
        return Rates(
            min(1.0, max(0.0, self.accepted + accepted)), min(0.98, max(0.0, self.skipped + skipped))
        )


def spend(facts: Facts, params: Params, rates: Rates) -> Spending:
    """How the budget is spent: as on record as far as the record goes, by the rates after that.

    From gepa's `engine.py` and `reflective_mutation.py`: an iteration runs the parent on b rows; unless all
    are perfect it reflects, runs the child on the same b rows, and scores it on val when its sum is better.
    After an accepted one a merge may be tried (5 val rows) and, when it is no worse than its parents, scored
    on val (`merge.py`). That needs two programs of which each has kept an instruction that the other has
    rewritten: two predictors at least, and not all of them rewritten each time.
    """
    train, val, _ = facts.sizes
    predictors = max(len(facts.predictors), 1)
    batch = params["reflection_minibatch_size"]
    merges = (
        params["use_merge"]
        and predictors > 1
        and params["component_selector"] != "all"
        and params["max_merge_invocations"] > 0
    )
    # Accepted proposals queue merges until enough were kept, and what is queued is still tried.
    merges_left = 2 * params["max_merge_invocations"] / _MERGE_KEPT if merges else 0.0
    per_merge = _MERGE_ROWS + _MERGE_KEPT * val
    lengths = {"skipped": batch, "rejected": 2 * batch, "accepted": 2 * batch + val}
    shares = {
        "skipped": rates.skipped,
        "rejected": (1 - rates.skipped) * (1 - rates.accepted),
        "accepted": (1 - rates.skipped) * rates.accepted,
    }
    mean = sum(shares[kind] * lengths[kind] for kind in shares)
    total = float(budget(params, train=train, val=val, predictors=predictors))
    if total > val:
        # The loop stops between iterations only, and the budget most likely runs out inside a long one.
        total += sum(shares[kind] * lengths[kind] ** 2 for kind in shares) / (2 * mean)
    left = max(0.0, total - val)
    reflections = iterations_done = accepted = merges_tried = 0.0
    for outcome in facts.reflections:
        if left <= 0:
            break
        left -= lengths[outcome]
        iterations_done += 1
        reflections += outcome != "skipped"
        accepted += outcome == "accepted"
        if outcome == "accepted" and merges_left > 0:
            tried = min(_MERGE_TRIED, merges_left)
            merges_left -= tried
            merges_tried += tried
            left -= tried * per_merge
    left = max(0.0, left)
    tried_each = _MERGE_TRIED * shares["accepted"] if merges_left > 0 else 0.0
    iterations = left / (mean + tried_each * per_merge)
    if tried_each * iterations > merges_left:
        iterations = max(0.0, left - merges_left * per_merge) / mean
    return Spending(
        runs=max(total, float(val)),
        reflections=reflections + iterations * (1 - rates.skipped),
        iterations=iterations_done + iterations,
        accepted=accepted + iterations * shares["accepted"],
        merges=merges_tried + min(tried_each * iterations, merges_left),
    )


def _prompts(facts: Facts, params: Params, spent: Spending) -> list[Prompts]:
    """What the budget's runs send: the seed program on val, parents, children, accepted children, merges.

    A child differs from its parent, which ran on the same rows just before, in the predictors that were
    rewritten; a merge holds nothing that its parents had not. Which predictors still have their first
    instruction: with P predictors rewritten in turn, a program after g generations has rewritten
    1 − (1 − 1/P)^g of them; parents are as old as there are accepted programs, from none to all.
    """
    val = facts.sizes[1]
    predictors = max(len(facts.predictors), 1)
    batch = params["reflection_minibatch_size"]
    together = params["component_selector"] == "all" or predictors == 1
    changed = 1.0 if together else changed_share(facts)
    kept = 0.0 if together else 1 - 1 / predictors
    replaced = [1 - kept**generation for generation in range(max(1, round(spent.accepted + spent.merges)))]
    parents = sum(replaced) / len(replaced)
    children = sum(1 - kept ** (generation + 1) for generation in range(len(replaced))) / len(replaced)
    return [
        Prompts(runs=val, new=0.0),
        Prompts(runs=spent.iterations * batch, rows=batch, replaced=parents),
        Prompts(runs=spent.reflections * batch, rows=batch, new=changed, replaced=children),
        Prompts(runs=spent.accepted * val, rows=val, new=changed, replaced=children),
        Prompts(
            runs=spent.merges * (_MERGE_ROWS + _MERGE_KEPT * val),
            rows=val,
            new=0.0 if together else inherited_share(facts),
            replaced=children,
        ),
    ]


def fit_changed_share(facts: Facts, params: Params, *, val: int, runs: float) -> float | None:
    """The share of a program's requests that a rewritten predictor changes, from a trial of GEPA.

    `runs` is how many program runs' worth of new requests the trial's recorded iterations made, scoring
    accepted programs on `val` rows: the seed program on them and every parent's minibatch are new; children
    on their minibatch and on val are as far as they changed. None where all are rewritten at once.
    """
    if params["component_selector"] == "all" or len(facts.predictors) <= 1:
        return None
    batch: int = params["reflection_minibatch_size"]
    record = facts.reflections
    whole = val + batch * len(record)
    by_share = sum(batch + val * (one == "accepted") for one in record if one != "skipped")
    if not by_share:
        return None
    return min(1.0, max(1.0 / len(facts.predictors), (runs - whole) / by_share))


def _usual_rates(facts: Facts, params: Params) -> Rates:
    """Rates of the later half of the record, where candidates are good already; assumed without a record."""
    late = facts.reflections[len(facts.reflections) // 2 :]
    if late:
        skips = late.count("skipped")
        accepted = late.count("accepted")
        proposals = len(late) - skips
        return Rates(
            accepted=(accepted + _ACCEPTED) / (proposals + 1),
            skipped=skips / len(late) * (1 - 1 / (2 * len(late))),
        )
    if not params["skip_perfect_score"]:
        return Rates(_ACCEPTED, 0.0)
    perfect = facts.perfect_rate if facts.perfect_rate is not None else facts.success_rate or 0.0
    # Candidates get better on the way: reckon with a quarter of the way to perfect.
    return Rates(_ACCEPTED, min(0.9, (perfect + (1 - perfect) / 4) ** params["reflection_minibatch_size"]))


def plan_iterations(facts: Facts, params: Params) -> Work:
    """The budget plus what the last iteration runs over it, and as many reflections as fit into it.

    Every metric call of the budget is one program run; for each reflection the metric is called again on
    every row of the minibatch, to ask for feedback (`make_reflective_dataset` in dspy's `gepa_utils.py`).
    """
    train, val, _ = facts.sizes
    predictors = max(len(facts.predictors), 1)
    batch = params["reflection_minibatch_size"]
    components = predictors if params["component_selector"] == "all" else 1
    rates = _usual_rates(facts, params)
    room = 0.25 if facts.reflections else 0.4
    usual = spend(facts, params, rates)
    unrecorded = msgspec.structs.replace(facts, reflections=())
    fewest = spend(unrecorded, params, rates.moved(accepted=room, skipped=room)).reflections / 2
    most = spend(unrecorded, params, rates.moved(accepted=-room, skipped=-1)).reflections
    low, high = min(fewest, usual.reflections / 2), max(most, usual.reflections)
    floor = max(budget(params, train=train, val=val, predictors=predictors), val)
    runs = Range(floor, usual.runs, max(usual.runs, floor + 2 * batch + val))
    feedback = usual.reflections * batch * components
    source = "as tried beforehand" if facts.reflections else "assumed"
    prompts = _prompts(facts, params, usual)
    share = usual.runs / (sum(part.runs for part in prompts) or 1.0)
    rewritings = usual.reflections * components / predictors
    return Work(
        student_runs=runs,
        # The reflection prompt of gepa, the instruction, and the rows with their answers and feedback.
        shown=Shown(fixed=550.0, rows=1.5 * batch),
        text_tokens=facts.texts.expect_tokens(rewritings) if facts.texts else None,
        prompts=tuple(msgspec.structs.replace(part, runs=part.runs * share) for part in prompts),
        result=msgspec.structs.replace(prompts[3], runs=0.0),
        reflection_calls=Range(
            low * components, usual.reflections * components, PROPOSAL_RETRIES * high * components + 1
        ),
        metric_calls=Range(runs.low, runs.expected + feedback, runs.high + high * batch * components),
        assumptions=(
            f"{percent(rates.accepted)} of GEPA's reflections make a better program on their minibatch "
            f"({source})",
        ),
    )
