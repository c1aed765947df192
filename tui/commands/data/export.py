"""`compilot data export`: rows to a file of another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.errors import DataError
from core.wording import plural

from ...output import print_json, print_lines
from ..options import json_option, workspace_option
from .place import (
    Place,
    encoding_option,
    file_argument,
    find_place,
    format_option,
    open_workspace,
    part_choice,
    read_spec,
)

_PAGE = 5000


@click.command()
@file_argument
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="csv, tsv, json, jsonl, parquet or arrow, by its name.",
)
@click.option("--part", type=part_choice, help="Rows of one part, as the program sees them.")
@click.option("--unguarded", is_flag=True, help="In CSV, leave text that looks like a formula as it is.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@format_option
@encoding_option
@workspace_option
@json_option
def export(
    file: str | None,
    output: Path,
    part: str | None,
    unguarded: bool,
    overwrite: bool,
    format_: str | None,
    encoding: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write rows of FILE, or of the workspace's data, to a file of another format."""
    from core.data.export import export_rows

    if part is None:
        written = _export_table(
            find_place(workspace, file, format_, encoding), output, not unguarded, overwrite
        )
    elif file is not None:
        raise click.UsageError("--part exports the workspace's own split: leave FILE out")
    else:
        rows = _part_rows(workspace, part)
        written = export_rows(rows, list(rows[0]), output, guard=not unguarded, overwrite=overwrite)
    if as_json:
        print_json({"rows": written, "output": str(output)})
    else:
        print_lines([f"{plural(written, 'row')} → {output}"])


def _part_rows(workspace: Path, part: str) -> list[dict[str, Any]]:
    from core.data import load_splits
    from core.data.seal import remember_look

    place = open_workspace(workspace)
    place.prepare()
    splits = load_splits(read_spec(place), place.root, place.state_dir)
    rows = [row.values for row in getattr(splits, part)]
    if not rows:
        raise DataError(
            f"the {part} part is empty", where=str(place.config_path), fix=f"give data.split.{part} a size"
        )
    if part == "test":
        remember_look(place.store, splits.hash, "data export --part test")
    return rows


def _export_table(place: Place, output: Path, guard: bool, overwrite: bool) -> int:
    from core.data.export import export_rows
    from core.data.paging.table import open_table

    with open_table(
        place.text, place.root, format=place.format, encoding=place.encoding, state_dir=place.state_dir
    ) as table:
        state = table.wait()
        if state.error is not None:
            raise state.error
        pages = (table.page(start, _PAGE) for start in range(0, state.rows, _PAGE))
        rows = (row for page in pages for row in page)
        return export_rows(
            rows, [column.name for column in state.columns], output, guard=guard, overwrite=overwrite
        )
