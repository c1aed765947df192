"""`compilot eval`: score a saved program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.wording import plural

from ..output import print_json, print_lines
from ..text import count, percent
from .options import json_option, workspace_option
from .runs import find_candidate


@click.command(name="eval")
@click.argument("run", default="latest")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True)
@click.option("--candidate", metavar="N", help="Its id, the beginning of it, or its number in `runs show`.")
@click.option(
    "--fresh", is_flag=True, help="Ask the models again, where the run's recorded answers would do."
)
@workspace_option
@json_option
def evaluate(
    run: str, split: str, candidate: str | None, fresh: bool, workspace: Path, as_json: bool
) -> None:
    """Score the best program of RUN (default: the latest), or the exported program at the path RUN."""
    from core.results.evaluate import evaluate_file, evaluate_run
    from core.runs.listing import find_run
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    file = Path(run)
    result: dict[str, Any]
    if file.exists() and (file.suffix == ".json" or (file / "program.json").is_file()):
        result = evaluate_file(file, place.recipe(), place.root, split=split)
    else:
        folder = find_run(place.root, run)
        chosen = find_candidate(folder, candidate) if candidate else None
        result = evaluate_run(folder, split=split, candidate=chosen, replay=not fresh)
    if as_json:
        print_json(result)
        return
    errors = f", {count(result['errors'])} errored" if result["errors"] else ""
    name = result.get("candidate") or result.get("program", "")
    print_lines([f"{split}  {percent(result['score'])}  ({plural(result['size'], 'row')}{errors})  {name}"])
