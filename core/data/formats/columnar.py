"""Parquet, Arrow, Excel and Hugging Face datasets: everything that comes in typed columns, through Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import DataError
from ..cells import ColumnType
from ..problems import Block, Problem
from ..sources import Source

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def open_batches(source: Source, batch_rows: int) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The source's schema and its rows in Arrow batches. Raises `DataError` when it cannot be read."""
    import pyarrow as pa

    try:
        yield _OPENERS[source.format](source, batch_rows)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OSError) as error:
        raise DataError(
            f"the {source.format} file is damaged or cut off: {_first_line(error)}",
            where=source.name,
            fix="write the file again",
        ) from error


def read_columnar(source: Source, block_rows: int) -> Iterator[Block]:
    """Blocks of Python values; a value Python cannot hold is None, and reported."""
    loaded = 0
    with open_batches(source, block_rows) as (schema, batches):
        names = unique_names(schema.names)
        total = 0
        for batch in batches:
            problems: list[Problem] = []
            columns = [
                _read_column(column, source.name, name, loaded, problems)
                for name, column in zip(names, batch.columns, strict=True)
            ]
            rows = [list(row) for row in zip(*columns, strict=True)] if columns else []
            loaded += len(rows)
            total += batch.nbytes
            yield Block(names, rows, problems, min(total, source.size))
        if not loaded:
            yield Block(names, [], [], source.size)


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Column names with repeats numbered, as the other readers do."""
    unique: dict[str, None] = {}
    for position, name in enumerate(names, 1):
        wanted = name.strip() or f"column_{position}"
        given, copy = wanted, 2
        while given in unique:
            given, copy = f"{wanted}_{copy}", copy + 1
        unique[given] = None
    return tuple(unique)


def arrow_type(kind: pa.DataType) -> ColumnType:
    """The type of an Arrow column in a person's words."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return arrow_type(kind.value_type)
    for is_kind, name in _arrow_types(types):
        if is_kind(kind):
            return name
    return "mixed"


def _arrow_types(types: Any) -> tuple[tuple[Any, ColumnType], ...]:
    return (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_decimal, "number"),
        (types.is_date, "date"),
        (types.is_timestamp, "datetime"),
        (types.is_time, "time"),
        (types.is_duration, "time"),
        (types.is_string, "text"),
        (types.is_large_string, "text"),
        (types.is_string_view, "text"),
        (types.is_binary, "bytes"),
        (types.is_large_binary, "bytes"),
        (types.is_fixed_size_binary, "bytes"),
        (types.is_binary_view, "bytes"),
        (types.is_struct, "object"),
        (types.is_map, "object"),
        (types.is_nested, "list"),
        (types.is_null, "empty"),
    )


def _read_column(column: pa.Array, file: str, name: str, start: int, problems: list[Problem]) -> list[object]:
    values, unreadable = read_values(column)
    for position, reason in unreadable.items():
        what = f"a value that cannot be read, shown as missing: {reason}"
        problems.append(Problem(kind="bad_value", what=what, file=file, row=start + position, column=name))
    return values


def read_values(column: pa.Array) -> tuple[list[Any], dict[int, str]]:
    """The column as Python values, and why, by position, those that Python cannot hold are None."""
    import pyarrow as pa

    unreadable: dict[int, str] = {}
    try:
        return [_plain(value) for value in column.to_pylist(maps_as_pydicts="lossy")], unreadable
    except (ValueError, OverflowError, pa.ArrowException):
        values: list[Any] = [None] * len(column)
    for position, scalar in enumerate(column):
        try:
            values[position] = _plain(scalar.as_py(maps_as_pydicts="lossy"))
        except (ValueError, OverflowError, pa.ArrowException) as error:
            unreadable[position] = _first_line(error)
    return values, unreadable


def storable_type(kind: pa.DataType) -> pa.DataType:
    """The type the cache keeps a column in: plain values for dictionaries, views and extensions."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return storable_type(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return storable_type(kind.storage_type)
    if types.is_string_view(kind):
        return pa.string()
    return pa.binary() if types.is_binary_view(kind) else kind


def _plain(value: Any) -> Any:
    """pandas brings its own timestamps when it is installed; rows hold Python's."""
    to_python = getattr(value, "to_pydatetime", None)
    return to_python(warn=False) if to_python is not None else value


def _open_parquet(source: Source, batch_rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(_open_file(source))
    return file.schema_arrow, file.iter_batches(batch_size=batch_rows)


def _open_arrow(source: Source, batch_rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow as pa

    file = _open_file(source)
    try:
        reader = pa.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
        stream = pa.ipc.open_stream(file)
        return stream.schema, iter(stream)
    return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))


def _open_file(source: Source) -> Any:
    import pyarrow as pa

    if source.compression is None:
        return pa.memory_map(str(source.path))
    codec = "gzip" if source.compression == "gzip" else "zstd"
    return pa.BufferReader(pa.input_stream(str(source.path), compression=codec).read())


def _open_excel(source: Source, batch_rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    try:
        import fastexcel
    except ImportError:
        raise DataError(
            "Excel files need the xlsx extra",
            where=source.name,
            fix="pip install 'compilot[xlsx]', or save as CSV",
        ) from None
    try:
        sheet = fastexcel.read_excel(str(source.path)).load_sheet(0, schema_sample_rows=None)
    except fastexcel.FastExcelError as error:
        raise DataError(
            f"the Excel file cannot be read: {_first_line(error)}",
            where=source.name,
            fix="open and save it again",
        ) from error
    batch = sheet.to_arrow()
    return batch.schema, (batch.slice(start, batch_rows) for start in range(0, batch.num_rows, batch_rows))


def _open_hub(source: Source, batch_rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    from .hub import load_hub_table

    table = load_hub_table(source)
    return table.schema, iter(table.to_batches(max_chunksize=batch_rows))


_OPENERS = {
    "parquet": _open_parquet,
    "arrow": _open_arrow,
    "xlsx": _open_excel,
    "hf": _open_hub,
}


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
