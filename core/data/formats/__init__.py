"""The data formats: one reader each, imported when a file of that format is read."""

from __future__ import annotations

from collections.abc import Iterator

from ..problems import Block
from ..sources import FormatName, Source

PLAIN_TEXT: frozenset[FormatName] = frozenset({"csv", "tsv"})
"""Formats whose cells are text and whose column types are inferred."""
ROW_WISE: frozenset[FormatName] = frozenset({"csv", "tsv", "json", "jsonl"})
"""Formats read row by row with the standard library and msgspec alone; the others come in Arrow batches."""


def read_blocks(source: Source, block_rows: int = 8192) -> Iterator[Block]:
    """The rows of a source in file order. Raises `DataError` when the file as a whole cannot be read."""
    if source.format in PLAIN_TEXT:
        from .delimited import read_delimited

        return read_delimited(source, block_rows)
    if source.format == "jsonl":
        from .jsonfile import read_json_lines

        return read_json_lines(source, block_rows)
    if source.format == "json":
        from .jsonfile import read_json

        return read_json(source, block_rows)
    if source.format == "python":
        from .python import read_python

        return read_python(source, block_rows)
    from .columnar import read_columnar

    return read_columnar(source, block_rows)
