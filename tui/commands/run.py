"""`compilot run`: compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.runs.launch import start_run
from core.runs.listing import find_run
from core.workspace import Workspace

from ..display import ProgressKind
from ..following import Interrupts, follow_and_report
from ..output import print_json, print_lines
from .options import json_option, progress_option, read_recipe, recipe_options, workspace_option


@click.command()
@workspace_option
@recipe_options
@click.option("--detach", is_flag=True, help="Return at once; the run goes on by itself.")
@click.option("--after", metavar="RUN", help="Begin when that run is over (an id, its beginning, or latest).")
@progress_option
@json_option
def run(
    workspace: Path,
    detach: bool,
    after: str | None,
    progress: ProgressKind | None,
    as_json: bool,
    **recipe_choice: Any,
) -> int:
    """Run an optimizer on the workspace's program, in a process of its own.

    Ctrl+C once stops the run and keeps the best so far, twice kills it. Closing the terminal leaves it alive;
    `compilot runs watch` follows it again.
    """
    place = Workspace.open(workspace)
    recipe = read_recipe(place, **recipe_choice)
    place.prepare()
    before = find_run(place.root, after).name if after else None
    if detach:
        handle = start_run(recipe, place.root, after=before)
        if as_json:
            print_json({"run_id": handle.run_id, "pid": handle.pid, "folder": str(handle.folder)})
        else:
            print_lines(
                [
                    f"run {handle.run_id} started as process {handle.pid}",
                    f"`compilot runs watch {handle.run_id}` follows it",
                    f"`compilot runs stop {handle.run_id}` stops it, keeping the best",
                ]
            )
        return 0
    with Interrupts() as interrupts:
        handle = start_run(recipe, place.root, after=before)
        interrupts.attach(handle.folder)
        return follow_and_report(handle.folder, place.root, progress, as_json, interrupts)
