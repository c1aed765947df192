"""BootstrapFewShotWithRandomSearch: many sets of demonstrations, each scored on the val split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .base import CompileInputs, Optimizer, bootstrap_metric, order_by_seed
from .bootstrapping import (
    assume_bootstraps,
    count_all_attempts,
    expect_prompts,
    expect_teacher,
    search_sets,
)
from .demos import MAX_ROUNDS, METRIC_THRESHOLD, SUPPLIED, demo_parameters
from .facts import Facts
from .plan import Range, Work, exactly
from .prompts import Prompts, mix
from .spec import Conflict, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy


def candidate_seeds(params: Params) -> list[int]:
    """DSPy's numbers of its candidates: -3 zero-shot, -2 labeled, -1 bootstrapped, 0 and up shuffled."""
    seeds = range(-3, params["num_candidate_programs"])
    restrict = params.get("restrict")
    return [seed for seed in seeds if restrict is None or seed in restrict]


def _matches_no_candidate(params: Params, facts: Facts) -> bool:
    return not candidate_seeds(params)


SPEC = Spec(
    name="BootstrapFewShotWithRandomSearch",
    summary="Tries many sets of bootstrapped demonstrations and keeps the one that scores best on val.",
    description=(
        "Scores the program as it is, with labeled demonstrations, with bootstrapped ones, and with "
        "num_candidate_programs more sets bootstrapped from shuffled train rows, each on the whole val "
        "split, and returns the best. Simple, robust, and the number of calls is known beforehand."
    ),
    parameters=(
        Parameter(
            name="num_candidate_programs",
            type="int",
            default=16,
            low=0,
            meaning="sets of demonstrations from shuffled rows, tried besides the three fixed candidates",
            cost_effect="each is one bootstrap and one evaluation of the whole val split",
        ),
        *demo_parameters(least_bootstrapped=1),
        MAX_ROUNDS,
        METRIC_THRESHOLD,
        Parameter(
            name="stop_at_score",
            type="float",
            default=None,
            optional=True,
            low=0.0,
            high=1.0,
            meaning="stop as soon as a candidate scores this on val (0 to 1); none tries all",
            cost_effect="may end the search early",
        ),
        Parameter(
            name="restrict",
            type="ints",
            default=None,
            optional=True,
            goes_to="compile",
            meaning=(
                "try only these candidates (-3 zero-shot, -2 labeled, -1 bootstrapped, 0 and up shuffled)"
            ),
            cost_effect="fewer candidates",
        ),
        Parameter(
            name="labeled_sample",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="draw the rows of the labeled candidate; if false, take the first ones",
        ),
    ),
    presets={
        "light": {"num_candidate_programs": 6},
        "medium": {"num_candidate_programs": 16},
        "heavy": {"num_candidate_programs": 32},
    },
    conflicts=(
        Conflict(
            parameters=("restrict",),
            when=_matches_no_candidate,
            explanation=(
                "restrict={restrict} names no candidate: there are -3 up to num_candidate_programs - 1"
            ),
            fix="name candidates from -3 up, or leave restrict out",
        ),
    ),
    needs=Needs(min_val=1),
    roles=("student", "teacher"),
    seed_use="Another seed orders the train rows differently; DSPy's own draws are fixed per candidate.",
    not_exposed=SUPPLIED,
)


def describe_candidate(seed: int) -> str:
    """What DSPy tries under this number."""
    fixed = {-3: "zero-shot", -2: "labeled demonstrations", -1: "bootstrapped, rows in order"}
    return fixed.get(seed, f"bootstrapped, shuffle {seed}")


def search(
    inputs: CompileInputs, params: Params, *, notes: Callable[[int], str] = describe_candidate
) -> dspy.Module:
    """Run the search with this module's parameters; `candidate_programs` of the result holds them all."""
    import dspy

    from .watch import EvaluationWatch, Trials

    seeds = candidate_seeds(params)
    trials = Trials(inputs.observer, total=len(seeds), note=lambda trial: notes(seeds[trial - 1]), eager=True)
    watch = EvaluationWatch(inputs, trials, origin=SPEC.name)
    settings = SPEC.arguments(params, "init")
    if settings["stop_at_score"] is not None:
        settings["stop_at_score"] *= 100  # dspy counts in percent
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        teacher_settings={"lm": inputs.lms["teacher"]},
        num_threads=inputs.num_threads,
        max_errors=watch.max_errors,
        **settings,
    )
    with watch.installed():
        return optimizer.compile(
            inputs.student,
            trainset=order_by_seed(inputs.trainset, inputs.seed),
            valset=inputs.valset,
            **SPEC.arguments(params, "compile"),
        )


def plan_search(facts: Facts, params: Params) -> Work:
    """Each candidate is evaluated on val, and all but the first two are bootstrapped first
    (`random_search.py`).

    The zero-shot candidate is the program as it is, which the run has scored on val before. Which candidate
    wins is not known: the optimized program is expected to be an average one of those with demonstrations.

    With `stop_at_score` the first candidate may be the last; nothing is known of the scores, so all are
    expected.
    """
    seeds = candidate_seeds(params)
    sets = search_sets(params, facts, seeds)
    runs = exactly(len(seeds) * facts.sizes[1])
    attempts = count_all_attempts(sets, facts)
    val = float(facts.sizes[1])
    prompts = [expect_prompts(one, facts, val) for one in sets]
    if -2 in seeds:
        prompts.append(Prompts(runs=val, labeled=min(params["max_labeled_demos"], facts.sizes[0])))
    result = mix(prompts, 0)
    if -3 in seeds:
        prompts.append(Prompts(runs=val, new=0.0))
    if params.get("stop_at_score") is not None:
        runs = Range(facts.sizes[1], runs.expected, runs.high)
        attempts = Range(0, attempts.expected, attempts.high)
    return Work(
        student_runs=runs,
        teacher_runs=attempts,
        prompts=tuple(prompts),
        teacher_prompts=expect_teacher(sets, facts),
        result=result,
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )


OPTIMIZER = Optimizer(SPEC, search, plan_search)
