"""What the ranking rests on, looked at in threads and children; and the ranking as rows to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.cost.facts import Measured
from core.errors import CompilotError
from core.recipe import Budget, Recipe

from .fit import Fit
from .jobs import Pair

if TYPE_CHECKING:
    from core.advice.ranking import Ranking
    from core.advice.situation import DataFacts, History, MetricFacts, Problem, ProgramFacts
    from core.workbench.desk import Desk

_DOCTOR_ROWS = 12


@dataclass(frozen=True)
class Looked:
    """Data, program and metric as advice needs them."""

    data: DataFacts | None
    program: ProgramFacts | None
    metric: MetricFacts | None
    history: History
    problems: tuple[Problem, ...]


def look(recipe: Recipe, root: Path, state_dir: Path, desk: Desk, *, with_metric: bool) -> Looked:
    """Reads the data (in a child where they are large), the program and the metric; asks no student.

    The metric is tried on its own labels only `with_metric`: one that asks a model would pay for it.
    """
    from core.advice.gather import read_metric, read_profile, read_program
    from core.advice.history import read_history
    from core.advice.situation import Problem
    from core.data.survey import SurveyJob, run_survey

    problems: list[Problem] = []
    data = program = metric = split = None
    try:
        survey = run_survey(SurveyJob(root=root, spec=recipe.data, state_dir=state_dir))
        if survey is not None:
            data, split = read_profile(survey.profile, recipe.data.labels), survey.split
    except CompilotError as error:
        problems.append(Problem(part="data", what=error.what, where=error.where, fix=error.fix))
    try:
        described = desk.describe_program(fit=False)
        program = read_program(described.program, data.labels if data is not None else ())
    except CompilotError as error:
        problems.append(Problem(part="program", what=error.what, where=error.where, fix=error.fix))
    if data is not None and with_metric:
        try:
            report = desk.test_metric(_DOCTOR_ROWS, with_program=False)
            metric = read_metric(report, recipe.metric.target)
        except CompilotError as error:
            problems.append(Problem(part="metric", what=error.what, where=error.where, fix=error.fix))
    return Looked(data, program, metric, read_history(recipe, root, split), tuple(problems))


def rank_optimizers(recipe: Recipe, looked: Looked, pairs: Iterable[Pair]) -> tuple[Fit, ...]:
    """Every optimizer with its score and reasons, the best first. Arithmetic, but not for every keystroke."""
    from core.advice.gather import assemble
    from core.advice.ranking import rank

    # What each budget buys takes hundreds of estimates: here only the estimates are compared with it.
    situation = assemble(
        replace(recipe, budget=Budget()),
        data=looked.data,
        program=looked.program,
        metric=looked.metric,
        measured=_by_optimizer(pairs),
        history=looked.history,
        problems=looked.problems,
    )
    return read_ranking(rank(replace(situation, budget=recipe.budget)))


def read_ranking(ranking: Ranking) -> tuple[Fit, ...]:
    """The ranking as the list shows it."""
    from core.optimizers import registry

    fits = []
    for one in ranking.ranked:
        here = one.optimizer in registry.names()
        summary = (
            registry.get(one.optimizer).spec.summary if here else registry.UNAVAILABLE[one.optimizer].summary
        )
        unmet = [one.why_not] if one.why_not else []
        if one.within is False:
            unmet.append("expected to go over the budget")
        fits.append(
            Fit(
                one.optimizer,
                summary,
                reasons=tuple(f"{point.points:+d} {point.reason}" for point in one.points),
                unmet=tuple(unmet),
                score=one.score,
                changes=one.change,
                runs_here=here,
            )
        )
    return tuple(fits)


def _by_optimizer(pairs: Iterable[Pair]) -> Mapping[str, Measured]:
    """Facts by optimizer, the latest of each."""
    return {recipe.optimizer.name: measured for recipe, measured in pairs if recipe.optimizer is not None}


def rests_on(recipe: Recipe) -> object:
    """The parts of a recipe that have to be looked at again when they change."""
    return recipe.program, recipe.data, recipe.metric
