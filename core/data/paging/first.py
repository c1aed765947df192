"""The first rows of a table, read straight from the file in a few milliseconds and without Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..cells import TextTyper, values_type
from ..formats import PLAIN_TEXT, ROW_WISE, read_blocks
from ..problems import Problem
from ..sources import Source
from ..table import Column, convert_text

_BLOCK = 250
_ENOUGH_ROWS = 1000
_ENOUGH_BYTES = 2 * 2**20
_WHOLE_FILE_BYTES = 16 * 2**20
"""A JSON array is read whole to be read at all; a larger one waits for the index."""


class FirstRows(msgspec.Struct, frozen=True):
    columns: tuple[Column, ...]
    """Types as far as these rows tell."""
    rows: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    """The rows as they stand in the file, before types: what their hashes are made of."""
    problems: list[Problem]
    complete: bool
    """Whether this is the whole table."""


def read_first(sources: Sequence[Source], enough: int = _ENOUGH_ROWS) -> FirstRows | None:
    """At least `enough` rows, where the format gives its first ones quickly; None where it does not.

    Stops early where rows are long. Raises `DataError` when the file cannot be read at all.
    """
    first = sources[0]
    quick = first.format in ROW_WISE or first.format in ("parquet", "arrow")
    if not quick or (first.format == "json" and first.size > _WHOLE_FILE_BYTES):
        return None
    names: tuple[str, ...] = ()
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    complete = False
    blocks = read_blocks(first, _BLOCK)
    for block in blocks:
        names = block.names
        rows += (dict(zip(names, row, strict=True)) for row in block.rows)
        problems += block.problems
        if len(rows) >= enough or (rows and block.position >= _ENOUGH_BYTES):
            break
    else:
        complete = len(sources) == 1
    return _type_rows(first, names, rows, problems, complete)


def _type_rows(
    source: Source,
    names: tuple[str, ...],
    texts: list[dict[str, Any]],
    problems: list[Problem],
    complete: bool,
) -> FirstRows:
    if source.format not in PLAIN_TEXT:
        rows = [{name: row.get(name) for name in names} for row in texts]
        columns = tuple(Column(name, values_type(row[name] for row in rows)) for name in names)
        return FirstRows(columns, rows, texts, problems, complete)
    typers = {name: TextTyper() for name in names}
    for name, typer in typers.items():
        typer.feed(row[name] for row in texts)
    columns = tuple(Column(name, typer.type) for name, typer in typers.items())
    rows = [{column.name: convert_text(row[column.name], column.type) for column in columns} for row in texts]
    return FirstRows(columns, rows, texts, problems, complete)
