"""Finding and ordering rows in Arrow batches."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import DataError
from ..cells import cell_text
from ..fields import check_fields
from .layout import ColumnLayout, text_field

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from .index import Index
    from .memory import MemoryIndex
    from .view import Query

Match = Callable[["pa.RecordBatch"], Sequence[int]]
"""Positions of the matching rows within a batch."""
_Mask = Callable[["pa.RecordBatch"], "pa.Array"]


def compile_query(query: Query, columns: Sequence[ColumnLayout]) -> Match:
    """A function that finds a query's rows in a batch. Raises `DataError` for a query that makes no sense."""
    import pyarrow.compute as pc

    names = [column.name for column in columns]
    check_fields(query.columns, names, where="the table", field="columns")
    if query.sort is not None:
        check_fields([query.sort], names, where="the table", field="sort")
    places = [
        place for place, column in enumerate(columns) if not query.columns or column.name in query.columns
    ]
    masks: list[_Mask] = []
    if query.text:
        masks.append(lambda batch: _any_text(batch, columns, places, pc.match_substring, query.text))
    if query.regex:
        _check_regex(query.regex)
        masks.append(lambda batch: _any_text(batch, columns, places, pc.match_substring_regex, query.regex))
    if query.equals:
        masks.append(lambda batch: _all_equal(batch, columns, query.equals))
    if query.where:
        masks.append(_compile_where(query.where, columns))

    def match(batch: pa.RecordBatch) -> Sequence[int]:
        if not masks:
            return range(batch.num_rows)
        joined = None
        for mask in masks:
            found = pc.fill_null(mask(batch), False)
            joined = found if joined is None else pc.and_(joined, found)
        positions: list[int] = pc.indices_nonzero(joined).to_pylist()
        return positions

    return match


def _check_regex(pattern: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"not a regular expression: {str(error).splitlines()[0]}",
            where=pattern,
            fix="RE2 syntax: no look-around and no back references",
        ) from None


def _any_text(
    batch: pa.RecordBatch, columns: Sequence[ColumnLayout], places: Sequence[int], find: Any, pattern: str
) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = None
    for place in places:
        text = _text_of(batch.column(text_field(place)))
        hit = pc.fill_null(find(text, pattern, ignore_case=True), False)
        found = hit if found is None else pc.or_(found, hit)
    return found if found is not None else pa.array([False] * batch.num_rows)


def _text_of(column: pa.Array) -> pa.Array:
    """The column as people see it."""
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if types.is_string(kind) or types.is_large_string(kind):
        return column
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_date(kind):
        return column.cast(pa.string())
    from ..formats.columnar import read_values

    return pa.array([cell_text(value) for value in read_values(column)[0]], pa.string())


def _all_equal(batch: pa.RecordBatch, columns: Sequence[ColumnLayout], wanted: Any) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pa.array([True] * batch.num_rows)
    for place, column in enumerate(columns):
        if column.name in wanted:
            found = pc.and_(
                found, pc.fill_null(pc.equal(batch.column(text_field(place)), wanted[column.name]), False)
            )
    return found


def typed_column(batch: pa.RecordBatch, place: int, column: ColumnLayout) -> pa.Array:
    """A column with its values in Arrow's types where they are numbers or booleans; else as text."""
    import pyarrow as pa

    array_ = batch.column(text_field(place))
    if column.encoding == "native":
        return array_
    if column.type == "integer":
        try:
            return array_.cast(pa.int64())
        except pa.ArrowInvalid:
            return array_.cast(pa.float64())
    if column.type == "number":
        return array_.cast(pa.float64())
    if column.type == "boolean":
        return array_.cast(pa.bool_())
    return array_


def _compile_where(where: str, columns: Sequence[ColumnLayout]) -> _Mask:
    import polars as pl

    expression = _parse_where(where)
    used = expression.meta.root_names()
    check_fields(used, [column.name for column in columns], where=where, field="where")
    places = [(place, column) for place, column in enumerate(columns) if column.name in used]

    def mask(batch: pa.RecordBatch) -> pa.Array:
        frame = _typed_frame(batch, places)
        try:
            flags = frame.select(expression.alias("keep")).to_series()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise _bad_where(where, error) from None
        if flags.dtype != pl.Boolean:
            raise DataError(f"not a condition: it gives {flags.dtype}", where=where, fix=_WHERE_HELP)
        if len(flags) != batch.num_rows:
            flags = pl.repeat(flags[0], batch.num_rows, eager=True)
        return flags.to_arrow()

    return mask


_WHERE_HELP = "compare columns, as in: score > 0.5 and label = 'a'"


def _parse_where(where: str) -> pl.Expr:
    import polars as pl

    try:
        return pl.sql_expr(where)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _bad_where(where, error) from None


def _bad_where(where: str, error: BaseException) -> DataError:
    lines = str(error).strip().splitlines()
    return DataError(
        f"the condition cannot be used: {lines[0] if lines else error}", where=where, fix=_WHERE_HELP
    )


def _typed_frame(batch: pa.RecordBatch, places: Sequence[tuple[int, ColumnLayout]]) -> pl.DataFrame:
    import polars as pl

    series = [pl.Series(column.name, typed_column(batch, place, column)) for place, column in places]
    return pl.DataFrame(series) if series else pl.DataFrame({"": [None] * batch.num_rows})


def sort_rows(index: Index | MemoryIndex, numbers: array[int], column: str, descending: bool) -> array[int]:
    """Row numbers in the order of a column's values; equal ones stay in order, missing ones come last."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = index.state.columns
    place = next(place for place, layout in enumerate(columns) if layout.name == column)
    pieces = [
        _sort_key(typed_column(index.batch(n), place, columns[place])) for n in range(index.batch_count)
    ]
    chosen = pa.array(numbers, pa.int64())
    if not pieces or not len(chosen):
        return numbers
    if len({piece.type for piece in pieces}) > 1:
        pieces = [piece.cast(pa.float64()) for piece in pieces]
    keys = pa.chunked_array(pieces).take(chosen)
    order = pc.sort_indices(
        pa.table({"key": keys, "row": chosen}),
        sort_keys=[("key", "descending" if descending else "ascending"), ("row", "ascending")],
    )
    ordered = array("q", chosen.take(order).to_numpy().tobytes())
    del keys, order
    pa.default_memory_pool().release_unused()
    return ordered


def _sort_key(column: pa.Array) -> pa.Array:
    import pyarrow.types as types

    nested = types.is_nested(column.type) or types.is_null(column.type)
    return _text_of(column) if nested else column
