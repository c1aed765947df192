"""How rows lie in the cache: Arrow batches that keep every value as it was, and stay searchable as text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ..cells import ColumnType
from ..table import convert_text

if TYPE_CHECKING:
    import pyarrow as pa

Encoding = Literal["text", "tagged", "native"]


class ColumnLayout(msgspec.Struct, frozen=True):
    name: str
    type: ColumnType
    encoding: Encoding
    """`text`: a file's own text, typed by inference. `tagged`: text with a tag for what it stands for, so any
    column can hold anything. `native`: Arrow's own type."""


_NULL, _TEXT, _JSON, _DATE, _DATETIME, _TIME, _NOT_FINITE = range(7)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(enc_hook=str).encode
_READERS: dict[int, Any] = {
    _DATE: date.fromisoformat,
    _DATETIME: datetime.fromisoformat,
    _TIME: time.fromisoformat,
    _NOT_FINITE: float,
}


def text_field(position: int) -> str:
    """Name of the Arrow field that holds a column's text or native values."""
    return f"c{position}"


def _tag_field(position: int) -> str:
    return f"t{position}"


def block_schema(encodings: Sequence[Encoding]) -> pa.Schema:
    """The Arrow schema of batches made from rows of Python values."""
    import pyarrow as pa

    fields = []
    for position, encoding in enumerate(encodings):
        fields.append(pa.field(text_field(position), pa.string()))
        if encoding == "tagged":
            fields.append(pa.field(_tag_field(position), pa.int8()))
    return pa.schema(fields)


def encode_rows(
    rows: Sequence[Sequence[Any]], encodings: Sequence[Encoding], schema: pa.Schema
) -> pa.RecordBatch:
    """Rows of Python values as one Arrow batch."""
    import pyarrow as pa

    arrays = []
    columns = zip(*rows, strict=True) if rows else ([] for _ in encodings)
    for encoding, values in zip(encodings, columns, strict=True):
        if encoding == "text":
            arrays.append(pa.array(values, pa.string()))
            continue
        tags, texts = _tag_column(values)
        arrays.append(pa.array(texts, pa.string()))
        arrays.append(pa.array(tags, pa.int8()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _tag_column(values: Sequence[Any]) -> tuple[list[int], list[str | None]]:
    """Tags and texts of a column; columns of one plain type, which most are, take a short way."""
    kinds = set(map(type, values)) - {NoneType}
    if kinds <= {str}:
        return [_NULL if value is None else _TEXT for value in values], list(values)
    if kinds == {int} or (
        kinds == {float} and all(value is None or math.isfinite(value) for value in values)
    ):
        texts = [None if value is None else repr(value) for value in values]
        return [_NULL if text is None else _JSON for text in texts], texts
    tagged = [_tag(value) for value in values]
    return [tag for tag, _ in tagged], [text for _, text in tagged]


def _tag(value: Any) -> tuple[int, str | None]:
    if value is None:
        return _NULL, None
    if isinstance(value, str):
        return _TEXT, value
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE, repr(value)
    if isinstance(value, datetime):
        return _DATETIME, value.isoformat()
    if isinstance(value, date):
        return _DATE, value.isoformat()
    if isinstance(value, time):
        return _TIME, value.isoformat()
    try:
        return _JSON, str(_encode(value), "utf-8")
    except (TypeError, UnicodeEncodeError):
        return _JSON, json.dumps(value, default=str, skipkeys=True)


def decode_batch(batch: pa.RecordBatch, columns: Sequence[ColumnLayout]) -> list[dict[str, Any]]:
    """The batch's rows as values by column name."""
    decoded = [_decode_column(batch, position, column) for position, column in enumerate(columns)]
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*decoded, strict=True)]


def _decode_column(batch: pa.RecordBatch, position: int, column: ColumnLayout) -> list[Any]:
    array = batch.column(text_field(position))
    if column.encoding == "native":
        from ..formats.columnar import read_values

        return read_values(array)[0]
    cells = array.to_pylist()
    if column.encoding == "text":
        return [convert_text(cell, column.type) for cell in cells]
    tags = batch.column(_tag_field(position)).to_pylist()
    return [_untag(tag, cell) for tag, cell in zip(tags, cells, strict=True)]


def _untag(tag: int, cell: str) -> Any:
    if tag == _NULL:
        return None
    if tag == _TEXT:
        return cell
    return _READERS.get(tag, _decode)(cell)
