"""`compilot report`: what a run came to, as a page to keep."""

from __future__ import annotations

from pathlib import Path

import click

from ..output import print_json, print_text, say
from .options import json_option, workspace_option


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--output",
    "-o",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it there; a name that ends in .json holds JSON.",
)
@workspace_option
@json_option
def report(run: str, output: Path | None, workspace: Path, as_json: bool) -> None:
    """Report what RUN (default: the latest) came to, as markdown.

    Scores with their intervals, cost, candidates, what changed in the prompts and in the rows.
    """
    from core.results.markdown import report_markdown
    from core.results.report import report_run, write_report
    from core.runs.listing import find_run
    from core.workspace import Workspace

    folder = find_run(Workspace.open(workspace).root, run)
    if output is not None:
        written = write_report(folder, output.expanduser().resolve())
        if as_json:
            print_json({"report": str(written)})
        else:
            say(f"written to {written}")
        return
    found = report_run(folder)
    if as_json:
        print_json(found.to_dict())
    else:
        print_text(report_markdown(found))
