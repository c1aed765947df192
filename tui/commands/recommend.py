"""`compilot recommend`: is it time to optimize, and with which optimizer."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..output import print_json, print_lines, say
from ..text import count, duration, table, usd
from .options import ABOVE_ZERO, AT_LEAST_ONE, json_option, workspace_option

if TYPE_CHECKING:
    from core.advice.ranking import Ranked
    from core.advice.readiness import ReadinessCheck
    from core.advice.recommend import Advice

_WIDTH = 80
_SHOWN = 3
"""Optimizers that are shown with all their reasons."""
_MARKS = {"fail": "FAIL", "warn": "warn", "info": "info", "pass": "pass"}


@click.command()
@click.option("--smaller-model", is_flag=True, help="A smaller model is to do the work in the end.")
@click.option("--consistent", is_flag=True, help="Steady answers matter more than their cost.")
@click.option("--max-usd", type=ABOVE_ZERO, metavar="X", help="Dollars a run may cost.")
@click.option("--max-calls", type=AT_LEAST_ONE, metavar="N", help="LM calls a run may make.")
@click.option("--max-tokens", type=AT_LEAST_ONE, metavar="N", help="Tokens a run may use.")
@click.option("--max-minutes", type=ABOVE_ZERO, metavar="M", help="Minutes until it must be done.")
@click.option(
    "--repeat",
    type=click.IntRange(2),
    metavar="N",
    help="Score the program N times on the same rows, to see how steady it is; asks its models.",
)
@click.option(
    "--without-program",
    is_flag=True,
    help="Leave out what runs the program; goes by what was measured earlier.",
)
@click.option("--all", "every", is_flag=True, help="Show the reasons for every optimizer.")
@workspace_option
@json_option
def recommend(
    smaller_model: bool,
    consistent: bool,
    max_usd: float | None,
    max_calls: int | None,
    max_tokens: int | None,
    max_minutes: float | None,
    repeat: int | None,
    without_program: bool,
    every: bool,
    workspace: Path,
    as_json: bool,
) -> int:
    """Readiness (when to optimize) and all optimizers ranked, each point with its reason and source.

    The first time the program is run on a few rows to measure it. Exits with 0 whatever the advice is; with
    1 only where there can be none, because the workspace cannot be read.
    """
    from core.advice.recommend import recommend as ask
    from core.advice.situation import Wishes
    from core.cost.facts import depth_of
    from core.workspace import Workspace

    if repeat is not None and without_program:
        raise click.UsageError("--repeat runs the program: leave out --without-program")
    place = Workspace.open(workspace)
    caps = {"usd": max_usd, "calls": max_calls, "tokens": max_tokens, "minutes": max_minutes}
    recipe = place.recipe(budget={name: cap for name, cap in caps.items() if cap is not None})
    place.prepare()
    if not without_program:
        cost = "; this asks the models for a few answers" if depth_of(recipe) == "small" else ""
        say(f"looking at data, program and metric{cost}")
    advice = ask(
        recipe,
        wishes=Wishes(smaller_model=smaller_model, consistent=consistent),
        repeat=repeat or 0,
        run_program=not without_program,
    )
    if as_json:
        print_json(advice.to_dict())
    else:
        print_lines(describe_advice(advice, every=every))
    return 0


def describe_advice(advice: Advice, *, every: bool = False) -> list[str]:
    """Readiness check by check, then the ranking: the best few with their reasons, the rest in a table."""
    lines = [_verdict(advice), *_better_elsewhere(advice), ""]
    for check in advice.readiness:
        lines += _check_lines(check)
    fitting = [one for one in advice.ranking.ranked if one.fits]
    unfit = [one for one in advice.ranking.ranked if not one.fits]
    shown = fitting if every else fitting[:_SHOWN]
    for place, one in enumerate(shown, start=1):
        lines += ["", *_ranked_lines(place, one)]
    rest = fitting[len(shown) :]
    if rest:
        lines += ["", "The others:", *_rest_lines(rest)]
    bought = [
        [f"  {one.optimizer}", one.cost.buys.removeprefix("about ")]
        for one in fitting
        if one.cost is not None and one.cost.buys
    ]
    if bought:
        lines += ["", "The budget buys about:", *map(_cut, table(bought))]
    if unfit:
        lines += ["", "Cannot be run here:"]
        for one in unfit:
            asked = f" (score {one.score})" if one.score > 0 else ""
            lines += _wrap(
                f"{one.optimizer}{asked}: {one.why_not.removeprefix('cannot be run here: ')}", "  "
            )
    for problem in advice.situation.problems:
        if problem.part == "models":
            lines += ["", *_wrap(f"not measured: {problem.what}", "")]
            lines += [*_wrap(f"where: {problem.where}", "  "), *_wrap(f"fix: {problem.fix}", "  ")]
    return lines


def _verdict(advice: Advice) -> str:
    failed = [check.check for check in advice.readiness if check.status == "fail"]
    doubts = [check.check for check in advice.readiness if check.status == "warn"]
    best = advice.ranking.best.optimizer
    if failed:
        nearest = f" Nearest fit: {best}." if advice.ranking.best.score > 0 else ""
        return f"Not ready to optimize: {', '.join(failed)}.{nearest}"
    if doubts:
        return f"Ready to optimize with {best}, with doubts: {', '.join(doubts)}."
    return f"Ready to optimize with {best}."


def _better_elsewhere(advice: Advice) -> list[str]:
    """What would fit better than anything that can be run here."""
    ranked = advice.ranking.ranked
    names = [one.optimizer for one in ranked if not one.fits and one.score > max(ranked[0].score, 0)]
    return [f"{' and '.join(names)} would fit better, but cannot be run here."] if names else []


def _check_lines(check: ReadinessCheck) -> list[str]:
    head = f"{_MARKS[check.status]}  {check.check:<16}  "
    lines = textwrap.wrap(
        check.detail, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False
    )
    if check.fix and check.status != "pass":
        lines += _wrap(f"fix: {check.fix}", " " * len(head))
    return lines


def _ranked_lines(place: int, one: Ranked) -> list[str]:
    lines = _wrap(f"{place}. {one.optimizer}  score {one.score}{_cost(one)}", "", "   ")
    for point in one.points:
        lines += _wrap(f"{point.points:+d}  {point.reason}  [{point.source}]", "   ", "       ")
    for change in one.change:
        points, _, text = change.partition(": ")
        lines += _wrap(f"{points} if you {text}", "   ", "      ")
    return lines


def _cost(one: Ranked) -> str:
    cost = one.cost
    if cost is None:
        return ""
    within = {True: ", within budget", False: ", over budget", None: ""}[one.within]
    price = "unknown price" if cost.usd is None else usd(cost.usd)
    return f"  ({count(cost.calls)} calls, {price}, {duration(60 * cost.minutes)}{within})"


def _rest_lines(rest: list[Ranked]) -> list[str]:
    rows = []
    for one in rest:
        heaviest = one.points[0].reason if one.points else "no rule speaks for or against it"
        rows.append([f"  {one.optimizer}", str(one.score), heaviest])
    return [_cut(line) for line in table(rows, "<><")]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _wrap(text: str, indent: str, hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
