"""`compilot data split`: make and freeze the parts, and say what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.wording import plural

from ...output import print_json, print_lines, say
from ..options import json_option, workspace_option
from .place import open_workspace, read_spec
from .profile import profile_lines

if TYPE_CHECKING:
    from core.data import Splits


@click.command()
@click.option(
    "--forget", is_flag=True, help="Forget the frozen split and make it anew: rows may change parts."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="DIR", help="Write the parts there too."
)
@workspace_option
@json_option
def split(forget: bool, output: Path | None, workspace: Path, as_json: bool) -> None:
    """Make and freeze the workspace's split; say what each part holds."""
    from core.data import load_splits
    from core.data.freeze import forget_frozen
    from core.data.profile import profile_splits
    from core.data.seal import list_looks, remember_look
    from core.jsonable import to_json

    place = open_workspace(workspace)
    spec = read_spec(place)
    place.prepare()
    if forget:
        forget_frozen(spec, place.state_dir)
    splits = load_splits(spec, place.root, place.state_dir)
    if output is not None:
        _write_parts(splits, output)
        remember_look(place.store, splits.hash, "data split --output")
    report = profile_splits(splits, spec)
    looks = list_looks(place.store, splits.hash)
    if as_json:
        print_json(
            {
                "split": splits.hash,
                "parts": report.parts,
                "balance": report.balance,
                "findings": to_json(report.findings),
                "notes": splits.notes,
                "test_looks": len(looks),
            }
        )
        return
    print_lines([f"split {splits.hash}", *splits.notes, *profile_lines(report)])
    if looks:
        say(f"the test part was looked at {plural(len(looks), 'time')}")


def _write_parts(splits: Splits, folder: Path) -> None:
    from core.data.export import export_rows

    for name in ("train", "val", "test"):
        rows = [row.values for row in getattr(splits, name)]
        export_rows(rows, list(rows[0]) if rows else [], folder / f"{name}.jsonl")
