"""A table filtered and sorted in the background: matches as they are found, progress, cancel."""

from __future__ import annotations

import bisect
import threading
from array import array
from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import DataError
from .index import Index
from .memory import MemoryIndex
from .search import Match, compile_query, sort_rows


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, in which order. All conditions given must hold."""

    text: str = ""
    """Somewhere in the row, in any case."""
    regex: str = ""
    """Found somewhere in the row; RE2 syntax."""
    where: str = ""
    """An SQL expression over columns: `score > 0.5 and label = 'a'`."""
    columns: tuple[str, ...] = ()
    """Where `text` and `regex` look; everywhere when empty."""
    equals: Mapping[str, str | None] = {}
    """Columns whose text is exactly this."""
    sort: str | None = None
    descending: bool = False

    @staticmethod
    def equal_to(row: Mapping[str, Any]) -> Query:
        """The rows whose text columns are those of `row`."""
        return Query(equals={name: value for name, value in row.items() if isinstance(value, str)})


class ViewState(msgspec.Struct, frozen=True, kw_only=True):
    matches: int
    """Rows found so far."""
    searched: int
    """Rows looked at so far."""
    total: int | None
    """All rows of the table; None while it is being indexed."""
    done: bool
    """Found all, sorted, failed or cancelled."""
    cancelled: bool = False
    error: DataError | None = None


class View:
    """The matching rows of one query. While it searches, those found so far can be paged in table order;
    a sorted view gets its order once all are found."""

    def __init__(self, index: Index | MemoryIndex, query: Query, *, stop: int | None = None) -> None:
        self._index = index
        self._query = query
        self._stop = stop
        self._numbers: array[int] = array("q")
        self._changed = threading.Condition()
        self._cancel = threading.Event()
        self._state = ViewState(matches=0, searched=0, total=None, done=False)
        threading.Thread(target=self._run, name="table-view", daemon=True).start()

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    @property
    def state(self) -> ViewState:
        return self._state

    def cancel(self) -> None:
        """Stops searching; what was found stays."""
        self._cancel.set()

    def wait(self, matches: int | None = None, timeout: float | None = None) -> ViewState:
        """Waits until done, until that many matches are found, or until `timeout` seconds have passed.

        Raises the `DataError` of a query that cannot be run.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._state.done or (matches is not None and len(self._numbers) >= matches), timeout
            )
            if self._state.error is not None:
                raise self._state.error
            return self._state

    def numbers(self, start: int, count: int) -> list[int]:
        """Table row numbers of the matches from `start` on."""
        return self._numbers[start : start + count].tolist()

    def position_of(self, number: int) -> int | None:
        """Where the row with that table row number stands among the matches; None if it is none of them."""
        with self._changed:
            numbers = self._numbers
            if self._query.sort is None or not self._state.done:
                place = bisect.bisect_left(numbers, number)
                return place if place < len(numbers) and numbers[place] == number else None
            try:
                return numbers.index(number)
            except ValueError:
                return None

    def page(self, start: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Matches with their table row numbers."""
        numbers = self.numbers(start, count)
        return list(zip(numbers, self._index.read_many(numbers), strict=True))

    def _run(self) -> None:
        try:
            self._search()
        except DataError as error:
            self._set(done=True, error=error)
        except Exception as error:  # noqa: BLE001 - whoever waits for the rows must hear of it
            what = f"the rows cannot be searched: {type(error).__name__}: {error}"
            self._set(done=True, error=DataError(what, fix="open the table again"))

    def _search(self) -> None:
        match: Match | None = None
        number = searched = 0
        while not self._cancel.is_set() and self._index.wait_for_batch(number):
            if match is None:
                match = compile_query(self._query, self._index.state.columns)
            start = self._index.start_of(number)
            if self._stop is not None and start >= self._stop:
                break
            batch = self._index.batch(number)
            if self._stop is not None:
                batch = batch.slice(0, self._stop - start)
            found = match(batch)
            with self._changed:
                self._numbers.extend(start + position for position in found)
            searched = start + batch.num_rows
            number += 1
            self._set(searched=searched)
        if (failure := self._index.state.error) is not None:
            raise failure
        if self._query.sort is not None and not self._cancel.is_set():
            self._sort()
        self._set(done=True, cancelled=self._cancel.is_set())

    def _sort(self) -> None:
        ordered = sort_rows(self._index, self._numbers, self._query.sort or "", self._query.descending)
        with self._changed:
            if not self._cancel.is_set():
                self._numbers = ordered

    def _set(self, **changes: Any) -> None:
        with self._changed:
            state = self._index.state
            total = state.rows if state.complete else None
            self._state = msgspec.structs.replace(
                self._state, matches=len(self._numbers), total=total, **changes
            )
            self._changed.notify_all()
