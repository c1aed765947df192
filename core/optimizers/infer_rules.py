"""InferRules: bootstraps demonstrations, then lets the proposer write rules from the train rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

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
from .plan import PROPOSAL_RETRIES, Range, Shown, Work, exactly
from .prompts import combined_share, fit_choices
from .spec import Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

_PREAMBLE_TOKENS = 14
"""Of the line DSPy puts between the instruction and the rules."""

_PROBED_CANDIDATES = 10

SPEC = Spec(
    name="InferRules",
    summary="Has rules written from the train rows, adds them to the instructions, keeps the best on val.",
    description=(
        "First one bootstrap of demonstrations; then num_candidates times, for every predictor, the "
        "proposer reads the train rows and writes num_rules rules, which are appended to the instructions; "
        "each such program is scored on the whole val split. The train rows must fit into one prompt (DSPy "
        "drops rows until they do)."
    ),
    parameters=(
        Parameter(
            name="num_candidates",
            type="int",
            default=10,
            low=1,
            meaning="programs with newly written rules",
            cost_effect="each is one proposer call per predictor and one evaluation of the whole val split",
        ),
        Parameter(name="num_rules", type="int", default=10, low=1, meaning="rules asked for, per predictor"),
        *demo_parameters(),
        MAX_ROUNDS,
        METRIC_THRESHOLD,
    ),
    presets={
        "light": {"num_candidates": 4},
        "medium": {"num_candidates": 10},
        "heavy": {"num_candidates": 20, "num_rules": 15},
    },
    needs=Needs(min_val=1),
    roles=("student", "teacher", "proposer"),
    seed_use="Another seed orders the train rows differently; DSPy's own draws are fixed.",
    not_exposed=SUPPLIED,
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    from dspy.teleprompt import InferRules
    from dspy.teleprompt.infer_rules import RulesInductionProgram

    from .watch import EvaluationWatch, Trials

    class SeparateRules(InferRules):  # type: ignore[misc]  # dspy is untyped for mypy
        """Gives each candidate a signature of its own.

        DSPy writes the rules into the signature class, which all copies of the program share: every candidate
        would end up with the rules of the last one, and so would the person's own program.
        """

        def update_program_instructions(self, predictor: Any, natural_language_rules: str) -> None:
            predictor.signature = predictor.signature.with_instructions(predictor.signature.instructions)
            super().update_program_instructions(predictor, natural_language_rules)

    trials = Trials(inputs.observer, total=params["num_candidates"], eager=True)
    names = [name for name, _ in inputs.student.named_predictors()]
    watch = EvaluationWatch(
        inputs,
        trials,
        origin=SPEC.name,
        proposal_field="natural_language_rules",
        proposal_component=lambda index: names[index % len(names)],
    )
    optimizer = SeparateRules(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        teacher_settings={"lm": inputs.lms["teacher"]},
        num_threads=inputs.num_threads,
        max_errors=watch.max_errors,
        **SPEC.arguments(params, "init"),
    )
    # DSPy would let the teacher write the rules as well; writing prompts is the proposer's work.
    optimizer.rules_induction_program = RulesInductionProgram(
        params["num_rules"], teacher_settings={"lm": inputs.lms["proposer"]}
    )
    with watch.installed():
        return optimizer.compile(
            inputs.student, trainset=order_by_seed(inputs.trainset, inputs.seed), valset=inputs.valset
        )


def _work(facts: Facts, params: Params) -> Work:
    """One bootstrap; then per candidate one rule induction for each predictor and one evaluation on val.

    From `infer_rules.py`. When the train rows do not fit into the proposer's prompt, DSPy drops the last and
    asks again: those calls fail, and are not counted here.
    """
    sets = [
        make_set(params, params["max_bootstrapped_demos"], params["max_labeled_demos"], first_order(facts))
    ]
    proposals = params["num_candidates"] * len(facts.predictors)
    runs = params["num_candidates"] * facts.sizes[1]
    one = msgspec.structs.replace(
        expect_prompts(sets[0], facts, runs),
        new=_new_share(facts, params["num_candidates"]),
        rows=facts.sizes[1],
        appended=1.0,
        extra_tokens=_PREAMBLE_TOKENS,
    )
    return Work(
        student_runs=exactly(runs),
        teacher_runs=count_all_attempts(sets, facts),
        prompts=(one,),
        teacher_prompts=expect_teacher(sets, facts),
        result=one,
        shown=Shown(fixed=250.0, rows=facts.sizes[0]),
        proposer_calls=Range(proposals, proposals, PROPOSAL_RETRIES * proposals),
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )


def _new_share(facts: Facts, candidates: int) -> float:
    """Rules that a predictor has had before make the same prompt again."""
    if facts.texts is None or not facts.texts.count or not facts.predictors:
        return 1.0
    predictors = len(facts.predictors)
    choices = fit_choices(facts.texts.count / predictors, facts.texts.different / predictors)
    return 1.0 if choices is None else combined_share(facts, choices, candidates)


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """The rules of a few candidates: they are induced from all train rows, as in a whole run."""
    from .probe import probe_texts

    several = min(params["num_candidates"], _PROBED_CANDIDATES)
    settings = {**params, "num_candidates": several, "max_bootstrapped_demos": 0}
    found = probe_texts(OPTIMIZER, inputs, settings, val=1)
    return msgspec.structs.replace(facts, texts=found.texts)


OPTIMIZER = Optimizer(SPEC, _build, _work, _probe)
