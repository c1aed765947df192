"""`compilot eval`: score a saved program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.errors import RunError
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
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    file = Path(run)
    result: dict[str, Any]
    if file.exists() and (file.suffix == ".json" or (file / "program.json").is_file()):
        if candidate:
            raise click.UsageError("--candidate names one of a run; a file holds one program")
        result = evaluate_file(file, place.recipe(), place.root, split=split)
    else:
        folder = _find_run(place.root, run)
        chosen = find_candidate(folder, candidate) if candidate else None
        result = evaluate_run(folder, split=split, candidate=chosen, replay=not fresh)
    if as_json:
        print_json(result)
        return
    errors = f", {count(result['errors'])} errored" if result["errors"] else ""
    name = result.get("candidate") or result.get("program", "")
    print_lines([f"{split}  {percent(result['score'])}  ({plural(result['size'], 'row')}{errors})  {name}"])


def _find_run(root: Path, name: str) -> Path:
    """The run of this name; where there is none, a folder of this name is told of."""
    from core.runs.listing import find_run

    try:
        return find_run(root, name)
    except RunError as error:
        if not Path(name).is_dir():
            raise
        raise RunError(
            f"there is no program.json in {name}, and no run of that name",
            where=str(Path(name).resolve()),
            fix="name a folder that `compilot export` wrote, a program file, or a run",
        ) from error
