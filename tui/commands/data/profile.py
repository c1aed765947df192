"""`compilot data profile`: what is in the data, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.wording import plural

from ...output import print_json, print_lines
from ...text import clean, count, table
from ..options import json_option, workspace_option
from .place import encoding_option, file_argument, find_place, format_option

if TYPE_CHECKING:
    from core.data.profile import Profile

_ROWS_NAMED = 8


@click.command()
@file_argument
@format_option
@encoding_option
@workspace_option
@json_option
def profile(
    file: str | None, format_: str | None, encoding: str | None, workspace: Path, as_json: bool
) -> None:
    """Columns in numbers, label balance, and what is wrong with which rows."""
    from core.data.profile import profile_data, profile_file
    from core.jsonable import to_json

    place = find_place(workspace, file, format_, encoding)
    if file is None and place.spec is not None:
        open_state = place.state_dir if place.state_dir and place.state_dir.exists() else None
        report = profile_data(place.spec, place.root, open_state)
    else:
        report = profile_file(place.text, place.root, format=place.format, encoding=place.encoding)
    if as_json:
        print_json(to_json(report))
    else:
        print_lines(profile_lines(report))


def profile_lines(report: Profile) -> list[str]:
    """A profile as lines of text."""
    parts = ", ".join(f"{name} {count(size)}" for name, size in report.parts.items())
    lost = f"; {count(report.lost)} could not be read" if report.lost else ""
    lines = [f"{report.name}: {plural(report.rows, 'row')}{f' ({parts})' if parts else ''}{lost}", ""]
    return lines + _column_lines(report) + _balance_lines(report) + _finding_lines(report)


def _column_lines(report: Profile) -> list[str]:
    grid = [["column", "role", "type", "missing", "distinct", "tokens", "90 %", "most frequent"]]
    for column in report.columns:
        tokens = column.tokens
        grid.append(
            [
                clean(column.name),
                column.role,
                column.type,
                count(column.missing),
                count(column.distinct),
                count(tokens.median) if tokens else "",
                count(tokens.p90) if tokens else "",
                clean(", ".join(f"{text[:20]} ({times})" for text, times in column.top[:2])),
            ]
        )
    return table(grid, "<<<>>>><")


def _balance_lines(report: Profile) -> list[str]:
    lines: list[str] = []
    parts = list(report.parts) or ["all"]
    for label, classes in report.balance.items():
        grid = [[clean(label), *parts]]
        grid += [
            [clean(text), *(count(sizes.get(part, 0)) for part in parts)] for text, sizes in classes.items()
        ]
        lines += ["", *table(grid, "<" + ">" * len(parts))]
    return lines


def _finding_lines(report: Profile) -> list[str]:
    lines = ["", "findings:" if report.findings else "no findings"]
    for finding in report.findings:
        rows = ", ".join(str(row.index) for row in finding.rows[:_ROWS_NAMED])
        more = ", …" if len(finding.rows) > _ROWS_NAMED else ""
        lines.append(f"  {finding.severity}: {finding.what}" + (f" [rows {rows}{more}]" if rows else ""))
        if finding.fix:
            lines.append(f"    fix: {finding.fix}")
    return lines
