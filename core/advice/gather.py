"""Measures a workspace for advice, with what is there already: profile, warm child, facts, past runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..cost.buys import trials_within
from ..cost.estimate import Estimate, estimate_run
from ..cost.facts import Measured, depth_of, find_facts, get_all_facts
from ..data.profile.report import ColumnProfile, Profile
from ..data.survey import SurveyJob, run_survey
from ..errors import CompilotError, ModelError
from ..models.roles import fill_roles
from ..optimizers import registry
from ..programs.describe import FieldDescription, ProgramDescription
from ..recipe import ModelProfile, OptimizerSpec, Recipe
from ..workbench.desk import Desk
from ..workbench.reports import DoctorRow, MetricReport
from ..workspace import STATE_NAME
from .explains import explains_more
from .history import read_history
from .situation import (
    Cost,
    DataFacts,
    History,
    MetricFacts,
    Problem,
    ProgramFacts,
    RunFacts,
    Situation,
    Wishes,
)

DOCTOR_ROWS = 12
REPEATED_ROWS = 20
_BASE = "BootstrapFewShot"
"""Measured for the ranking: its bootstrap tells how often a teacher is right, for a few calls."""
_LONG_TEXT_TOKENS = 25
_LOG_COLUMNS = frozenset(
    {"feedback", "call_feedback", "call_id", "user_feedback", "rating", "thumbs", "correction", "trace_id"}
)
NO_WISHES = Wishes()
_FREE = ModelProfile(model="embedded/student")
OnStep = Callable[[str], None]


def gather(
    recipe: Recipe,
    root: Path,
    *,
    desk: Desk | None = None,
    wishes: Wishes = NO_WISHES,
    repeat: int = 0,
    run_program: bool = True,
    on_step: OnStep = lambda step: None,
) -> Situation:
    """Everything that advice rests on; parts that cannot be looked at become problems.

    The user's code runs in child processes only. Without `run_program` no call of the program's models is
    made, and facts measured earlier are used as far as they go. `repeat` runs the program so many times on
    the same rows, to see how steady it is. The desk, where one is given, stays open.
    """
    if desk is None:
        with Desk(root, recipe) as own:
            return gather(
                recipe,
                root,
                desk=own,
                wishes=wishes,
                repeat=repeat,
                run_program=run_program,
                on_step=on_step,
            )
    problems: list[Problem] = []
    on_step("the data")
    data, data_hash = _gather_data(recipe, root, problems)
    on_step("the program")
    program = _gather_program(desk, data, problems)
    metric = None
    if data is not None:
        on_step("the metric")
        with_program = run_program and depth_of(recipe) == "thorough"
        metric = _gather_metric(desk, problems, with_program=with_program)
    measured: dict[str, Measured] = {}
    if program is not None and data is not None and program.predictors:
        on_step("a few runs of the program")
        measured = _gather_facts(recipe, root, problems, measure=run_program)
    repeats: tuple[float, ...] = ()
    if repeat and program is not None and data is not None:
        on_step(f"{repeat} repeated runs")
        repeats = repeat_baseline(desk, repeat)
    return assemble(
        recipe,
        data=data,
        program=program,
        metric=metric,
        measured=measured,
        history=read_history(recipe, root, data_hash),
        repeats=repeats,
        wishes=wishes,
        problems=problems,
    )


def assemble(
    recipe: Recipe,
    *,
    data: DataFacts | None,
    program: ProgramFacts | None,
    metric: MetricFacts | None,
    measured: Mapping[str, Measured],
    history: History | None = None,
    repeats: tuple[float, ...] = (),
    wishes: Wishes = NO_WISHES,
    problems: Sequence[Problem] = (),
) -> Situation:
    """The situation of a recipe from what was looked at already; pure arithmetic."""
    situation = Situation(
        data=data,
        program=program,
        metric=metric,
        runs=_run_facts(measured),
        history=history,
        repeats=repeats,
        budget=recipe.budget,
        custom_proposer=_param(recipe, "instruction_proposer") is not None,
        merges=_param(recipe, "use_merge") is not False,
        embedded_proposer=fill_roles(recipe.models)["proposer"].model.startswith("embedded/"),
        wishes=wishes,
        problems=tuple(problems),
    )
    return price_all(situation, recipe, measured)


def price_all(situation: Situation, recipe: Recipe, measured: Mapping[str, Measured]) -> Situation:
    """The situation with an estimate for every optimizer, and what the caps buy of it; pure arithmetic.

    `measured` holds facts by optimizer; one that has none of its own goes by those of another.
    """
    if not measured:
        return msgspec.structs.replace(situation, costs={}, refused={}, budget=recipe.budget)
    costs: dict[str, Cost] = {}
    refused: dict[str, str] = {}
    for name in registry.names():
        facts = measured.get(name) or measured.get(_BASE) or next(iter(measured.values()))
        try:
            one = for_optimizer(recipe, name)
            costs[name] = _cost(one, facts, estimate_run(one, facts))
        except CompilotError as error:
            refused[name] = error.what
    return msgspec.structs.replace(situation, costs=costs, refused=refused, budget=recipe.budget)


def for_optimizer(recipe: Recipe, name: str) -> Recipe:
    """The recipe with another optimizer at its defaults; the chosen one keeps its parameters."""
    chosen = recipe.optimizer
    if chosen is not None and chosen.name.lower() == name.lower():
        return recipe
    return msgspec.structs.replace(recipe, optimizer=OptimizerSpec(name=name))


def chosen_name(recipe: Recipe) -> str | None:
    """The recipe's optimizer as the registry names it; None for none, and for code of the person's own.

    Raises `OptimizerError` for a name that does not exist, with the nearest ones.
    """
    if recipe.optimizer is None or ":" in recipe.optimizer.name:
        return None
    return registry.get(recipe.optimizer.name).spec.name


def repeat_baseline(desk: Desk, times: int, rows: int = REPEATED_ROWS) -> tuple[float, ...]:
    """The mean score of the same program on the same rows of val, `times` times; asks the models each time.

    Raises what loading or running the program raises.
    """
    scores = []
    for _ in range(times):
        answered = desk.answer_rows(rows).rows
        scored = desk.run_metric([row for row in answered if row["prediction"] is not None])
        if scored.score is not None:
            scores.append(scored.score)
    return tuple(scores)


def _gather_data(recipe: Recipe, root: Path, problems: list[Problem]) -> tuple[DataFacts | None, str | None]:
    try:
        survey = run_survey(SurveyJob(root=root, spec=recipe.data, state_dir=root / STATE_NAME))
    except CompilotError as error:
        problems.append(Problem(part="data", what=error.what, where=error.where, fix=error.fix))
        return None, None
    assert survey is not None  # nothing cancels it
    return read_profile(survey.profile, recipe.data.labels), survey.split


def read_profile(profile: Profile, chosen: Sequence[str] | None = None) -> DataFacts:
    """What advice needs of a profile; `chosen` are the labels that the recipe names, if it does."""
    logs = [column.name for column in profile.columns if column.name in _LOG_COLUMNS]
    labels = [
        column
        for column in profile.columns
        if column.role == "label" and column.name not in logs and (chosen is None or column.name in chosen)
    ]
    return DataFacts(
        train=profile.parts.get("train", 0),
        val=profile.parts.get("val", 0),
        test=profile.parts.get("test", 0),
        labels=tuple(column.name for column in labels),
        class_labels={
            column.name: len(profile.balance[column.name])
            for column in labels
            if column.name in profile.balance
        },
        text_labels=tuple(column.name for column in labels if _is_long_text(column, profile)),
        log_columns=tuple(logs),
        findings=tuple(
            finding for finding in profile.findings if finding.column == "" or finding.column not in logs
        ),
    )


def _is_long_text(column: ColumnProfile, profile: Profile) -> bool:
    return (
        column.type == "text"
        and column.name not in profile.balance
        and column.tokens is not None
        and column.tokens.median > _LONG_TEXT_TOKENS
    )


def _gather_program(desk: Desk, data: DataFacts | None, problems: list[Problem]) -> ProgramFacts | None:
    try:
        report = desk.describe_program(fit=False)
    except CompilotError as error:
        problems.append(Problem(part="program", what=error.what, where=error.where, fix=error.fix))
        return None
    return read_program(report.program, data.labels if data is not None else ())


def read_program(program: ProgramDescription, labels: Sequence[str] = ()) -> ProgramFacts:
    """What advice needs of a program's description."""
    outputs = [field for one in program.predictors for field in one.fields if field.kind == "output"]
    closed = [one.name for one in outputs if one.choices or one.type == "bool"]
    structured = [one.name for one in outputs if one.fields]
    return ProgramFacts(
        predictors=tuple(one.name for one in program.predictors),
        modules=tuple(one.module for one in program.predictors),
        closed=_unique(closed),
        structured=_unique(structured),
        enums=sum(_count_enums(one.fields) for one in outputs),
        open=_unique(
            one.name
            for one in outputs
            if "str" in one.type and one.name not in {*closed, *structured, "reasoning"}
        ),
        unlabeled=_unique(one.name for one in outputs if labels and one.name not in labels),
    )


def _count_enums(fields: Sequence[FieldDescription]) -> int:
    return sum(bool(field.choices) + _count_enums(field.fields) for field in fields)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _gather_metric(desk: Desk, problems: list[Problem], *, with_program: bool) -> MetricFacts | None:
    """The doctor's word; with the program's own answers only where its models are free."""
    target = desk.recipe.metric.target
    try:
        return read_metric(desk.test_metric(DOCTOR_ROWS, with_program=with_program), target)
    except ModelError as error:
        # Most metrics ask no model: then it does not matter that the recipe's cannot be reached.
        free = msgspec.structs.replace(desk.recipe, models={"student": _FREE})
        report = Desk(desk.root, free, sandbox=desk.sandbox).test_metric(DOCTOR_ROWS, with_program=False)
        if not report.summary.get("lm_calls"):
            return read_metric(report, target)
        problems.append(Problem(part="metric", what=error.what, where=error.where, fix=error.fix))
    except CompilotError as error:
        problems.append(Problem(part="metric", what=error.what, where=error.where, fix=error.fix))
    return None


def read_metric(report: MetricReport, target: str = "") -> MetricFacts:
    """What advice needs of a doctor's report."""
    summary = report.summary
    program = [row.program.score for row in report.rows if row.program and row.program.score is not None]
    verdicts = [verdict for row in report.rows for verdict in (row.gold, row.other, row.program) if verdict]
    wrong = [one.feedback for one in verdicts if one.feedback and (one.score or 0) < 1]
    gave = any(one.feedback for one in verdicts)
    return MetricFacts(
        target=target,
        findings=report.findings,
        rows=len(report.rows),
        gold=summary.get("gold"),
        other=summary.get("other"),
        program=summary.get("program"),
        distinct=len(set(program)) if program else None,
        feedback=(gave or bool(summary.get("has_feedback"))) if verdicts else None,
        explains=explains_more(wrong, _values(report.rows)),
        objectives=max((len(one.subscores) for one in verdicts), default=0),
        takes_name=summary.get("takes_pred_name"),
        routes=summary.get("routes_feedback"),
    )


def _values(rows: Sequence[DoctorRow]) -> list[dict[str, Any]]:
    return [values for row in rows for values in (row.expected, row.got) if values]


def _gather_facts(
    recipe: Recipe, root: Path, problems: list[Problem], *, measure: bool
) -> dict[str, Measured]:
    """Facts of the chosen optimizer and of the plainest, by optimizer; measured once if missing."""
    chosen = chosen_name(recipe)
    names = dict.fromkeys([chosen] if chosen is not None else [])
    recipes = {name: for_optimizer(recipe, name) for name in (*names, _BASE)}
    if not measure:
        known = {name: find_facts(one, root) for name, one in recipes.items()}
        return {name: facts for name, facts in known.items() if facts is not None}
    found: dict[str, Measured] = {}
    try:
        answers = get_all_facts(list(recipes.values()), root)
    except CompilotError as error:
        answers = [error]
    for name, answer in zip(recipes, answers, strict=False):
        if isinstance(answer, CompilotError):
            problem = Problem(part="models", what=answer.what, where=answer.where, fix=answer.fix)
            if problem not in problems:
                problems.append(problem)
        else:
            found[name] = answer
    return found


def _run_facts(measured: Mapping[str, Measured]) -> RunFacts | None:
    if not measured:
        return None
    base = measured.get(_BASE) or next(iter(measured.values()))
    walks = next((one.facts.walks for one in (base, *measured.values()) if one.facts.walks), ())
    attempts = [right for walk in walks for right in walk.outcomes]
    return RunFacts(
        rows=base.rows,
        right=base.facts.success_rate,
        perfect=base.facts.perfect_rate,
        errors=base.facts.error_rate,
        teacher_right=sum(attempts) / len(attempts) if attempts else None,
        demo_tokens=base.demo_tokens,
    )


def _cost(recipe: Recipe, measured: Measured, found: Estimate) -> Cost:
    total = found.total
    cost = Cost(
        calls=total.calls.expected,
        calls_high=total.calls.high,
        tokens=total.input_tokens.expected + total.output_tokens.expected,
        tokens_high=total.input_tokens.high + total.output_tokens.high,
        usd=total.usd.expected if total.usd is not None else None,
        usd_high=total.usd.high if total.usd is not None else None,
        minutes=found.minutes.expected,
        minutes_high=found.minutes.high,
    )
    bought = trials_within(recipe, measured)
    if bought is None:
        return cost
    fit = ""
    if bought.count and bought.useful and cost.over(recipe.budget):
        given = recipe.optimizer.params if recipe.optimizer is not None else {}
        changed = {name: value for name, value in bought.settings.items() if given.get(name) != value}
        fit = " --set ".join(
            f"{name}={'none' if value is None else value}"
            for name, value in changed.items()
            if value is not None or name in given
        )
    return msgspec.structs.replace(cost, buys=bought.text, fit=fit)


def _param(recipe: Recipe, name: str) -> Any:
    return recipe.optimizer.params.get(name) if recipe.optimizer is not None else None
