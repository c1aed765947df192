"""`compilot [PATH]`: the app."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.errors import WorkspaceError

from ..codes import FAILED


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("."))
@click.option(
    "--mouse/--no-mouse", default=None, help="Whether the mouse works in the app."
)
def app(path: Path, mouse: bool | None) -> int:
    """Open the app on the workspace in PATH: data, program, metric, optimizers, runs and results.

    `compilot PATH`, or `compilot` alone, does the same.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkspaceError(
            "the app needs a terminal", where="stdin or stdout", fix="`compilot --help` lists the commands"
        )
    if not path.is_dir():
        raise WorkspaceError("there is no such folder", where=str(path), fix="name a folder")
    from ..app import CompilotApp

    compilot = CompilotApp(path)
    compilot.run(mouse=compilot.settings.mouse if mouse is None else mouse)
    return FAILED if compilot.return_code else 0
