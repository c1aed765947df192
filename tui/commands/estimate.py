"""`compilot estimate`: what a run will ask of each model, before it is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.errors import CompilotError
from core.workspace import Workspace

from ..output import print_json, print_lines, say
from ..text import count, duration, short_count, table, usd
from .dry_run import describe_dry_run, dry_run_options, run_dry_if_wanted, run_own_dry
from .options import json_option, read_recipe, recipe_options, workspace_option
from .what_if import check_changes, describe_further, look_further

if TYPE_CHECKING:
    from core.cost.estimate import Estimate, RoleEstimate
    from core.optimizers.plan import Range
    from core.recipe import Recipe


@click.command()
@workspace_option
@recipe_options
@click.option("--all", "every", is_flag=True, help="One line for each optimizer, with its own defaults.")
@click.option(
    "--what-if",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="The same with one thing changed: student=MODEL (or another role), val=15, train=100, threads=4, "
    "reflection.thinking=2000, preset=light, or any parameter. Repeatable, each a row.",
)
@dry_run_options
@json_option
def estimate(
    workspace: Path,
    every: bool,
    changes: tuple[str, ...],
    dry_run: bool,
    success_rates: tuple[float, ...],
    as_json: bool,
    **recipe_choice: Any,
) -> int:
    """Price a run before it is started: LM calls, tokens, dollars and minutes, by role.

    The first time the program is run on a few rows to measure it; what was found is kept for the next time.
    """
    place = Workspace.open(workspace)
    if every:
        if changes:
            raise click.UsageError("--what-if changes one recipe: leave out --all")
        if dry_run:
            raise click.UsageError("--dry-run runs one recipe: leave out --all")
        return _estimate_all(place, as_json, recipe_choice)
    recipe = read_recipe(place, **recipe_choice)
    if (own := run_own_dry(recipe, dry_run, success_rates, as_json)) is not None:
        return own
    check_changes(recipe, changes)
    found = _estimate([recipe], place)[0]
    if isinstance(found, CompilotError):
        raise found
    further = look_further(recipe, changes)
    dry = run_dry_if_wanted(recipe, dry_run, success_rates)
    if as_json:
        told = {"dry_run": dry.to_dict()} if dry is not None else {}
        print_json({**found.to_dict(), **further.to_dict(), **told})
    else:
        shown = [*describe_estimate(found), *describe_further(found, further)]
        print_lines([*shown, *describe_dry_run(found, dry)])
    return 0


def _estimate_all(place: Workspace, as_json: bool, choice: dict[str, Any]) -> int:
    from core.optimizers import registry

    if choice["optimizer"] is not None:
        raise click.UsageError("--all estimates every optimizer: leave out --optimizer")
    recipes = [read_recipe(place, **{**choice, "optimizer": name}) for name in registry.names()]
    found = dict(zip(registry.names(), _estimate(recipes, place), strict=True))
    if as_json:
        print_json(
            {
                "estimates": [
                    one.to_dict()
                    if not isinstance(one, CompilotError)
                    else {"optimizer": name, **one.to_dict()}
                    for name, one in found.items()
                ]
            }
        )
    else:
        print_lines(describe_all(found))
    return 1 if all(isinstance(one, CompilotError) for one in found.values()) else 0


def _estimate(recipes: Sequence[Recipe], place: Workspace) -> list[Estimate | CompilotError]:
    from core.cost.estimate import estimate_run
    from core.cost.facts import depth_of, find_facts, get_all_facts

    place.prepare()
    missing = [recipe for recipe in recipes if find_facts(recipe) is None]
    if missing:
        paid = depth_of(missing[0]) == "small"
        cost = "; this asks the models for a few answers" if paid else ""
        say(f"measuring the program on a few rows, once{cost}")
    estimates: list[Estimate | CompilotError] = []
    for recipe, measured in zip(recipes, get_all_facts(list(recipes)), strict=True):
        if isinstance(measured, CompilotError):
            estimates.append(measured)
            continue
        try:
            estimates.append(estimate_run(recipe, measured))
        except CompilotError as error:
            estimates.append(error)
    return estimates


def describe_estimate(found: Estimate) -> list[str]:
    """The estimate as a table by role, with what it assumes."""
    rows = [["", "calls", "low", "high", "tokens in", "out", "usd", "low", "high"]]
    rows += [_row(role, one) for role, one in found.roles.items()]
    rows.append(_row("total", found.total))
    thumb = found.rule_of_thumb
    return [
        f"{found.optimizer}: expected, and between low and high",
        "",
        *table(rows, "<" + ">" * (len(rows[0]) - 1)),
        "",
        f"time           {_between(found.minutes)}",
        f"rule of thumb  {count(thumb.calls)} calls: {thumb.why}",
        "",
        *(f"- {line}" for line in found.assumptions),
    ]


def describe_all(found: dict[str, Estimate | CompilotError]) -> list[str]:
    """One line for each optimizer; why, where there is no estimate."""
    rows = [["optimizer", "calls", "low", "high", "tokens", "usd", "time"]]
    failed = []
    for name, one in found.items():
        if isinstance(one, CompilotError):
            failed.append(f"{name}: {one.what}")
            continue
        total = one.total
        tokens = total.input_tokens.expected + total.output_tokens.expected
        rows.append(
            [
                name,
                count(total.calls.expected),
                count(total.calls.low),
                count(total.calls.high),
                short_count(tokens),
                usd(total.usd.expected if total.usd else None),
                duration(60 * one.minutes.expected),
            ]
        )
    return [*table(rows, "<" + ">" * (len(rows[0]) - 1)), *([""] if failed else []), *failed]


def _row(name: str, one: RoleEstimate) -> list[str]:
    costs = [usd(amount) for amount in (one.usd.expected, one.usd.low, one.usd.high)] if one.usd else []
    return [
        name,
        count(one.calls.expected),
        count(one.calls.low),
        count(one.calls.high),
        short_count(one.input_tokens.expected),
        short_count(one.output_tokens.expected),
        *(costs or ["unknown", "", ""]),
    ]


def _between(minutes: Range) -> str:
    low, expected, high = (duration(60 * part) for part in (minutes.low, minutes.expected, minutes.high))
    return f"{expected} ({low} to {high})"
