"""A small table's rows behind the same face as an index, so that views need not care."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .first import FirstRows
from .index import IndexState
from .layout import ColumnLayout, block_schema, encode_rows

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryIndex:
    """One batch: all the rows of a table that was read whole as its first page."""

    def __init__(self, first: FirstRows) -> None:
        self._first = first
        self.state = IndexState(
            columns=tuple(ColumnLayout(column.name, column.type, "tagged") for column in first.columns),
            rows=len(first.rows),
            fraction=1.0,
            done=True,
            complete=True,
        )
        self.batch_count = 1 if first.rows else 0

    def wait(self, rows: int | None = None, timeout: float | None = None) -> IndexState:
        return self.state

    def wait_for_batch(self, number: int) -> bool:
        return number < self.batch_count

    def start_of(self, number: int) -> int:
        return 0

    def batch(self, number: int) -> pa.RecordBatch:
        return self._batch

    @cached_property
    def _batch(self) -> pa.RecordBatch:
        encodings = [column.encoding for column in self.state.columns]
        rows = [list(row.values()) for row in self._first.rows]
        return encode_rows(rows, encodings, block_schema(encodings))

    def read(self, start: int, count: int) -> list[dict[str, Any]]:
        return self._first.rows[start : start + count]

    def read_texts(self, number: int) -> dict[str, Any]:
        return self._first.texts[number]

    def read_many(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        return [self._first.rows[number] for number in numbers]

    def close(self) -> None:
        """Nothing runs."""
