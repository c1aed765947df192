"""`compilot compare`: two candidates side by side, from what their runs kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..output import print_json, print_lines, say
from .options import json_option, workspace_option
from .runs import find_candidate

if TYPE_CHECKING:
    from core.recipe import SplitName

_WIDEST = 120


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN [RUN]]")
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="N",
    help="Compare this candidate; given twice: the one before, then the one after.",
)
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="val", show_default=True)
@click.option("--rows", type=int, default=5, show_default=True, help="Rows shown of each kind of change.")
@workspace_option
@json_option
def compare(
    runs: tuple[str, ...],
    candidates: tuple[str, ...],
    split: SplitName,
    rows: int,
    workspace: Path,
    as_json: bool,
) -> None:
    """Say what changed: rows fixed and broken, prompts, and whether it is more than chance.

    RUN RUN compares their best candidates. One RUN alone (default: the latest) compares its best with its
    baseline. Calls no model.
    """
    from core.results.compare import baseline_candidate, compare_candidates, read_training_rows
    from core.runs.listing import find_run
    from core.workspace import Workspace

    from ..comparing import comparison_lines

    if len(runs) > 2 or len(candidates) > 2:
        raise click.UsageError("two at most are compared")
    root = Workspace.open(workspace).root
    folders = [find_run(root, name) for name in runs or ("latest",)]
    before, after = folders[0], folders[-1]
    second = find_candidate(after, candidates[-1]) if candidates else None
    if len(candidates) == 2:
        first: str | None = find_candidate(before, candidates[0])
    else:
        first = baseline_candidate(before) if len(folders) == 1 else None
    training, why_not = read_training_rows(after)
    comparison = compare_candidates((before, first), (after, second), split=split, rows=training)
    if as_json:
        print_json(comparison.to_dict())
        return
    width = min(_WIDEST, shutil.get_terminal_size((80, 24)).columns)
    print_lines(comparison_lines(comparison, width, rows))
    if why_not:
        say(why_not)
