"""A whole dataset in memory, as runs and profiles need it: rows of named values with the hash of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from .cells import PARSERS, ColumnType, TextTyper, hash_row, values_type
from .formats import PLAIN_TEXT, read_blocks
from .problems import Problem
from .sources import Source, find_sources


class Column(msgspec.Struct, frozen=True):
    name: str
    type: ColumnType


class Record(msgspec.Struct, frozen=True):
    """One row of a source, before any mapping."""

    values: dict[str, Any]
    """By column; a missing cell is None."""
    hash: str
    source: str
    """Name of the file it came from."""


class Table(msgspec.Struct, frozen=True):
    columns: tuple[Column, ...]
    records: list[Record]
    problems: list[Problem]
    name: str
    """The files, for messages."""


def load_table(
    text: str,
    root: Path,
    *,
    format: str | None = None,
    encoding: str | None = None,
    limit: int | None = None,
    field: str = "data.path",
) -> Table:
    """Reads everything `text` names (see `find_sources`) below `root`, at most `limit` rows of it.

    Raises `DataError` for what cannot be read at all; what can be read in part comes with `problems`.
    """
    return read_table(
        find_sources(text, root, format=format, encoding=encoding, field=field), name=text, limit=limit
    )


def read_table(sources: Sequence[Source], *, name: str, limit: int | None = None) -> Table:
    """Reads the sources as one table; its columns are those of all of them, in order of appearance."""
    names: dict[str, None] = {}
    rows: list[tuple[dict[str, Any], Source]] = []
    typers: dict[str, TextTyper] = {}
    problems: list[Problem] = []
    for source in sources:
        start = len(rows)
        for block in read_blocks(source):
            room = len(block.rows) if limit is None else limit - len(rows)
            names.update(dict.fromkeys(block.names))
            problems.extend(_shift(block.problems, start) if start else block.problems)
            kept = block.rows[:room]
            rows.extend((dict(zip(block.names, row, strict=True)), source) for row in kept)
            if source.format in PLAIN_TEXT:
                _feed(typers, block.names, kept)
            if limit is not None and len(rows) >= limit:
                break
    records = [_finish(row, source, names, typers) for row, source in rows]
    columns = tuple(Column(column, _type_of(column, typers, records)) for column in names)
    return Table(columns, records, problems, name)


def _shift(problems: Iterable[Problem], start: int) -> list[Problem]:
    return [
        problem if problem.row is None else msgspec.structs.replace(problem, row=problem.row + start)
        for problem in problems
    ]


def _feed(typers: dict[str, TextTyper], names: tuple[str, ...], rows: list[list[Any]]) -> None:
    for position, name in enumerate(names):
        typers.setdefault(name, TextTyper()).feed(row[position] for row in rows)


def _finish(
    row: dict[str, Any], source: Source, names: dict[str, None], typers: dict[str, TextTyper]
) -> Record:
    digest = hash_row(row)
    if source.format in PLAIN_TEXT:
        row = {name: convert_text(cell, typers[name].type) for name, cell in row.items()}
    if len(row) < len(names):
        row = {name: row.get(name) for name in names}
    return Record(row, digest, source.name)


def convert_text(cell: str | None, kind: ColumnType) -> Any:
    """The value that a cell of a plain-text column of that type stands for."""
    if cell is None or (parse := PARSERS.get(kind)) is None:
        return cell
    return parse(cell)


def _type_of(name: str, typers: dict[str, TextTyper], records: list[Record]) -> ColumnType:
    if name in typers and typers[name].type == "text":
        return "text"
    return values_type(record.values[name] for record in records)
