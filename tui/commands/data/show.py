"""`compilot data show`: page through any table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.wording import plural

from ...output import print_json, say
from ...text import count
from ..options import json_option, workspace_option
from .cells import print_rows
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

if TYPE_CHECKING:
    from core.data.paging.table import PagedTable, TableState
    from core.data.paging.view import Query

_NumberedRows = list[tuple[int, dict[str, Any]]]


@click.command()
@file_argument
@click.option(
    "--rows", "-n", type=click.IntRange(0), default=20, metavar="N", help="How many rows (default 20)."
)
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Begin at this row, from 0.")
@click.option("--match", default="", metavar="TEXT", help="Only rows with this text in them, in any case.")
@click.option("--regex", default="", metavar="PATTERN", help="Only rows where this is found (RE2 syntax).")
@click.option(
    "--where", default="", metavar="SQL", help="Only rows where this holds: score > 0.5 and label = 'a'."
)
@click.option("--sort", metavar="COLUMN", help="In the order of this column.")
@click.option("--descending", is_flag=True, help="Largest first.")
@click.option(
    "--part", type=part_choice, help="Rows of one part, as the program sees them; a look at test is kept."
)
@format_option
@encoding_option
@workspace_option
@json_option
def show(
    file: str | None,
    rows: int,
    offset: int,
    match: str,
    regex: str,
    where: str,
    sort: str | None,
    descending: bool,
    part: str | None,
    format_: str | None,
    encoding: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Page through FILE, or the workspace's data."""
    from core.data.paging.table import open_table
    from core.data.paging.view import Query

    query = Query(text=match, regex=regex, where=where, sort=sort, descending=descending)
    if part is not None:
        if file or query != Query():
            raise click.UsageError(
                "--part shows the workspace's own split as it is: leave FILE and filters out"
            )
        _show_part(workspace, part, offset, rows, as_json)
        return
    place = find_place(workspace, file, format_, encoding)
    with open_table(
        place.text,
        place.root,
        format=place.format,
        encoding=place.encoding,
        state_dir=place.state_dir,
        index=False,
    ) as table:
        page, matches = _read_page(table, query, offset, rows)
        if as_json:
            print_json(_describe_page(place, table.state, page, matches, offset))
        else:
            _print_page(table.state, page, matches, offset)


def _read_page(table: PagedTable, query: Query, offset: int, rows: int) -> tuple[_NumberedRows, int | None]:
    """The rows with their numbers, and how many match where there is something to match."""
    if query != type(query)():
        with table.view(query) as view:
            state = view.wait()
            return view.page(offset, rows), state.matches
    ready = table.wait(offset + rows)
    if ready.error is not None:
        raise ready.error
    return list(enumerate(table.page(offset, rows), offset)), None


def _describe_page(
    place: Place, state: TableState, page: _NumberedRows, matches: int | None, offset: int
) -> dict[str, Any]:
    from core.jsonable import to_json

    roles = _find_roles(place, [column.name for column in state.columns])
    return {
        "file": place.text,
        "columns": [{"name": c.name, "type": c.type, "role": roles[c.name]} for c in state.columns],
        "rows": [to_json(row) for _, row in page],
        "numbers": [number for number, _ in page],
        "offset": offset,
        "total": state.total,
        "matches": matches,
        "types_from": "all" if state.total is not None else state.rows,
        "lost": state.lost,
        "problems": [
            {"kind": problem.kind, "what": problem.what, "where": problem.where}
            for problem in state.problems[:20]
        ],
    }


def _print_page(state: TableState, page: _NumberedRows, matches: int | None, offset: int) -> None:
    print_rows([column.name for column in state.columns], page)
    shown = f"{count(len(page))} shown from {count(offset)}" if page else "none to show"
    found = "" if matches is None else f"; {count(matches)} match"
    total = "more follow, not counted yet" if state.total is None else f"{plural(state.total, 'row')} in all"
    say(f"{shown}{found}; {total}")
    for problem in state.problems[:5]:
        say(f"{problem.where}: {problem.what}")
    if state.problem_count > 5:
        say(f"… {count(state.problem_count - 5)} more; {plural(state.lost, 'row')} could not be loaded")


def _find_roles(place: Place, columns: list[str]) -> dict[str, str]:
    """The role of each column: as compilot.toml says, or guessed for a file that is not the workspace's."""
    from core.data.roles import guess_roles, roles_of_spec

    if place.spec is not None:
        return dict(roles_of_spec(place.spec, columns))
    guess = guess_roles(columns)
    return {column: guess.role_of(column) for column in columns}


def _show_part(workspace: Path, part: str, offset: int, rows: int, as_json: bool) -> None:
    from core.data import load_splits
    from core.data.seal import remember_look
    from core.jsonable import to_json

    place = open_workspace(workspace)
    place.prepare()
    splits = load_splits(read_spec(place), place.root, place.state_dir)
    if part == "test":
        remember_look(place.store, splits.hash, "data show --part test")
    chosen = getattr(splits, part)
    page = [(row.index, row.values) for row in chosen[offset : offset + rows]]
    if as_json:
        shown = [to_json(values) for _, values in page]
        numbers = [index for index, _ in page]
        print_json(
            {
                "part": part,
                "rows": shown,
                "numbers": numbers,
                "offset": offset,
                "total": len(chosen),
                "split": splits.hash,
            }
        )
        return
    print_rows(list(page[0][1]) if page else [], page)
    say(f"{count(len(page))} of {plural(len(chosen), 'row')} of {part}; split {splits.hash}")
    if part == "test":
        say("the test part is sealed: this look at it is remembered")
