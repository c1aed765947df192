"""`compilot [PATH]`: the app."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("."))
@click.option("--mouse/--no-mouse", default=None, help="Whether the mouse works in the app.")
def app(path: Path, mouse: bool | None) -> int:
    """Open the app on the workspace in PATH: data, program, metric, optimizers, runs and results.

    `compilot PATH`, or `compilot` alone, does the same.
    """
    from ..opening import open_app

    return open_app(path, mouse)
