"""SIMBA: learns from minibatch rows on which the program sometimes succeeds and sometimes fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ..wording import percent
from .base import CompileInputs, Optimizer
from .facts import Facts
from .plan import PROPOSAL_RETRIES, Range, Shown, Work, exactly
from .prompts import Prompts, mix
from .spec import Conflict, DefaultRule, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

_ANSWERS_DIFFER = 0.5
"""Part of the rows whose sampled answers differ in score: temperature 1 and several programs see to that."""
_PROBED_ROWS = 8

SPEC = Spec(
    name="SIMBA",
    summary="Samples answers on minibatches and turns their differences into rules and demonstrations.",
    description=(
        "Each step runs the best programs so far num_candidates times on a minibatch of train rows, looks "
        "for rows whose answers vary most in score, and makes new programs by adding a good answer as a "
        "demonstration or a rule that the proposer writes from a good and a bad one. New programs are "
        "scored on the same minibatch; at the end the winners are scored on the whole train split. The val "
        "split is not used."
    ),
    parameters=(
        Parameter(
            name="bsize",
            type="int",
            default=32,
            low=1,
            meaning="rows of a minibatch; never more than the train split has",
            cost_effect="each step runs the program bsize × (2 · num_candidates + 1) times",
        ),
        Parameter(
            name="num_candidates",
            type="int",
            default=6,
            low=2,
            meaning="answers sampled per row, and new programs per step (one more than this)",
            cost_effect="each step runs the program bsize × (2 · num_candidates + 1) times",
        ),
        Parameter(
            name="max_steps",
            type="int",
            default=8,
            low=1,
            meaning="steps",
            cost_effect="each step runs the program bsize × (2 · num_candidates + 1) times",
        ),
        Parameter(
            name="max_demos",
            type="int",
            default=4,
            low=0,
            meaning="demonstrations a predictor holds before some are dropped; 0 writes rules only",
            cost_effect="longer prompts, no more calls",
        ),
        Parameter(
            name="demo_input_field_maxlen",
            type="int",
            default=100_000,
            low=1,
            meaning="characters of an input field kept in a demonstration",
        ),
        Parameter(
            name="temperature_for_sampling",
            type="float",
            default=0.2,
            low=0.001,
            meaning="how evenly programs are drawn for sampling answers; lower prefers the best",
        ),
        Parameter(
            name="temperature_for_candidates",
            type="float",
            default=0.2,
            low=0.001,
            meaning="how evenly programs are drawn as the source of new ones; lower prefers the best",
        ),
        Parameter(
            name="teacher_samples",
            type="bool",
            default=False,
            goes_to="ours",
            meaning="let the teacher's model give one of the num_candidates answers per row",
            cost_effect="moves one sampled answer in num_candidates from the student to the teacher",
        ),
    ),
    presets={
        "light": {"max_steps": 4, "num_candidates": 4},
        "medium": {"max_steps": 8, "num_candidates": 6},
        "heavy": {"max_steps": 12, "num_candidates": 8},
    },
    default_rules=(
        DefaultRule(
            parameter="bsize",
            when=lambda params, given, facts: facts.train is not None and params["bsize"] > facts.train,
            value=lambda params, facts: facts.train,
            note="bsize is {bsize}, the whole train split (DSPy's default of 32 needs 32 rows)",
        ),
    ),
    conflicts=(
        Conflict(
            parameters=("bsize",),
            when=lambda params, facts: facts.train is not None and params["bsize"] > facts.train,
            explanation="a minibatch of {bsize} rows is larger than the train split ({train} rows)",
            fix="set bsize to at most {train}, or leave it out",
        ),
    ),
    needs=Needs(feedback="useful", min_train=2),
    roles=("student", "teacher", "proposer"),
    seed_use="Seeds minibatches, draws of programs and strategies.",
    not_exposed={
        "metric": "it is the workspace's metric",
        "prompt_model": "it is the model of the role proposer",
        "teacher_settings": "it is the model of the role teacher, when teacher_samples is on",
        "num_threads": "it is run.num_threads",
        "seed": "it is run.seed",
    },
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    import dspy

    from .watch_simba import SimbaWatch

    watch = SimbaWatch(
        inputs,
        batch_size=params["bsize"],
        samples=params["num_candidates"],
        steps=params["max_steps"],
    )
    judge = inputs.metric.for_gepa()

    def metric(example: dspy.Example, prediction: dspy.Prediction) -> Any:
        # SIMBA shows the proposer everything besides the score, so feedback in words helps it.
        return judge(example, prediction, None, None, None)

    optimizer = dspy.SIMBA(
        metric=watch.watch_metric(metric),
        prompt_model=inputs.lms["proposer"],
        # SIMBA writes a rollout id into the teacher's LM, which must not reach other calls.
        teacher_settings={"lm": inputs.lms["teacher"].copy()} if params["teacher_samples"] else None,
        num_threads=inputs.num_threads,
        **SPEC.arguments(params, "init"),
    )
    with watch.installed():
        return optimizer.compile(inputs.student, trainset=inputs.trainset, seed=inputs.seed)


def _final_programs(params: Params) -> int:
    """Programs scored at the end: the winners of the steps, thinned out to num_candidates + 1 of them."""
    winners, places = params["max_steps"], params["num_candidates"]
    return len({round(place * winners / places) for place in range(places + 1)})


def _work(facts: Facts, params: Params) -> Work:
    """From `simba.py`, with bsize b, num_candidates c and max_steps s on n train rows.

    Each step samples b · c answers and scores up to c + 1 new programs (one per row looked at, so at most b)
    on b rows; at the end the winners are scored on n rows. A new program comes from a rule in one of two
    cases (always without demonstrations), and the proposer is called for it unless the row's answers all came
    out alike (`append_a_rule` in `simba_utils.py`); a program whose strategy raised is left out.

    Rows are looked at in the order of how much their sampled answers differ in score, so rules are for the
    c + 1 rows that differ most, as far as so many differ.
    """
    batch, samples, steps = params["bsize"], params["num_candidates"], params["max_steps"]
    new = min(samples + 1, batch)
    by_teacher = steps * batch if params["teacher_samples"] else 0
    sampled = steps * batch * samples - by_teacher
    scored = steps * new * batch
    final = _final_programs(params) * facts.sizes[0]
    by_rule = _rule_share(params)
    rules = steps * by_rule * min(new, _ANSWERS_DIFFER * batch)
    # Which strategy a new program comes from is drawn: two standard deviations on either side.
    spread = 2 * math.sqrt(steps * new * by_rule * (1 - by_rule))
    runs = sampled + scored + final
    prompts = _prompts(facts, params, sampled / steps, scored / steps, final)
    return Work(
        student_runs=Range(sampled + scored / 2 + final / 2, runs, runs),
        teacher_runs=exactly(by_teacher),
        prompts=tuple(prompts),
        teacher_prompts=structs.replace(prompts[0], rows=batch),
        result=prompts[-1],
        scored_on_val=0.0,
        # `OfferFeedback`, the code, and a row with a good and a bad trajectory.
        shown=Shown(fixed=1400.0, rows=4.0),
        longer_prompts=_rules_shown(facts, prompts[0].appended),
        proposer_calls=Range(0, rules, PROPOSAL_RETRIES * min(steps * new, steps * new * by_rule + spread)),
        assumptions=(f"on at least {percent(_ANSWERS_DIFFER)} of the rows, sampled answers differ in score",),
    )


def _rules_shown(facts: Facts, appended: float) -> float:
    """Tokens of the rules so far in the proposer's prompt: it shows all instructions (`inspect_modules`).

    A new program comes from one that holds as many rules as those that answers are sampled with; when tried
    alone for two steps these were half a rule.
    """
    if facts.texts is None:
        return 0.0
    return max(0.0, appended - 0.5) * facts.texts.tokens * len(facts.predictors)


def _rule_share(params: Params) -> float:
    return 0.5 if params["max_demos"] > 0 else 1.0


def _prompts(facts: Facts, params: Params, sampled: float, scored: float, final: float) -> list[Prompts]:
    """What the sampled answers, the new programs and the final evaluation send.

    A new program adds one rule or one demonstration to one of the best so far, and the best are mostly the
    latest: at step t it holds about t changes, those that answers are sampled with one less. Each step drops
    one in max_demos demonstrations. At the end every program was scored on its own minibatch before.
    """
    by_rule = _rule_share(params)
    demos = rules = 0.0
    sampling, scoring = [], []
    for _ in range(params["max_steps"]):
        sampling.append(Prompts(runs=sampled, bootstrapped=demos, appended=rules))
        demos = min(demos * (1 - 1 / max(params["max_demos"], 3)) + (1 - by_rule), params["max_demos"])
        rules += by_rule
        scoring.append(Prompts(runs=scored, bootstrapped=demos, appended=rules))
    programs = _final_programs(params)
    batch, rows = params["bsize"], facts.sizes[0]
    seen = (programs - 1) * min(1.0, batch / rows) / programs
    steps = params["max_steps"]
    # A rule that says nothing leaves the program as it was: of such copies in a step every other one is new.
    idle = by_rule / 2 if facts.texts is not None and not facts.texts.count else 0.0
    return [
        structs.replace(mix(sampling, sampled * steps), rows=batch),
        structs.replace(mix(scoring, scored * steps), rows=batch, new=1.0 - idle),
        structs.replace(mix(scoring, final), rows=rows, new=1.0 - seen),
    ]


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """Advice for a few rows: two small steps in which every new program comes from a rule."""
    from .probe import probe_texts

    rows = min(params["bsize"], _PROBED_ROWS, len(inputs.trainset))
    settings = {**params, "bsize": rows, "num_candidates": 3, "max_steps": 2, "max_demos": 0}
    found = probe_texts(OPTIMIZER, inputs, settings, train=rows)
    return structs.replace(facts, texts=found.texts)


OPTIMIZER = Optimizer(SPEC, _build, _work, _probe)
