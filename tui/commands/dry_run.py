"""`compilot estimate --dry-run`: the real optimizer on ghosts, beside closed form and rule of thumb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..output import print_json, print_lines
from ..text import clean, count, duration, percent, table

if TYPE_CHECKING:
    from core.cost.dry_run import DryRun, DryRunProgress
    from core.cost.estimate import Estimate
    from core.recipe import Recipe

F = TypeVar("F", bound=Callable[..., Any])
_REDRAWS_PER_SECOND = 4

_OPTIONS = (
    click.option(
        "--dry-run",
        is_flag=True,
        help="Also run the real optimizer against models that cost nothing, and count its calls.",
    ),
    click.option(
        "--success-rate",
        "success_rates",
        type=click.FloatRange(0.0, 1.0),
        multiple=True,
        metavar="P",
        help="For --dry-run: part of the rows that the program gets right, 0 to 1. Repeatable; left out, "
        "what was measured and the ends of its 90 % interval.",
    ),
)


def dry_run_options(command: F) -> F:
    """The options of a dry run; `run_dry_if_wanted` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run_dry_if_wanted(recipe: Recipe, wanted: bool, success_rates: tuple[float, ...]) -> DryRun | None:
    """The dry run of the recipe with its progress on a terminal; None where none was asked for.

    Ctrl+C ends the child and leaves nothing behind.
    """
    if not wanted:
        if success_rates:
            raise click.UsageError("--success-rate is for --dry-run")
        return None
    from core.cost.dry_run import dry_run

    with _shown_progress() as show:
        return dry_run(recipe, rates=success_rates or None, on_progress=show)


def run_own_dry(recipe: Recipe, wanted: bool, success_rates: tuple[float, ...], as_json: bool) -> int | None:
    """The dry run alone, for an optimizer of the workspace's own, which has no closed form.

    The exit code; None for every other optimizer, and where no dry run was asked for.
    """
    from core.optimizers.supplied import is_supplied

    assert recipe.optimizer is not None
    if not wanted or not is_supplied(recipe.optimizer.name):
        return None
    dry = run_dry_if_wanted(recipe, wanted, success_rates)
    assert dry is not None
    if as_json:
        print_json({"optimizer": dry.optimizer, "dry_run": dry.to_dict()})
    else:
        rows = [("calls", "dry run", "low", "high")]
        rows += [(role, *_three(calls)) for role, calls in (*dry.calls.items(), ("total", dry.total))]
        print_lines([f"dry run of {dry.optimizer}", "", *table(rows, "<>>>"), "", *_describe_rates(dry)])
    return 0


def describe_dry_run(found: Estimate, dry: DryRun | None) -> Iterator[str]:
    """The dry run's calls by role beside the estimate's, and what each success rate came to."""
    if dry is None:
        return
    yield ""
    yield f"dry run of {dry.optimizer}: calls it really asks for, beside the estimate above"
    yield ""
    rows = [("calls", "dry run", "low", "high", "estimate", "low", "high")]
    for role in dict.fromkeys((*dry.calls, *found.roles)):
        here, there = dry.calls.get(role), found.roles.get(role)
        rows.append((role, *_three(here), *_three(there.calls if there else None)))
    rows.append(("total", *_three(dry.total), *_three(found.total.calls)))
    yield from table(rows, "<>>>>>>")
    yield ""
    yield (
        f"calls in all: dry run {count(dry.total.expected)} · closed form "
        f"{count(found.total.calls.expected)} · rule of thumb {count(found.rule_of_thumb.calls)}"
    )
    yield ""
    yield from _describe_rates(dry)


def _describe_rates(dry: DryRun) -> Iterator[str]:
    yield from table(
        [
            ("right", "reached", "calls", "program runs", "trials", "took", "calls a second"),
            *(
                (
                    percent(run.success_rate),
                    percent(run.reached),
                    count(run.total),
                    count(run.program_runs),
                    count(run.trials),
                    duration(run.seconds),
                    count(run.calls_per_second),
                )
                for run in dry.rates
            ),
        ],
        ">>>>>>>",
    )
    yield ""
    yield from (f"- {line}" for line in dry.assumptions)


def describe_progress(told: DryRunProgress) -> str:
    """How far a dry run is, on one line."""
    rate = f" at {percent(told.success_rate)} right ({told.number} of {told.rates})" if told.rates > 1 else ""
    parts = [f"dry run{rate}", told.phase]
    if told.trials:
        total = f" of {told.trials_total}" if told.trials_total else ""
        done = f" ({100 * told.fraction:.0f} % of its budget)" if told.fraction is not None else ""
        parts.append(f"trial {told.trials}{total}{done}")
    if told.calls:
        calls = ", ".join(f"{count(number)} {role}" for role, number in told.calls.items())
        parts.append(f"{calls} calls")
    parts.append(duration(told.seconds))
    return clean(" · ".join(parts))


def _three(counts: Any) -> tuple[str, str, str]:
    if counts is None:
        return "0", "", ""
    return count(counts.expected), count(counts.low), count(counts.high)


@contextmanager
def _shown_progress() -> Iterator[Callable[[DryRunProgress], None] | None]:
    """Shows progress on stderr where that is a terminal, gone when it is over; elsewhere nothing."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        yield None
        return
    from rich.live import Live
    from rich.text import Text

    with Live(
        Text("dry run · ctrl+c ends it"),
        console=console,
        refresh_per_second=_REDRAWS_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        yield lambda told: live.update(Text(f"{describe_progress(told)} · ctrl+c ends it", no_wrap=True))
