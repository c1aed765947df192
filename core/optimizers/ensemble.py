"""Ensemble: several programs answer, and their answers are put to the vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from . import bootstrap_few_shot, bootstrap_random_search
from .base import CompileInputs, Optimizer, bootstrap_metric, load_code, order_by_seed
from .bootstrapping import assume_bootstraps, count_all_attempts, expect_prompts, expect_teacher, make_set
from .demos import MAX_ROUNDS, METRIC_THRESHOLD, demo_parameters
from .facts import Facts
from .plan import Work
from .prompts import mix
from .spec import Artifact, Conflict, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy


def _ours(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The members' parameters: Ensemble itself does not take them."""
    from dataclasses import replace

    return tuple(replace(parameter, goes_to="ours") for parameter in parameters)


SPEC = Spec(
    name="Ensemble",
    summary="Makes several few-shot programs and lets them vote on every answer.",
    description=(
        "The members are the best programs of a BootstrapFewShotWithRandomSearch, or of one bootstrap each "
        "from differently ordered rows. Every question is answered by all of them (or by `size` drawn "
        "ones), field by field the most frequent answer wins. Steadier answers, at so many times the calls "
        "in production."
    ),
    parameters=(
        Parameter(
            name="programs",
            type="int",
            default=3,
            low=2,
            goes_to="ours",
            meaning="members",
            cost_effect="every later answer costs this many program runs",
        ),
        Parameter(
            name="source",
            type="str",
            default="random_search",
            choices=("random_search", "bootstrap"),
            goes_to="ours",
            meaning="take the best candidates of a random search, or one bootstrap each without scoring them",
            cost_effect="a random search scores num_candidate_programs + 3 candidates on the val split",
        ),
        Parameter(
            name="size",
            type="int",
            default=None,
            optional=True,
            low=1,
            meaning="members drawn for each answer; none asks all. DSPy draws unseeded, so answers then vary",
            cost_effect="fewer program runs per answer",
        ),
        Parameter(
            name="reduce",
            type="str",
            default="each_field",
            choices=("each_field", "majority"),
            target=True,
            goes_to="ours",
            meaning=(
                "how answers become one: a vote on each field, `dspy.majority` on one text field, or your "
                "function from a list of predictions to one"
            ),
        ),
        Parameter(
            name="field",
            type="str",
            default=None,
            optional=True,
            goes_to="ours",
            meaning="the field that reduce=majority votes on; none takes the last",
        ),
        *_ours(
            (
                Parameter(
                    name="num_candidate_programs",
                    type="int",
                    default=8,
                    low=0,
                    meaning="shuffled candidates of the random search",
                    cost_effect="each is one bootstrap and one evaluation of the whole val split",
                ),
                *demo_parameters(least_bootstrapped=1),
                MAX_ROUNDS,
                METRIC_THRESHOLD,
            )
        ),
    ),
    presets={
        "light": {"programs": 3, "source": "bootstrap"},
        "medium": {"programs": 3, "num_candidate_programs": 8},
        "heavy": {"programs": 5, "num_candidate_programs": 16},
    },
    conflicts=(
        Conflict(
            parameters=("size",),
            when=lambda params, facts: (params["size"] or 0) > params["programs"],
            explanation="size={size} members cannot be drawn from {programs} programs",
            fix="set size to at most {programs}, or leave it out",
        ),
        Conflict(
            parameters=("programs",),
            when=lambda params, facts: (
                params["source"] == "random_search"
                and params["programs"] > params["num_candidate_programs"] + 3
            ),
            explanation=(
                "a random search of {num_candidate_programs} + 3 candidates has no {programs} programs to "
                "take"
            ),
            fix="raise num_candidate_programs, or lower programs",
        ),
        Conflict(
            parameters=("field",),
            when=lambda params, facts: params["field"] is not None and params["reduce"] != "majority",
            explanation="field is for reduce=majority; reduce is {reduce}",
            fix="leave out field, or set reduce to majority",
        ),
    ),
    needs=Needs(min_val=1),
    roles=("student", "teacher"),
    seed_use="Another seed orders the train rows differently, so other members come out.",
    not_exposed={
        "reduce_fn": "it is chosen by reduce",
        "deterministic": "DSPy refuses it",
        "metric": "it is the workspace's metric",
    },
    artifact=Artifact(
        kind="ensemble",
        portable=True,
        note=(
            "One state file holds all members. Plain dspy reads it into an ensemble of as many fresh "
            "programs: `Ensemble(reduce_fn=…).compile([MyProgram() for _ in range(n)]).load(path)`."
        ),
    ),
)


def vote_each_field(predictions: Sequence[dspy.Prediction]) -> dspy.Prediction:
    """The most frequent value of each field; the earlier answer wins a tie.

    Values are compared by what they print as, so lists and models can be voted on like texts.
    """
    import dspy

    fields: dict[str, Any] = {}
    for name in predictions[0].keys():  # noqa: SIM118  # a Prediction iterates differently
        values = [prediction[name] for prediction in predictions if name in prediction]
        winner, _ = Counter(repr(value) for value in values).most_common(1)[0]
        fields[name] = next(value for value in values if repr(value) == winner)
    return dspy.Prediction(**fields)


def _reduce(inputs: CompileInputs, params: Params) -> Callable[[Sequence[Any]], Any]:
    import dspy

    name = params["reduce"]
    if name == "each_field":
        return vote_each_field
    if name == "majority":
        return partial(dspy.majority, field=params["field"]) if params["field"] else dspy.majority
    return load_code(inputs, "reduce", name)  # type: ignore[no-any-return]


def _assemble(inputs: CompileInputs, params: Params, members: list[dspy.Module]) -> dspy.Module:
    from dspy.teleprompt import Ensemble

    return Ensemble(reduce_fn=_reduce(inputs, params), **SPEC.arguments(params, "init")).compile(members)


def _make_shell(inputs: CompileInputs, params: Params) -> dspy.Module:
    return _assemble(inputs, params, [inputs.student.deepcopy() for _ in range(params["programs"])])


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    from ..programs.state import apply_state, dump_state

    found = _search(inputs, params) if params["source"] == "random_search" else _bootstrap(inputs, params)
    members = []
    for program in found:
        # Inside another program a compiled one counts as frozen: its state would not be saved.
        member = inputs.student.deepcopy()
        apply_state(member, dump_state(program))
        members.append(member)
    return _assemble(inputs, params, members)


def _search(inputs: CompileInputs, params: Params) -> list[dspy.Module]:
    spec = bootstrap_random_search.SPEC
    names = {parameter.name for parameter in spec.parameters} & params.keys()
    defaults = {parameter.name: parameter.default for parameter in spec.parameters}
    best = bootstrap_random_search.search(inputs, {**defaults, **{name: params[name] for name in names}})
    return [candidate["program"] for candidate in best.candidate_programs[: params["programs"]]]


def _member_seed(seed: int, params: Params, index: int) -> int:
    """Orders the rows of each member differently; other seeds give other members."""
    return seed * int(params["programs"]) + index


def _bootstrap(inputs: CompileInputs, params: Params) -> list[dspy.Module]:
    import dspy

    from .watch import Watch

    watch = Watch(inputs)
    members = []
    with watch.installed():
        for index in range(params["programs"]):
            inputs.observer.trial_started(index + 1, total=params["programs"], note=f"member {index + 1}")
            optimizer = dspy.BootstrapFewShot(
                metric=watch.watch_metric(bootstrap_metric(inputs, params)),
                teacher_settings={"lm": inputs.lms["teacher"]},
                max_errors=watch.max_errors,
                **{
                    parameter.name: params[parameter.name] for parameter in bootstrap_few_shot.SPEC.parameters
                },
            )
            rows = order_by_seed(inputs.trainset, _member_seed(inputs.seed, params, index))
            program = optimizer.compile(inputs.student, trainset=rows)
            members.append(program)
            candidate = inputs.observer.candidate(program, origin=f"member {index + 1}")
            inputs.observer.trial_ended(index + 1, candidate=candidate)
    return members


def _work(facts: Facts, params: Params) -> Work:
    """The work of a random search, or one bootstrap per member; then every answer is one run per member."""
    members = params["size"] or params["programs"]
    if params["source"] == "random_search":
        search = bootstrap_random_search.plan_search(facts, params)
        return structs.replace(search, student_runs_per_answer=members)
    sets = []
    for index in range(params["programs"]):
        order = order_by_seed(range(facts.sizes[0]), _member_seed(facts.seed, params, index))
        sets.append(make_set(params, params["max_bootstrapped_demos"], params["max_labeled_demos"], order))
    return Work(
        teacher_runs=count_all_attempts(sets, facts),
        teacher_prompts=expect_teacher(sets, facts),
        result=mix([expect_prompts(one, facts, 1) for one in sets], 0),
        scored_on_val=0.0,
        student_runs_per_answer=members,
        bootstraps=tuple(sets),
        assumptions=assume_bootstraps(sets, facts),
    )


OPTIMIZER = Optimizer(SPEC, _build, _work, make_shell=_make_shell)
