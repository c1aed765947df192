"""`compilot init`: make a workspace."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..output import print_json, print_lines
from .options import json_option


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("."))
@click.option(
    "--sample", metavar="NAME", help="Copy a ready workspace (router, triage, pipeline7, extract, tiny)."
)
@click.option(
    "--program", metavar="TARGET", help="file.py:Name, package.module:Name or 'question -> answer'."
)
@click.option("--data", metavar="FILE", help="The data file, as seen from PATH.")
@json_option
def init(path: Path, sample: str | None, program: str | None, data: str | None, as_json: bool) -> None:
    """Write a compilot.toml in PATH from the program, data and metric found there, without running any code.

    With --sample, copy a ready workspace into PATH instead.
    """
    from core.workspace import Workspace

    if sample and (program or data):
        raise click.UsageError("--sample brings its own program and data: leave --program and --data out")
    if sample:
        workspace = Workspace.init_sample(sample, path)
    else:
        workspace = Workspace.init(path, program=program, data=data)
    recipe = workspace.recipe()
    files = recipe.data.path or f"{recipe.data.train}, {recipe.data.val}"
    optimizer = recipe.optimizer.name if recipe.optimizer else None
    student = recipe.models["student"].model
    if as_json:
        print_json(
            {
                "workspace": str(workspace.root),
                "config": str(workspace.config_path),
                "program": recipe.program.target,
                "data": files,
                "inputs": list(recipe.data.inputs),
                "metric": recipe.metric.target,
                "student": student,
                "optimizer": optimizer,
            }
        )
        return
    option = "" if path == Path(".") else f" --workspace {shlex.quote(str(path))}"
    print_lines(
        [
            f"workspace  {workspace.root}",
            f"program    {recipe.program.target}",
            f"data       {files}   inputs: {', '.join(recipe.data.inputs)}",
            f"metric     {recipe.metric.target}",
            f"student    {student}",
            f"optimizer  {optimizer or 'none yet'}",
            f"next       look over {workspace.config_path.name}, then: compilot run{option}",
        ]
    )
