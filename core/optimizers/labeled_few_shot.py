"""LabeledFewShot: labeled rows as demonstrations, no LM call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import CompileInputs, Optimizer, order_by_seed
from .facts import Facts
from .plan import Work
from .prompts import Prompts
from .spec import Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

SPEC = Spec(
    name="LabeledFewShot",
    summary="Puts labeled rows into the prompt as they are; costs nothing.",
    description=(
        "Draws up to k rows of the train split and uses them as demonstrations of every predictor. Fields "
        "that a row lacks stay empty, so it helps most when the program is one predictor and the labels are "
        "its outputs."
    ),
    parameters=(
        Parameter(
            name="k",
            type="int",
            default=16,
            low=1,
            meaning="demonstrations per predictor",
            cost_effect="longer prompts, no more calls",
        ),
        Parameter(
            name="sample",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="draw the rows; if false, take the first k",
        ),
    ),
    presets={"light": {"k": 8}, "medium": {"k": 16}, "heavy": {"k": 32}},
    roles=(),
    seed_use="Another seed draws other rows (DSPy's own draw is fixed); the first k rows stay the first k.",
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    import dspy

    optimizer = dspy.LabeledFewShot(**SPEC.arguments(params, "init"))
    rows = order_by_seed(inputs.trainset, inputs.seed if params["sample"] else 0)
    inputs.observer.trial_started(1, total=1, note="labeled demonstrations")
    program = optimizer.compile(inputs.student, trainset=rows, **SPEC.arguments(params, "compile"))
    inputs.observer.trial_ended(1, candidate=inputs.observer.candidate(program, origin=SPEC.name))
    return program


def _work(facts: Facts, params: Params) -> Work:
    """Nothing: `vanilla.py` only draws rows, which every prompt of the optimized program holds."""
    return Work(result=Prompts(runs=0, labeled=min(params["k"], facts.sizes[0])), scored_on_val=0.0)


OPTIMIZER = Optimizer(SPEC, _build, _work)
