"""CSV and TSV, by Python's own reader: it knows which line is wrong, and reads a million rows a second."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Any

from ...errors import DataError
from ...wording import plural
from ..problems import Block, Problem, ProblemKind
from ..sources import Source
from ..streams import MAX_LINE, TextLines, open_text

MAX_COLUMNS = 10_000


class _Tape:
    """Feeds lines to the CSV reader and can take back those of a record that turned out broken."""

    def __init__(self, lines: TextLines) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.damaged = False
        """Whether a character of the record could not be decoded."""
        self.cut = False
        """Whether a line of the record was too long to be held."""
        self.line = 0
        """Number of the last line given."""

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.line += 1
        self.taken.append(line)
        if not line.isascii() and "\ufffd" in line:
            self.damaged = True
        if len(line) >= MAX_LINE:
            self.cut = True
        return line

    def start_record(self) -> int:
        """Forgets the last record; gives the line the next one starts on."""
        self.taken.clear()
        self.damaged = self.cut = False
        return self.line + 1

    def give_back_all_but_first(self) -> None:
        rest = self.taken[1:]
        self.line -= len(rest)
        self._again.extendleft(reversed(rest))


def read_delimited(source: Source, block_rows: int) -> Iterator[Block]:
    """Blocks of rows of text; an empty cell is None. Rows of the wrong width are reported, not loaded."""
    with open_text(source, newline="") as lines:
        yield from _read_lines(source, lines, block_rows)


def _read_lines(source: Source, lines: TextLines, block_rows: int) -> Iterator[Block]:
    csv.field_size_limit(MAX_LINE)
    tape = _Tape(lines)
    problems: list[Problem] = []
    rows: list[list[Any]] = []
    names: tuple[str, ...] = ()
    loaded = 0
    separator = _find_separator(source, tape)
    reader = csv.reader(tape, delimiter=separator, strict=True)

    def report(kind: ProblemKind, what: str, line: int, *, row: int | None = None, lost: int = 0) -> None:
        problems.append(Problem(kind=kind, what=what, file=source.name, line=line, row=row, lost=lost))

    while True:
        start = tape.start_record()
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if not names:
                raise DataError(
                    f"the header cannot be read: {error}", where=f"{source.name}, line {start}"
                ) from None
            tape.give_back_all_but_first()
            report("broken_quote", f"{_explain(error)}: row not loaded", start, lost=1)
            continue
        if not row:
            continue
        if not names:
            names = _name_columns(source, row, start, problems)
            continue
        if tape.cut:
            report("too_long", f"a line of over {MAX_LINE:,} characters: row not loaded", start, lost=1)
            continue
        if len(row) != len(names):
            report(
                "ragged_row",
                f"{plural(len(row), 'cell')} where the header has {len(names)}: row not loaded",
                start,
                lost=1,
            )
            continue
        if tape.damaged:
            report("bad_text", "a character could not be decoded (shown as \ufffd)", start, row=loaded)
        rows.append([cell or None for cell in row] if "" in row else row)
        loaded += 1
        if len(rows) == block_rows:
            yield Block(names, rows, problems, lines.position)
            rows, problems = [], []
    if not names:
        raise DataError("the file has no header and no rows", where=source.name)
    yield Block(names, rows, problems, lines.position)


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is opened here and never closed"
    if "expected after" in text:
        return "text follows a closing quote (a quote inside a cell is written twice)"
    if "field larger" in text:
        return "a quote is opened here and not closed within a cell's largest size"
    return text


def _find_separator(source: Source, tape: _Tape) -> str:
    """Tab for TSV; for CSV the comma, unless the first line has none and has semicolons, tabs or bars."""
    if source.format == "tsv":
        return "\t"
    first = next(tape, "")
    tape.taken.insert(0, "")
    tape.give_back_all_but_first()
    if "," in first:
        return ","
    return max(",;\t|", key=lambda separator: (first.count(separator), separator == ","))


def _name_columns(source: Source, header: list[str], line: int, problems: list[Problem]) -> tuple[str, ...]:
    if len(header) > MAX_COLUMNS:
        raise DataError(
            f"{len(header):,} columns; at most {MAX_COLUMNS:,} can be read",
            where=f"{source.name}, line {line}",
        )
    names: dict[str, None] = {}
    for position, cell in enumerate(header, 1):
        wanted = cell.strip() or f"column_{position}"
        name, copy = wanted, 2
        while name in names:
            name, copy = f"{wanted}_{copy}", copy + 1
        if name != cell.strip():
            what = (
                f"column {position} has no name"
                if not cell.strip()
                else f"column name {cell.strip()!r} repeats"
            )
            problems.append(
                Problem(
                    kind="bad_header",
                    what=f"{what}: read as {name!r}",
                    file=source.name,
                    line=line,
                    column=name,
                )
            )
        names[name] = None
    return tuple(names)
