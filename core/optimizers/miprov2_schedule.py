"""The sizes and the order of MIPROv2's work, derived as its `compile` derives them."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from msgspec import structs

from .bootstrapping import (
    assume_bootstraps,
    count_all_attempts,
    expect_prompts,
    expect_teacher,
    make_set,
)
from .facts import Facts
from .plan import PROPOSAL_RETRIES, BootstrapSet, Range, Shown, Work, exactly
from .prompts import Prompts, mix
from .spec import Params

AUTO_CANDIDATES: Mapping[str, int] = {"light": 6, "medium": 12, "heavy": 18}
AUTO_VAL_ROWS: Mapping[str, int] = {"light": 100, "medium": 300, "heavy": 1000}
MINIBATCH_ABOVE_VAL_ROWS = 50
"""In auto mode DSPy uses minibatches when it scores on more val rows than this."""

RANDOM_TRIALS = 10
"""Before Optuna's TPE sampler has learned anything (`n_startup_trials`)."""
_KEEPING = 1.5
"""How fast TPE comes to keep to the choices that did well."""
_ZERO_SHOT_DEMOS = 3
_MOST_SUMMARY_BATCHES = 9
_COMPLETE_ANSWERS = 5

Step = Literal["default", "trial", "full"]


def is_zero_shot(params: Params) -> bool:
    return bool(params["max_bootstrapped_demos"] == 0 and params["max_labeled_demos"] == 0)


def trials_for(predictors: int, candidates: int, *, zero_shot: bool) -> int:
    """The trials DSPy takes for N candidates and M choices to make: max(2·M·log2 N, 1.5·N)."""
    choices = predictors if zero_shot else 2 * predictors
    return int(max(2 * choices * math.log2(candidates), 1.5 * candidates))


class Schedule:
    """The sizes MIPROv2 works with, as its `compile` derives them from parameters and data."""

    def __init__(self, params: Params, *, val: int, predictors: int) -> None:
        auto = params["auto"]
        zero_shot = is_zero_shot(params)
        if auto is None:
            self.demo_sets = self.instructions = params["num_candidates"]
            self.trials = params["num_trials"]
            self.val_rows = val
            self.minibatch = params["minibatch"]
        else:
            self.demo_sets = AUTO_CANDIDATES[auto]
            self.instructions = self.demo_sets if zero_shot else int(self.demo_sets * 0.5)
            self.trials = trials_for(predictors, self.demo_sets, zero_shot=zero_shot)
            self.val_rows = min(val, AUTO_VAL_ROWS[auto])
            self.minibatch = self.val_rows > MINIBATCH_ABOVE_VAL_ROWS
        self.minibatch_size = params["minibatch_size"] if self.minibatch else self.val_rows
        self.full_every = params["minibatch_full_eval_steps"]
        # The proposer writes one instruction per demonstration set it looks at, so never more than there are.
        self.instructions = min(self.instructions, self.demo_sets)

    def steps(self) -> Iterator[Step]:
        """Every evaluation in order: the default program, the trials, and the full ones between minibatches.

        Mirrors DSPy's trial numbers: a full evaluation is added to the study, so it moves the numbers on, and
        one is due when the number is a multiple of `full_every` + 1 and before the very last number.
        """
        yield "default"
        last = self.trials + self.trials // self.full_every + 1 + (1 if self.trials % self.full_every else 0)
        number = 1
        for _ in range(self.trials):
            number += 1
            yield "trial"
            if self.minibatch and (number % (self.full_every + 1) == 0 or number == last - 1):
                number += 1
                yield "full"


def bootstrap_sets(facts: Facts, params: Params, schedule: Schedule) -> list[BootstrapSet]:
    """The bootstraps of `create_n_fewshot_demo_sets` (`utils.py`), drawn as it draws them from the seeded
    `rng`.

    In auto mode the rng first samples the val rows. Of N sets, -3 is zero-shot, -2 labeled only (or, without
    labeled demonstrations, one more shuffled set), -1 takes the rows in order, the others shuffle them and
    want `randint(1, max_bootstrapped_demos)`. Zero-shot runs bootstrap 3 demonstrations to show the proposer.
    """
    train, val, _ = facts.sizes
    rng = random.Random(facts.seed)
    if params["auto"] is not None:
        rng.sample(range(val), schedule.val_rows)
    zero_shot = is_zero_shot(params)
    most = _ZERO_SHOT_DEMOS if zero_shot else params["max_bootstrapped_demos"]
    labeled = 0 if zero_shot else params["max_labeled_demos"]
    sets = []
    for number in range(-3, schedule.demo_sets - 3):
        order = list(range(train))
        if number == -3 or (number == -2 and labeled > 0):
            continue
        wanted = most
        if number != -1:
            rng.shuffle(order)
            wanted = rng.randint(1, most)
        sets.append(make_set(params, wanted, labeled, order))
    return sets


def _proposer_calls(facts: Facts, params: Params, schedule: Schedule) -> Range:
    """Calls of `GroundedProposer`: a summary of the data once, then the instructions of each predictor.

    The summary (`dataset_summary_generator.py`) reads batches of `view_data_batch_size` rows: the first, then
    at most nine more (fewer when the model answers COMPLETE five times), then one call to sum up. Each
    instruction (`grounded_proposer.py`) takes two calls to describe program and module, where it may see the
    code, and one to write it.
    """
    summary = Range(0, 0, 0)
    if params["data_aware_proposer"]:
        size = params["view_data_batch_size"]
        later = min(_MOST_SUMMARY_BATCHES, max(0, math.ceil(facts.sizes[0] / size) - 1))
        summary = Range(2 + min(later, _COMPLETE_ANSWERS), 2 + later, 2 + later)
    instructions = schedule.instructions * len(facts.predictors)
    each = 3 if params["program_aware_proposer"] else 1
    asked = summary + Range(instructions, instructions * each, instructions * each)
    return Range(asked.low, asked.expected, PROPOSAL_RETRIES * asked.high)


def _different_draws(choices: float, trials: int, known: float | None) -> float:
    """How many of so many choices a predictor's trials draw: m · (1 − (1 − 1/m)^10) of the first ten.

    Optuna's TPE draws these at random (`n_startup_trials`), and keeps to what did well more and more after:
    what the t-th trial draws is new as often as the tenth, times (10 / t)^1.5. `known`: how many different
    ones the first ten are known to draw.
    """
    first = min(RANDOM_TRIALS, trials)
    missed = math.pow(1.0 - 1.0 / choices, first)
    later = sum(math.pow(first / trial, _KEEPING) for trial in range(first + 1, trials + 1))
    start = choices * (1.0 - missed) if known is None else min(known, float(first))
    return max(1.0, min(choices, start + missed * later))


def _new_share(facts: Facts, choices: float, trials: int, coverage: float, known: float | None) -> float:
    """Part of the requests of trials that none before them asked, on average over predictors.

    A choice drawn u times on minibatches that cover a part c of the rows has been run on 1 − (1 − c)^u of
    them; that includes the rows of the full evaluations between.
    """
    total = sum(predictor.calls for predictor in facts.predictors)
    if not total or not trials:
        return 1.0
    new = 0.0
    for predictor in facts.predictors:
        seen = predictor.alternatives
        if seen is None:
            drawn = float(trials)
        else:
            drawn = _different_draws(max(choices * seen, 1.0), trials, known * seen if known else None)
        run_on = 1.0 - math.pow(1.0 - coverage, trials / drawn)
        new += predictor.calls * min(1.0, drawn * run_on / (trials * coverage))
    return new / total


def _prompts(
    facts: Facts, params: Params, schedule: Schedule, sets: list[BootstrapSet]
) -> tuple[Prompts, list[Prompts]]:
    """What the optimized program sends, and the evaluations: as it was, by trials, of the best in full.

    A trial draws an instruction (the first of them is the program's own) and a set of demonstrations for each
    predictor, so trials repeat each other's prompts; on minibatches only those for the same rows. Optuna
    draws the first trials at random, and later ones mostly from what the best trials had; the best program is
    expected to hold demonstrations, where there are any.
    """
    steps = Counter(schedule.steps())
    runs = {
        "default": steps["default"] * schedule.val_rows,
        "trial": steps["trial"] * schedule.minibatch_size,
        "full": steps["full"] * schedule.val_rows,
    }
    labeled = min(params["max_labeled_demos"], facts.sizes[0])
    demos = [Prompts(runs=1)]
    if not is_zero_shot(params):
        demos += [Prompts(runs=1, labeled=labeled)] if labeled else []
        demos += [expect_prompts(one, facts, 1) for one in sets]
    different = facts.texts.different_share if facts.texts else 1.0
    choices = (1 + different * (schedule.instructions - 1)) * len(demos)
    coverage = min(1.0, schedule.minibatch_size / schedule.val_rows)
    known = _known_trials(facts, schedule, demos)
    drawn = structs.replace(
        mix(demos, 1 if known is None else max(0, steps["trial"] - known.trials)),
        replaced=1 - 1 / schedule.instructions,
    )
    best = structs.replace(mix(demos[1:] or demos, 0), replaced=drawn.replaced)
    if known is not None:
        drawn = _mix_all([known.prompts, drawn])
    drawn = structs.replace(
        drawn,
        runs=runs["trial"],
        new=_new_share(facts, choices, steps["trial"], coverage, known.different if known else None),
        rows=schedule.minibatch_size,
    )
    return best, [
        Prompts(runs=runs["default"], new=0.0),
        drawn,
        structs.replace(drawn, runs=runs["full"], new=0.0, rows=schedule.val_rows),
    ]


class _Known(NamedTuple):
    """The trials that are known from the seed, where the schedule is the one they were drawn for."""

    trials: int
    different: float
    """Different draws among them that are not the program as it is, on average over predictors."""
    prompts: Prompts


def _known_trials(facts: Facts, schedule: Schedule, demos: list[Prompts]) -> _Known | None:
    first = facts.first_trials
    if first is None or not first.draws or facts.texts is None:
        return None
    sizes = (schedule.instructions, 0 if len(demos) == 1 else schedule.demo_sets)
    if (first.instructions, first.demo_sets) != sizes or len(first.lengths) != len(facts.predictors):
        return None
    if any(len(lengths) < schedule.instructions for lengths in first.lengths):
        return None
    parts: dict[tuple[int, int, int], Prompts] = {}
    for trial in first.draws:
        for place, (instruction, demo_set) in enumerate(trial):
            if instruction <= 0 and demo_set <= 0:
                continue
            # Known to the token: the mean text and what this one differs from it by.
            longer = first.lengths[place][instruction] - first.lengths[place][0]
            usual = facts.texts.tokens - facts.instruction_tokens if instruction else 0.0
            parts[place, instruction, demo_set] = structs.replace(
                demos[max(demo_set, 0)], runs=1, replaced=float(instruction > 0), extra_tokens=longer - usual
            )
    if not parts:
        return None
    mixed = structs.replace(_mix_all(list(parts.values())), runs=float(len(first.draws)))
    return _Known(len(first.draws), len(parts) / len(facts.predictors), mixed)


def _mix_all(parts: list[Prompts]) -> Prompts:
    return mix(parts, sum(part.runs for part in parts))


def plan_search(facts: Facts, params: Params) -> Work:
    """Bootstraps, proposals, and the evaluations of `Schedule.steps` (`mipro_optimizer_v2.py`)."""
    schedule = Schedule(params, val=facts.sizes[1], predictors=len(facts.predictors))
    sets = bootstrap_sets(facts, params, schedule)
    best, prompts = _prompts(facts, params, schedule, sets)
    return Work(
        student_runs=exactly(sum(part.runs for part in prompts)),
        prompts=tuple(prompts),
        teacher_prompts=expect_teacher(sets, facts),
        result=best,
        # Batches of rows for the summary; code, demonstrations and the summary for the instructions.
        shown=Shown(fixed=900.0, rows=params["view_data_batch_size"]),
        scored_on_val=schedule.val_rows / max(facts.sizes[1], 1),
        teacher_runs=count_all_attempts(sets, facts),
        proposer_calls=_proposer_calls(facts, params, schedule),
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )
