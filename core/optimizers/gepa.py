"""GEPA: evolves instructions by reflecting on answers and feedback, keeping a Pareto front of candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs

from .base import CompileInputs, Optimizer, load_code
from .facts import Facts
from .gepa_budget import fit_changed_share, plan_iterations
from .spec import Conflict, DefaultRule, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy

_BUDGETS = ("auto", "max_full_evals", "max_metric_calls")


def _budgets(params: Params) -> int:
    return sum(params[name] is not None for name in _BUDGETS)


def _several_budgets(params: Params, facts: Facts) -> bool:
    return _budgets(params) > 1


def _no_budget(params: Params, facts: Facts) -> bool:
    return _budgets(params) == 0


SPEC = Spec(
    name="GEPA",
    summary="Reflects on answers and feedback to rewrite instructions, keeping a Pareto front over val rows.",
    description=(
        "Each iteration takes a candidate from the Pareto front, runs it on a few train rows, shows the "
        "reflection model the answers with the metric's feedback, and has it rewrite one predictor's "
        "instruction (or all). If the new program does better on those rows it is scored on the whole val "
        "split and joins the pool; good candidates are also merged. The best choice for programs of several "
        "predictors and for metrics that say in words what was wrong."
    ),
    parameters=(
        Parameter(
            name="auto",
            type="str",
            default="light",
            choices=("light", "medium", "heavy"),
            optional=True,
            meaning="budget of metric calls, as large as a MIPROv2 run with 6, 12 or 18 candidates",
            cost_effect="every metric call is one program run",
        ),
        Parameter(
            name="max_full_evals",
            type="int",
            default=None,
            optional=True,
            low=1,
            meaning="budget of max_full_evals × (train rows + val rows) metric calls (instead of auto)",
            cost_effect="every metric call is one program run",
        ),
        Parameter(
            name="max_metric_calls",
            type="int",
            default=None,
            optional=True,
            low=1,
            meaning="budget of metric calls (instead of auto); the last iteration may go past it",
            cost_effect="every metric call is one program run",
        ),
        Parameter(
            name="reflection_minibatch_size",
            type="int",
            default=3,
            low=1,
            meaning="train rows the reflection model is shown at a time",
            cost_effect="dearer iterations, so fewer of them in the same budget",
        ),
        Parameter(
            name="candidate_selection_strategy",
            type="str",
            default="pareto",
            choices=("pareto", "current_best", "epsilon_greedy", "top_k_pareto"),
            meaning="which candidate is improved next",
        ),
        Parameter(
            name="component_selector",
            type="str",
            default="round_robin",
            choices=("round_robin", "all"),
            target=True,
            meaning=(
                "which predictors are rewritten in one iteration: one in turn, all, or what your code says"
            ),
            cost_effect="`all` makes one reflection call per predictor and iteration",
        ),
        Parameter(
            name="use_merge",
            type="bool",
            default=True,
            meaning="also combine predictors of two good candidates",
            cost_effect="each attempt is 5 program runs, and a val evaluation if it is no worse",
        ),
        Parameter(
            name="max_merge_invocations",
            type="int",
            default=5,
            low=0,
            meaning="merges that may be accepted",
            cost_effect="inside the same budget",
        ),
        Parameter(
            name="skip_perfect_score",
            type="bool",
            default=True,
            meaning="make no proposal from rows that were all answered perfectly",
            cost_effect="if false, reflection calls are made for those too",
        ),
        Parameter(
            name="perfect_score",
            type="float",
            default=1.0,
            low=0.0,
            high=1.0,
            meaning="score that counts as perfect",
        ),
        Parameter(
            name="failure_score",
            type="float",
            default=0.0,
            low=0.0,
            high=1.0,
            meaning="score GEPA reckons with for a row that errored (never shown as a score)",
        ),
        Parameter(
            name="add_format_failure_as_feedback",
            type="bool",
            default=False,
            meaning="show the reflection model answers that could not be read",
        ),
        Parameter(
            name="acceptance_criterion",
            type="str",
            default="strict_improvement",
            choices=("strict_improvement", "improvement_or_equal"),
            goes_to="gepa",
            meaning="when a new program is good enough on its minibatch to be scored on val",
            cost_effect="accepting ties spends more of the budget on val evaluations",
        ),
        Parameter(
            name="frontier_type",
            type="str",
            default="instance",
            choices=("instance", "objective", "hybrid", "cartesian"),
            goes_to="gepa",
            meaning="what the Pareto front is over: val rows, sub-scores of the metric, or both",
        ),
        Parameter(
            name="cache_evaluation",
            type="bool",
            default=False,
            goes_to="gepa",
            meaning="reuse the score of a candidate on a row it has seen",
            cost_effect="saves program runs, so the budget buys more iterations",
        ),
        Parameter(
            name="merge_val_overlap_floor",
            type="int",
            default=5,
            low=1,
            goes_to="gepa",
            meaning="val rows two candidates must share before they are merged",
        ),
        Parameter(
            name="instruction_proposer",
            type="str",
            default=None,
            optional=True,
            target=True,
            meaning="your own proposer of instructions (a GEPA ProposalFn); runs on the reflection model",
        ),
        Parameter(
            name="code_proposer",
            type="str",
            default=None,
            optional=True,
            target=True,
            meaning="your own proposer of code, for programs with `dspy.Flex` parts",
        ),
        Parameter(
            name="additional_instructions",
            type="str",
            default=None,
            optional=True,
            goes_to="ours",
            meaning="guidance for the built-in proposer, added to every proposal",
        ),
        Parameter(
            name="instruction_max_chars",
            type="int",
            default=None,
            optional=True,
            low=1,
            goes_to="ours",
            meaning="most characters of an instruction the built-in proposer may write",
            cost_effect="one more reflection call when a draft is too long",
        ),
        Parameter(
            name="track_best_outputs",
            type="bool",
            default=False,
            meaning="keep the best answer to each val row in the program's detailed results",
        ),
        Parameter(
            name="warn_on_score_mismatch",
            type="bool",
            default=True,
            meaning="warn when the metric scores differently with and without a predictor's name",
        ),
    ),
    presets={"light": {"auto": "light"}, "medium": {"auto": "medium"}, "heavy": {"auto": "heavy"}},
    default_rules=(
        DefaultRule(
            parameter="auto",
            when=lambda params, given, facts: bool({"max_full_evals", "max_metric_calls"} & given),
            value=lambda params, facts: None,
            note="",
        ),
    ),
    conflicts=(
        Conflict(
            parameters=_BUDGETS,
            when=_several_budgets,
            explanation="GEPA takes one budget; these are auto={auto}, max_full_evals={max_full_evals}, "
            "max_metric_calls={max_metric_calls}",
            fix="keep one of the three",
        ),
        Conflict(
            parameters=_BUDGETS,
            when=_no_budget,
            explanation="GEPA needs a budget",
            fix="set one of auto, max_full_evals and max_metric_calls",
        ),
        Conflict(
            parameters=("instruction_proposer", "additional_instructions", "instruction_max_chars"),
            when=lambda params, facts: (
                params["instruction_proposer"] is not None
                and (params["additional_instructions"] or params["instruction_max_chars"]) is not None
            ),
            explanation=(
                "additional_instructions and instruction_max_chars are for the built-in proposer only"
            ),
            fix="leave them out, or leave out instruction_proposer",
        ),
    ),
    needs=Needs(feedback="wanted", min_val=1),
    roles=("student", "reflection"),
    seed_use="Seeds minibatches, the choice of candidates, and merges.",
    not_exposed={
        "metric": "it is the workspace's metric",
        "reflection_lm": "it is the model of the role reflection",
        "num_threads": "it is run.num_threads",
        "seed": "it is run.seed",
        "log_dir": "a resumed run replays its journal instead; GEPA's checkpoint is a pickle",
        "track_stats": "it is on",
        "use_wandb": "the run has a log of its own",
        "wandb_api_key": "the run has a log of its own",
        "wandb_init_kwargs": "the run has a log of its own",
        "use_mlflow": "the run has a log of its own",
        "gepa_kwargs": "its useful arguments are parameters of their own",
        "teacher": "GEPA has none",
    },
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    import dspy

    from .watch_gepa import GepaEvents, GepaWatch

    watch = GepaWatch(inputs)
    settings = SPEC.arguments(params, "init")
    settings["component_selector"] = _selector(inputs, params)
    settings["instruction_proposer"] = _proposer(inputs, params)
    settings["code_proposer"] = _loaded(inputs, params, "code_proposer")
    optimizer = dspy.GEPA(
        metric=watch.watch_metric(inputs.metric.for_gepa()),
        reflection_lm=inputs.lms["reflection"],
        num_threads=inputs.num_threads,
        seed=inputs.seed,
        track_stats=True,
        gepa_kwargs={"callbacks": [GepaEvents(watch)], **SPEC.arguments(params, "gepa")},
        **settings,
    )
    with watch.installed():
        return optimizer.compile(inputs.student, trainset=inputs.trainset, valset=inputs.valset)


def _loaded(inputs: CompileInputs, params: Params, name: str) -> Any:
    """The workspace's own code that a parameter names; a class is made into an instance."""
    if params[name] is None:
        return None
    found = load_code(inputs, name, params[name])
    return found() if isinstance(found, type) else found


def _selector(inputs: CompileInputs, params: Params) -> str | Callable[..., list[str]]:
    name: str = params["component_selector"]
    return _loaded(inputs, params, "component_selector") if ":" in name else name


def _proposer(inputs: CompileInputs, params: Params) -> Any:
    if params["instruction_proposer"] is not None:
        return _loaded(inputs, params, "instruction_proposer")
    if params["additional_instructions"] is None and params["instruction_max_chars"] is None:
        return None
    from dspy.teleprompt.gepa import InstructionProposer

    return InstructionProposer(
        additional_instructions=params["additional_instructions"], max_chars=params["instruction_max_chars"]
    )


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    from .probe import probe_reflections

    found = probe_reflections(OPTIMIZER, inputs, params, calls_per_run=facts.calls_per_run)
    known = structs.replace(facts, reflections=found.outcomes, texts=found.texts)
    changed = fit_changed_share(known, params, val=found.val, runs=found.new_runs)
    return structs.replace(known, changed_share=changed)


OPTIMIZER = Optimizer(SPEC, _build, plan_iterations, _probe)
