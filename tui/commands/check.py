"""`compilot check`: everything that can be known before a run."""

from __future__ import annotations

from pathlib import Path

import click

from ..output import print_json, print_lines
from .findings import check_lines
from .options import json_option, workspace_option


@click.command()
@click.option("--ask-models", is_flag=True, help="Ask each model one short question (a paid call each).")
@workspace_option
@json_option
def check(ask_models: bool, workspace: Path, as_json: bool) -> int:
    """Preflight: program, data, metric, models, optimizer, budget and disk, each pass, warn or fail."""
    import msgspec

    from core.workbench.desk import Desk
    from core.workbench.preflight import preflight
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    recipe = place.recipe()
    with Desk(place.root, recipe) as desk:
        checks = preflight(desk, recipe, place.root, ask_models=ask_models)
    failed = any(one.status == "fail" for one in checks)
    if as_json:
        print_json({"ok": not failed, "checks": msgspec.to_builtins(checks)})
    else:
        print_lines(check_lines(checks))
    return int(failed)
