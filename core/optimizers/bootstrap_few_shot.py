"""BootstrapFewShot: the teacher's own right answers as demonstrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import CompileInputs, Optimizer, bootstrap_metric, order_by_seed
from .bootstrapping import (
    assume_bootstraps,
    count_all_attempts,
    expect_prompts,
    expect_teacher,
    first_order,
    make_set,
)
from .demos import MAX_ROUNDS, METRIC_THRESHOLD, SUPPLIED, demo_parameters
from .facts import Facts
from .plan import Work
from .spec import Params, Spec

if TYPE_CHECKING:
    import dspy

SPEC = Spec(
    name="BootstrapFewShot",
    summary="Runs a teacher over the train rows and keeps its right answers as demonstrations; few calls.",
    description=(
        "The teacher (the same program, on the teacher's model, with labeled demonstrations) answers train "
        "rows one after the other until max_bootstrapped_demos of them come out right; their traces become "
        "demonstrations of each predictor, and labeled rows fill up the rest. Nothing is scored on the val "
        "split on the way."
    ),
    parameters=(*demo_parameters(), MAX_ROUNDS, METRIC_THRESHOLD),
    presets={
        "light": {"max_bootstrapped_demos": 2, "max_labeled_demos": 8},
        "medium": {"max_bootstrapped_demos": 4, "max_labeled_demos": 16},
        "heavy": {"max_bootstrapped_demos": 8, "max_labeled_demos": 16, "max_rounds": 2},
    },
    roles=("teacher",),
    seed_use="Another seed orders the train rows differently; DSPy's own draws are fixed.",
    not_exposed=SUPPLIED,
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    import dspy

    from .watch_bootstrap import BootstrapWatch

    watch = BootstrapWatch(
        inputs, wanted=params["max_bootstrapped_demos"], threshold=params["metric_threshold"]
    )
    optimizer = dspy.BootstrapFewShot(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        teacher_settings={"lm": inputs.lms["teacher"]},
        max_errors=watch.max_errors,
        **SPEC.arguments(params, "init"),
    )
    with watch.installed():
        return optimizer.compile(inputs.student, trainset=order_by_seed(inputs.trainset, inputs.seed))


def _work(facts: Facts, params: Params) -> Work:
    """One bootstrap of the rows in order; `_train` only draws labeled rows (`bootstrap.py`)."""
    sets = [
        make_set(params, params["max_bootstrapped_demos"], params["max_labeled_demos"], first_order(facts))
    ]
    return Work(
        teacher_runs=count_all_attempts(sets, facts),
        teacher_prompts=expect_teacher(sets, facts),
        result=expect_prompts(sets[0], facts, 0),
        scored_on_val=0.0,
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )


OPTIMIZER = Optimizer(SPEC, _build, _work)
