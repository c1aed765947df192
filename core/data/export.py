"""Rows to a file, whole or not at all, in most formats we read; CSV guarded against formulas."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, get_args

from ..errors import DataError, StoreError
from .cells import cell_text

ExportFormat = Literal["csv", "tsv", "json", "jsonl", "parquet", "arrow"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_FORMULA_START = ("=", "+", "-", "@", "|", "\t", "\r", "\n", "%", "＝", "＋", "－", "＠")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?").fullmatch


def export_rows(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    path: Path,
    *,
    format: ExportFormat | None = None,
    guard: bool = True,
    overwrite: bool = False,
) -> int:
    """Writes rows to `path`, its format told by its name unless given; gives how many.

    In CSV and TSV lists and objects are written as JSON, and (with `guard`) text that a spreadsheet would run
    as a formula gets a leading apostrophe. Raises `DataError` for an unknown format or a file that exists,
    `StoreError` when the disk refuses.
    """
    chosen = format or _format_of(path)
    if path.exists() and not overwrite:
        raise DataError(
            "the file exists already", where=str(path), fix="choose another name, or overwrite it"
        )
    writer = _WRITERS[chosen]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as raw:
                stream = gzip.GzipFile(fileobj=raw, mode="wb") if path.suffix == ".gz" else raw
                count = writer(rows, columns, stream, guard)
                if stream is not raw:
                    stream.close()
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error
    return count


def _format_of(path: Path) -> ExportFormat:
    suffixes = [suffix[1:].lower() for suffix in path.suffixes if suffix != ".gz"]
    wanted = (
        {"ndjson": "jsonl", "feather": "arrow", "pq": "parquet"}.get(suffixes[-1], suffixes[-1])
        if suffixes
        else ""
    )
    known = next((format for format in EXPORT_FORMATS if format == wanted), None)
    if known is None:
        raise DataError(
            "the file's format cannot be told from its name",
            where=str(path),
            fix=f"end it with .{', .'.join(EXPORT_FORMATS)}",
        )
    return known


def guard_cell(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula; numbers stay."""
    if text.lstrip(" \ufeff\u200b").startswith(_FORMULA_START) and not _PLAIN_NUMBER(text):
        return f"'{text}"
    return text


def _write_delimited(delimiter: str) -> Callable[..., int]:
    def write(
        rows: Iterable[Mapping[str, Any]], columns: Sequence[str], stream: IO[bytes], guard: bool
    ) -> int:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="", write_through=True)
        # Any other line end leaves a lone carriage return unquoted.
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
        tidy = guard_cell if guard else str
        writer.writerow([tidy(column) for column in columns])
        count = 0
        for row in rows:
            count += 1
            values = [row.get(column) for column in columns]
            writer.writerow([tidy(value) if isinstance(value, str) else cell_text(value) for value in values])
        text.detach()
        return count

    return write


def _write_jsonl(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], stream: IO[bytes], guard: bool
) -> int:
    count = 0
    for line in _json_lines(rows, columns):
        stream.write(line + b"\n")
        count += 1
    return count


def _write_json(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], stream: IO[bytes], guard: bool
) -> int:
    count = 0
    stream.write(b"[")
    for line in _json_lines(rows, columns):
        stream.write((b",\n " if count else b"\n ") + line)
        count += 1
    stream.write(b"\n]\n")
    return count


def _json_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[bytes]:
    for row in rows:
        values = {column: row.get(column) for column in columns}
        yield json.dumps(values, ensure_ascii=False, default=_simplify).encode("utf-8", "replace")


def _simplify(value: Any) -> Any:
    return cell_text(value)


def _write_arrow(make: Callable[..., Any]) -> Callable[..., int]:
    def write(
        rows: Iterable[Mapping[str, Any]], columns: Sequence[str], stream: IO[bytes], guard: bool
    ) -> int:
        import pyarrow as pa

        listed = list(rows)
        arrays = [_arrow_column([row.get(column) for row in listed]) for column in columns]
        table = pa.Table.from_arrays(arrays, names=list(columns))
        make(table, stream)
        return len(listed)

    return write


def _arrow_column(values: list[Any]) -> Any:
    """An Arrow array of the values; a column that mixes types becomes text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([cell_text(value) for value in values], pa.string())


def _make_parquet(table: Any, stream: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, stream)


def _make_arrow(table: Any, stream: IO[bytes]) -> None:
    import pyarrow as pa

    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


_WRITERS: dict[ExportFormat, Callable[..., int]] = {
    "csv": _write_delimited(","),
    "tsv": _write_delimited("\t"),
    "json": _write_json,
    "jsonl": _write_jsonl,
    "parquet": _write_arrow(_make_parquet),
    "arrow": _write_arrow(_make_arrow),
}
