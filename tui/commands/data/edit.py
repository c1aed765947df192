"""`compilot data edit`: change a row in the overlay, never in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...output import print_json, print_lines
from ..options import json_option, workspace_option
from .cells import short_cell
from .place import open_workspace, read_spec

if TYPE_CHECKING:
    from core.data import Edit


@click.command()
@click.argument("row", type=click.IntRange(0))
@click.option("--file", metavar="FILE", help="Which of the workspace's files, where it has several.")
@click.option(
    "--set", "values", multiple=True, metavar="COLUMN=VALUE", help="A new value, JSON or text. Repeatable."
)
@click.option(
    "--exclude/--include", default=None, help="Leave the row out of every part, or take it back in."
)
@click.option("--note", metavar="TEXT", help="A note on the row.")
@click.option("--revert", is_flag=True, help="Take back every edit of the row.")
@workspace_option
@json_option
def edit(
    row: int,
    file: str | None,
    values: tuple[str, ...],
    exclude: bool | None,
    note: str | None,
    revert: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Label, fix, exclude or note ROW (its number from 0) beside the file, which stays as it is."""
    from core.data.overlay import edit_row
    from core.jsonable import to_json

    if not (values or note is not None or revert or exclude is not None):
        raise click.UsageError("say what to change: --set, --exclude, --include, --note or --revert")
    place = open_workspace(workspace)
    spec = read_spec(place)
    place.prepare()
    key, edited = edit_row(
        spec,
        place.root,
        place.state_dir,
        row,
        file=file,
        values=dict(_read_change(text) for text in values),
        excluded=exclude,
        note=note,
        revert=revert,
    )
    if as_json:
        print_json({"row": row, "key": key, "edit": to_json(edited)})
    else:
        print_lines([f"row {row}: {_describe(edited)}"])


def _read_change(text: str) -> tuple[str, Any]:
    column, equals, value = text.partition("=")
    if not equals or not column:
        raise click.UsageError(f"--set {text}: write it as COLUMN=VALUE")
    try:
        return column, json.loads(value)
    except json.JSONDecodeError:
        return column, value


def _describe(edit: Edit) -> str:
    said = [f"{column} = {short_cell(value)}" for column, value in edit.values.items()]
    said += ["excluded"] if edit.excluded else []
    said += [f"note: {edit.note}"] if edit.note else []
    return "; ".join(said) or "as in the file"
