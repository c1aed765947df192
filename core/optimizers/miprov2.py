"""MIPROv2: instructions and demonstrations chosen together by Bayesian optimization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from .base import CompileInputs, Optimizer, bootstrap_metric
from .demos import METRIC_THRESHOLD, demo_parameters
from .facts import Facts, FirstTrials, count_tokens
from .miprov2_schedule import RANDOM_TRIALS, Schedule, is_zero_shot, plan_search, trials_for
from .spec import Conflict, DefaultRule, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy


def _minibatch_is_too_large(params: Params, facts: Facts) -> bool:
    if facts.val is None or not facts.predictors:
        return False
    schedule = Schedule(params, val=facts.val, predictors=len(facts.predictors))
    return schedule.minibatch and schedule.minibatch_size > schedule.val_rows


def _demo_draw_is_empty(params: Params, facts: Facts) -> bool:
    return bool(params["max_bootstrapped_demos"] == 0 and params["max_labeled_demos"] > 0)


SPEC = Spec(
    name="MIPROv2",
    summary=(
        "Writes instructions grounded in data and program, and searches them together with demonstrations."
    ),
    description=(
        "Bootstraps sets of demonstrations, has the proposer describe the data and the program and write "
        "instructions, and then tries combinations of instruction and demonstrations with Optuna's TPE "
        "sampler, on minibatches of the val split when it is large. A good choice from about 50 to 200 "
        "examples."
    ),
    parameters=(
        Parameter(
            name="auto",
            type="str",
            default="light",
            choices=("light", "medium", "heavy"),
            optional=True,
            meaning=(
                "how much to try: 6, 12 or 18 candidates; none to set num_candidates and num_trials yourself"
            ),
            cost_effect="more candidates and more trials",
        ),
        Parameter(
            name="num_candidates",
            type="int",
            default=None,
            optional=True,
            low=2,
            meaning="demonstration sets, and instructions per predictor (instead of auto)",
            cost_effect="each set is one bootstrap, each instruction three proposer calls per predictor",
        ),
        Parameter(
            name="num_trials",
            type="int",
            default=None,
            optional=True,
            low=1,
            goes_to="compile",
            meaning="combinations tried (instead of auto)",
            cost_effect="each is one evaluation of a minibatch, or of the val split without minibatches",
        ),
        *demo_parameters(labeled=4),
        METRIC_THRESHOLD,
        Parameter(
            name="init_temperature",
            type="float",
            default=1.0,
            low=0.0,
            high=2.0,
            meaning="temperature of the proposer",
        ),
        Parameter(
            name="minibatch",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="score trials on a sample of the val split (auto decides by itself: above 50 rows)",
            cost_effect="cheaper trials, and a full evaluation now and then",
        ),
        Parameter(
            name="minibatch_size",
            type="int",
            default=35,
            low=1,
            goes_to="compile",
            meaning="rows of a minibatch",
            cost_effect="dearer trials",
        ),
        Parameter(
            name="minibatch_full_eval_steps",
            type="int",
            default=5,
            low=1,
            goes_to="compile",
            meaning="minibatch trials between two evaluations of the whole val split",
            cost_effect="a larger value saves full evaluations",
        ),
        Parameter(
            name="program_aware_proposer",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="show the proposer the program's code",
            cost_effect="two more proposer calls per instruction",
        ),
        Parameter(
            name="data_aware_proposer",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="show the proposer a summary of the data",
            cost_effect="up to eleven more proposer calls in all",
        ),
        Parameter(
            name="view_data_batch_size",
            type="int",
            default=10,
            low=1,
            goes_to="compile",
            meaning="rows the proposer reads at a time for its summary of the data",
            cost_effect="a larger value saves proposer calls",
        ),
        Parameter(
            name="tip_aware_proposer",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="give the proposer a random tip on style",
        ),
        Parameter(
            name="fewshot_aware_proposer",
            type="bool",
            default=True,
            goes_to="compile",
            meaning="show the proposer bootstrapped demonstrations",
        ),
    ),
    presets={"light": {"auto": "light"}, "medium": {"auto": "medium"}, "heavy": {"auto": "heavy"}},
    default_rules=(
        DefaultRule(
            parameter="auto",
            when=lambda params, given, facts: bool({"num_candidates", "num_trials"} & given),
            value=lambda params, facts: None,
            note="",
        ),
        DefaultRule(
            parameter="num_trials",
            when=lambda params, given, facts: (
                params["auto"] is None and params["num_candidates"] is not None and bool(facts.predictors)
            ),
            value=lambda params, facts: trials_for(
                len(facts.predictors), params["num_candidates"], zero_shot=is_zero_shot(params)
            ),
            note="num_trials is {num_trials}, as many as DSPy recommends for {num_candidates} candidates",
        ),
        DefaultRule(
            parameter="minibatch",
            when=lambda params, given, facts: (
                params["auto"] is None and facts.val is not None and facts.val <= params["minibatch_size"]
            ),
            value=lambda params, facts: False,
            note="no minibatches: the val split has {val} rows, a minibatch would have {minibatch_size}",
        ),
    ),
    conflicts=(
        Conflict(
            parameters=("auto", "num_candidates", "num_trials"),
            when=lambda params, facts: (
                params["auto"] is not None
                and (params["num_candidates"] is not None or params["num_trials"] is not None)
            ),
            explanation="auto={auto} sets the candidates and trials, so they cannot be given as well",
            fix="leave out auto, or leave out num_candidates and num_trials",
        ),
        Conflict(
            parameters=("num_candidates",),
            when=lambda params, facts: params["auto"] is None and params["num_candidates"] is None,
            explanation="without auto, MIPROv2 must be told num_candidates",
            fix="set num_candidates, for example to 8, or auto to light",
        ),
        Conflict(
            parameters=("num_trials",),
            when=lambda params, facts: (
                params["auto"] is None and params["num_trials"] is None and bool(facts.predictors)
            ),
            explanation="without auto, MIPROv2 must be told num_trials",
            fix="set num_trials, or auto to light",
        ),
        Conflict(
            parameters=("minibatch_size",),
            when=lambda params, facts: (
                (params["auto"] is not None or params["num_trials"] is not None)
                and _minibatch_is_too_large(params, facts)
            ),
            explanation="a minibatch of {minibatch_size} rows is larger than the val split ({val} rows)",
            fix="set minibatch_size to at most {val}, or minibatch to false",
        ),
        Conflict(
            parameters=("max_bootstrapped_demos", "max_labeled_demos"),
            when=_demo_draw_is_empty,
            explanation=(
                "with max_bootstrapped_demos=0 and max_labeled_demos={max_labeled_demos} DSPy draws from an "
                "empty range"
            ),
            fix="set max_bootstrapped_demos to at least 1, or both to 0 to optimize instructions only",
        ),
    ),
    needs=Needs(min_train=1, min_val=1, extras=("optuna",)),
    roles=("student", "teacher", "proposer"),
    seed_use="Seeds the bootstraps, tips, minibatches and Optuna's sampler.",
    not_exposed={
        "metric": "it is the workspace's metric",
        "prompt_model": "it is the model of the role proposer",
        "task_model": "it is the model of the role student",
        "teacher_settings": "it is the model of the role teacher",
        "num_threads": "it is run.num_threads",
        "max_errors": "it is run.max_errors",
        "seed": "it is run.seed",
        "verbose": "the run's log has it all",
        "track_stats": "every score is recorded anyway",
        "log_dir": "candidates are kept in the run's folder",
        "provide_traceback": "the run's log has it all",
        "requires_permission_to_run": "DSPy removed it",
    },
)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    import dspy

    from .watch import EvaluationWatch, Trials

    names = [name for name, _ in inputs.student.named_predictors()]
    schedule = Schedule(params, val=len(inputs.valset), predictors=len(names))
    if schedule.val_rows < len(inputs.valset):
        inputs.observer.log(
            f"auto={params['auto']} scores on {schedule.val_rows} of the {len(inputs.valset)} val rows, so "
            f"its own full evaluations are shown as minibatches"
        )
    steps = list(schedule.steps())
    titles = {"default": "the program as it is", "trial": "", "full": "full evaluation of the best so far"}
    trials = Trials(
        inputs.observer,
        total=len(steps),
        note=lambda trial: titles[steps[trial - 1]] if trial <= len(steps) else "",
    )
    watch = EvaluationWatch(
        inputs,
        trials,
        origin=SPEC.name,
        proposal_field="proposed_instruction",
        proposal_component=lambda index: names[min(index // schedule.instructions, len(names) - 1)],
    )
    optimizer = dspy.MIPROv2(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        prompt_model=inputs.lms["proposer"],
        task_model=inputs.lms["student"],
        teacher_settings={"lm": inputs.lms["teacher"]},
        num_threads=inputs.num_threads,
        max_errors=watch.max_errors,
        seed=inputs.seed,
        track_stats=False,
        **SPEC.arguments(params, "init"),
    )
    with watch.installed():
        return optimizer.compile(
            inputs.student,
            trainset=inputs.trainset,
            valset=inputs.valset,
            **SPEC.arguments(params, "compile"),
        )


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """All proposals of a whole run, and a single trial on one row."""
    from .probe import probe_texts

    schedule = Schedule(params, val=len(inputs.valset), predictors=len(facts.predictors))
    settings = {
        **params,
        "auto": None,
        "num_candidates": schedule.instructions,
        "num_trials": 1,
        "minibatch": False,
    }
    found = probe_texts(OPTIMIZER, inputs, settings, val=1, drop_first=True)
    lengths = []
    firsts = []
    for name, predictor in inputs.student.named_predictors():
        written = [text for component, text in found.written if component == name]
        texts = [predictor.signature.instructions, *written]
        lengths.append(tuple(map(count_tokens, texts)))
        firsts.append([texts.index(text) for text in texts])
    zero_shot = is_zero_shot(params)
    draws = _draw_first_trials(schedule, len(lengths), inputs.seed, zero_shot=zero_shot)
    trials = FirstTrials(
        instructions=schedule.instructions,
        demo_sets=0 if zero_shot else schedule.demo_sets,
        # Equal instructions are one choice.
        draws=tuple(
            tuple(
                (same[min(instruction, len(same) - 1)], demos)
                for same, (instruction, demos) in zip(firsts, trial, strict=True)
            )
            for trial in draws
        ),
        lengths=tuple(lengths),
    )
    return structs.replace(facts, texts=found.texts, first_trials=trials)


def _draw_first_trials(
    schedule: Schedule, predictors: int, seed: int, *, zero_shot: bool
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """What Optuna draws as long as the scores do not matter, asked as `mipro_optimizer_v2.py` asks it.

    The default program and full evaluations are trials of the study as well.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {}
    for place in range(predictors):
        space[f"{place}_predictor_instruction"] = optuna.distributions.CategoricalDistribution(
            range(schedule.instructions)
        )
        if not zero_shot:
            space[f"{place}_predictor_demos"] = optuna.distributions.CategoricalDistribution(
                range(schedule.demo_sets)
            )
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True))
    draws = []
    for step in schedule.steps():
        if len(study.trials) >= RANDOM_TRIALS:
            break
        if step != "trial":
            known = optuna.trial.create_trial(params=dict.fromkeys(space, 0), distributions=space, value=0.0)
            study.add_trial(known)
            continue
        trial = study.ask()
        chosen = {name: trial.suggest_categorical(name, one.choices) for name, one in space.items()}
        study.tell(trial, 0.0)
        draws.append(
            tuple(
                (chosen[f"{place}_predictor_instruction"], chosen.get(f"{place}_predictor_demos", -1))
                for place in range(predictors)
            )
        )
    return tuple(draws)


OPTIMIZER = Optimizer(SPEC, _build, plan_search, _probe)
