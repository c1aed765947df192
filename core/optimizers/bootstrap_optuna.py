"""BootstrapFewShotWithOptuna: Optuna picks which one demonstration each predictor gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .base import CompileInputs, Optimizer, order_by_seed
from .bootstrapping import (
    assume_bootstraps,
    count_all_attempts,
    expect_prompts,
    expect_teacher,
    first_order,
    make_set,
)
from .demos import MAX_ROUNDS, SUPPLIED
from .facts import Facts
from .plan import Work, exactly
from .prompts import Prompts, combined_share
from .spec import Conflict, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

_PROBED_ROWS = 100
_PROBED_PROGRAMS = 8

SPEC = Spec(
    name="BootstrapFewShotWithOptuna",
    summary=(
        "Bootstraps a pool of demonstrations, then lets Optuna choose one for each predictor by val score."
    ),
    description=(
        "One bootstrap makes a pool of demonstrations; each trial gives every predictor a single one of "
        "them, scores the whole val split, and Optuna's sampler learns which ones help. Prompts stay short: "
        "one demonstration."
    ),
    parameters=(
        Parameter(
            name="num_candidate_programs",
            type="int",
            default=16,
            low=1,
            meaning="trials",
            cost_effect="each is one evaluation of the whole val split",
        ),
        Parameter(
            name="max_demos",
            type="int",
            default=4,
            low=0,
            goes_to="compile",
            meaning="bootstrapped demonstrations in the pool of each predictor",
            cost_effect="more teacher runs until that many examples came out right",
        ),
        Parameter(
            name="max_labeled_demos",
            type="int",
            default=16,
            low=0,
            meaning="size of the pool of each predictor, filled up with labeled rows",
        ),
        MAX_ROUNDS,
    ),
    presets={
        "light": {"num_candidate_programs": 8},
        "medium": {"num_candidate_programs": 16},
        "heavy": {"num_candidate_programs": 32, "max_demos": 8},
    },
    conflicts=(
        Conflict(
            parameters=("max_demos", "max_labeled_demos"),
            when=lambda params, facts: params["max_demos"] + params["max_labeled_demos"] == 0,
            explanation="with max_demos=0 and max_labeled_demos=0 there is no demonstration to choose from",
            fix="set one of them above 0",
        ),
    ),
    needs=Needs(min_train=2, min_val=1, extras=("optuna",)),
    roles=("student", "teacher"),
    seed_use="Seeds Optuna's sampler and orders the train rows.",
    not_exposed={**SUPPLIED, "max_bootstrapped_demos": "DSPy does not use it; max_demos is what counts"},
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    from dspy.teleprompt import BootstrapFewShotWithOptuna
    from optuna.samplers import TPESampler

    from .watch import EvaluationWatch, Trials

    class SeededOptuna(BootstrapFewShotWithOptuna):  # type: ignore[misc]  # dspy is untyped for mypy
        """DSPy makes the study without a seed; the first trial puts a seeded sampler in its place."""

        def objective(self, trial: Any) -> float:
            if trial.number == 0:
                trial.study.sampler = TPESampler(seed=inputs.seed)
            return super().objective(trial)  # type: ignore[no-any-return]

    total = params["num_candidate_programs"]
    watch = EvaluationWatch(inputs, Trials(inputs.observer, total=total), origin=SPEC.name)
    optimizer = SeededOptuna(
        metric=watch.watch_metric(inputs.metric.for_bootstrap()),
        teacher_settings={"lm": inputs.lms["teacher"]},
        num_threads=inputs.num_threads,
        **SPEC.arguments(params, "init"),
    )
    with watch.installed():
        return optimizer.compile(
            inputs.student,
            trainset=order_by_seed(inputs.trainset, inputs.seed),
            valset=inputs.valset,
            **SPEC.arguments(params, "compile"),
        )


def _work(facts: Facts, params: Params) -> Work:
    """One bootstrap that wants `max_demos`; every trial is one evaluation on val (`teleprompt_optuna.py`).

    A trial gives each predictor one demonstration of the pool, so trials repeat each other's prompts. No
    trial leaves the program as it is: where a single demonstration does harm, none may be better.
    """
    sets = [make_set(params, params["max_demos"], params["max_labeled_demos"], first_order(facts))]
    pool = expect_prompts(sets[0], facts, 0)
    size = max(pool.bootstrapped + pool.labeled, 1.0)
    trials = params["num_candidate_programs"]
    runs = trials * facts.sizes[1]
    better = facts.better_share
    one = Prompts(
        runs=runs,
        new=combined_share(facts, size, trials),
        rows=facts.sizes[1],
        bootstrapped=pool.bootstrapped / size,
        labeled=pool.labeled / size,
    )
    return Work(
        student_runs=exactly(runs),
        teacher_runs=count_all_attempts(sets, facts),
        prompts=(one,),
        improves=1.0 if better is None else 1.0 - (1.0 - better) ** trials,
        teacher_prompts=expect_teacher(sets, facts),
        result=one,
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """Whether a single demonstration makes the program better: some are tried on a few rows."""
    from .probe_program import compare_scores

    return msgspec.structs.replace(
        facts, better_share=compare_scores(inputs, rows=_PROBED_ROWS, programs=_PROBED_PROGRAMS)
    )


OPTIMIZER = Optimizer(SPEC, _build, _work, _probe)
