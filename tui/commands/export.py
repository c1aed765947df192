"""`compilot export`: write what won, verified."""

from __future__ import annotations

from pathlib import Path

import click

from ..output import print_json, print_lines
from ..text import percent
from .options import json_option, workspace_option
from .runs import find_candidate


@click.command()
@click.argument("run", default="latest")
@click.option("--candidate", metavar="N", help="Its id, the beginning of it, or its number in `runs show`.")
@click.option(
    "--output",
    "-o",
    "output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="A new folder.",
)
@workspace_option
@json_option
def export(run: str, candidate: str | None, output: Path, workspace: Path, as_json: bool) -> None:
    """Write the program of RUN (default: the latest) into a folder that plain dspy can load from.

    It is loaded again in a fresh process and scored, before this says that it is done.
    """
    from core.results.export import export_run
    from core.runs.listing import find_run
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    folder = find_run(place.root, run)
    chosen = find_candidate(folder, candidate) if candidate else None
    manifest = export_run(folder, output.expanduser().resolve(), candidate=chosen)
    if as_json:
        print_json(manifest)
        return
    verified = manifest["verified"]
    print_lines(
        [
            f"program   {manifest['program_file']}",
            f"candidate {manifest['candidate']} of {manifest['run_id']}",
            f"verified  {percent(verified['score'])} on {verified['split']}, loaded in a fresh process",
            f"load it   {manifest['note']}",
        ]
    )
