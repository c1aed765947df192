"""COPRO: asks a proposer for better instructions, scores each on the train split, and asks again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import structs

from .base import CompileInputs, Optimizer
from .facts import Facts
from .plan import PROPOSAL_RETRIES, Range, Shown, Work, exactly
from .prompts import Prompts, changed_share, inherited_share
from .spec import Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

_PROBED_RUNS = 200

SPEC = Spec(
    name="COPRO",
    summary="Rewrites instructions by trial and error, scored on the train split; its proposer sees no data.",
    description=(
        "For each predictor the proposer writes breadth - 1 variants of the instruction; all are scored on "
        "the whole train split, and depth - 1 times more the proposer writes breadth new ones, shown the "
        "earlier ones with their scores. It never sees a row of data, so it helps where wording matters and "
        "the model knows the task; a small model that only knows its prompt has little to gain. With "
        "several predictors every candidate of each is scored again at every depth."
    ),
    parameters=(
        Parameter(
            name="breadth",
            type="int",
            default=10,
            low=2,
            meaning="instructions per predictor and depth",
            cost_effect="each is one evaluation of the whole train split",
        ),
        Parameter(
            name="depth",
            type="int",
            default=3,
            low=1,
            meaning="rounds of proposals",
            cost_effect="grows linearly with one predictor, with the square of it with several",
        ),
        Parameter(
            name="init_temperature",
            type="float",
            default=1.4,
            low=0.0,
            high=2.0,
            meaning="temperature of the proposer; higher is more creative",
        ),
    ),
    presets={
        "light": {"breadth": 4, "depth": 2},
        "medium": {"breadth": 10, "depth": 3},
        "heavy": {"breadth": 16, "depth": 4},
    },
    needs=Needs(),
    roles=("student", "proposer"),
    seed_use="Nothing: COPRO draws nothing by itself; runs differ only by the models' answers.",
    not_exposed={
        "metric": "it is the workspace's metric",
        "prompt_model": "it is the model of the role proposer",
        "track_stats": "every score is recorded anyway",
        "eval_kwargs": "num_threads comes from run.num_threads",
    },
)


def evaluations(predictors: int, breadth: int, depth: int) -> Iterator[tuple[int, int, int]]:
    """Depth, predictor and candidate (each from 0) of every evaluation COPRO makes, in its order.

    With one predictor each depth scores its new candidates; with several, all candidates so far are scored
    again at each depth, because the other predictors changed.
    """
    for level in range(depth):
        for predictor in range(predictors):
            candidates = breadth if predictors == 1 else breadth * (level + 1)
            for candidate in range(candidates):
                yield level, predictor, candidate


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    from dspy.teleprompt import COPRO

    from .watch import EvaluationWatch, Trials

    names: list[str] = [name for name, _ in inputs.student.named_predictors()]
    breadth: int = params["breadth"]
    depth: int = params["depth"]
    schedule = list(evaluations(len(names), breadth, depth))

    def note(trial: int) -> str:
        if trial > len(schedule):
            return ""
        level, predictor, candidate = schedule[trial - 1]
        return f"depth {level + 1} of {depth}, {names[predictor]}, instruction {candidate + 1}"

    def component(proposal: int) -> str:
        first = (breadth - 1) * len(names)
        if proposal < first:
            return names[proposal // (breadth - 1)]
        return names[(proposal - first) // breadth % len(names)]

    trials = Trials(inputs.observer, total=len(schedule), note=note)
    watch = EvaluationWatch(
        inputs,
        trials,
        origin=SPEC.name,
        proposal_field="proposed_instruction",
        proposal_component=component,
    )
    optimizer = COPRO(
        metric=watch.watch_metric(inputs.metric.for_evaluate()),
        prompt_model=inputs.lms["proposer"],
        **SPEC.arguments(params, "init"),
    )
    with watch.installed():
        return optimizer.compile(
            inputs.student,
            trainset=inputs.trainset,
            eval_kwargs={"num_threads": inputs.num_threads, "display_progress": True},
        )


def _work(facts: Facts, params: Params) -> Work:
    """Every evaluation is the whole train split; proposals are asked for all at once, each is one call.

    From `copro_optimizer.py`, with P predictors, breadth b and depth d: b · d evaluations for P = 1, else
    P · b · d (d + 1) / 2; P · (b - 1) proposals at first and P · b at each of the d - 1 later depths.

    Equal instructions make equal prompts, so only different ones are new (ChatAdapter shows no prefixes).
    With several predictors a candidate changes the prompt of one of them; scored again, it is new only as far
    as the predictors above it have changed since.
    """
    predictors, breadth, depth = len(facts.predictors), params["breadth"], params["depth"]
    scored = sum(1 for _ in evaluations(predictors, breadth, depth))
    proposals = predictors * ((breadth - 1) + (depth - 1) * breadth)
    rows = facts.sizes[0]
    first = breadth * depth * predictors
    different = facts.texts.different_share if facts.texts else 1.0
    # The instruction as it is comes first and is new everywhere, all others change one predictor.
    once = (1 + different * changed_share(facts) * (first - 1)) / first
    again = different * inherited_share(facts) / predictors
    if facts.new_share is not None:
        once, again = facts.new_share, 0.0
    replaced = 1 - 1 / (breadth * depth)
    return Work(
        student_runs=exactly(scored * rows),
        prompts=(
            Prompts(runs=first * rows, new=once, rows=rows, replaced=replaced),
            Prompts(
                runs=(scored - first) * rows,
                new=again,
                rows=rows,
                replaced=replaced,
            ),
        ),
        result=Prompts(runs=0, replaced=replaced),
        scored_on_val=0.0,
        # The earlier instructions are shown with their scores.
        shown=Shown(fixed=320.0 + 60.0 * breadth * (depth - 1) / depth),
        proposer_calls=Range(proposals, proposals, PROPOSAL_RETRIES * proposals),
    )


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """COPRO itself on a few rows: its proposals, and how many of its evaluations ask something new."""
    from .probe import probe_texts

    depth = scored = 0
    for deeper in range(1, params["depth"] + 1):
        evaluated = sum(1 for _ in evaluations(len(facts.predictors), params["breadth"], deeper))
        if deeper <= 2 or evaluated <= _PROBED_RUNS:  # later rounds are shown scores
            depth, scored = deeper, evaluated
    rows = min(max(1, _PROBED_RUNS // scored), facts.sizes[0])
    found = probe_texts(OPTIMIZER, inputs, {**params, "depth": depth}, train=rows)
    share = found.new_share
    if share is not None:
        # Scoring again asks little that is new: reckon it by candidate, which holds for any depth.
        share = min(1.0, share * scored / (len(facts.predictors) * params["breadth"] * depth))
    return structs.replace(facts, texts=found.texts, new_share=share)


OPTIMIZER = Optimizer(SPEC, _build, _work, _probe)
