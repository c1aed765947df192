"""One table of any size, as a screen or a command pages through it. Never imports dspy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...errors import DataError
from ..cells import hash_row
from ..formats import PLAIN_TEXT
from ..problems import Problem
from ..sources import Source, find_sources
from ..table import Column
from .cache import CacheSlot, default_cache_folder
from .first import FirstRows, read_first
from .index import Index
from .memory import MemoryIndex
from .view import Query, View


class TableState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table now; a snapshot."""

    columns: tuple[Column, ...]
    rows: int
    """Rows that can be read now."""
    total: int | None
    """All rows; None until the index is done."""
    fraction: float
    """How far the index is, from 0 to 1."""
    done: bool
    problems: tuple[Problem, ...]
    """What could not be read as it stood, as far as seen (of very many, the first)."""
    problem_count: int
    lost: int
    """Rows that could not be loaded, as far as seen."""
    error: DataError | None = None
    """Why indexing ended early, when it did; the rows read before it can still be seen."""


class PagedTable:
    """First rows at once; the rest as the index grows; any row by number; filtered and sorted views.

    Thread-safe. Close it, or use it as a context manager.
    """

    def __init__(self, sources: Sequence[Source], cache_folder: Path, *, index: bool = True) -> None:
        self.sources = tuple(sources)
        self._cache_folder = cache_folder
        self._first: FirstRows | None = read_first(sources)
        self._index: Index | MemoryIndex | None = None
        small = self._first is not None and self._first.complete
        if not small and (index or CacheSlot(sources, cache_folder).load() is not None):
            self.start_index()

    def __enter__(self) -> PagedTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start_index(self) -> Index | MemoryIndex:
        """Opens the cache or begins to build it, in a process of its own; a small table stays in memory."""
        if self._index is None:
            if self._first is not None and self._first.complete:
                self._index = MemoryIndex(self._first)
            else:
                self._index = Index(self.sources, self._cache_folder)
        return self._index

    def close(self) -> None:
        """Ends the indexing process, if it still runs."""
        if self._index is not None:
            self._index.close()

    @property
    def state(self) -> TableState:
        state = None if self._index is None else self._index.state
        first = self._first
        if first is not None and (state is None or (state.rows < len(first.rows) and not state.complete)):
            complete = first.complete
            return TableState(
                columns=first.columns,
                rows=len(first.rows),
                total=len(first.rows) if complete else None,
                fraction=1.0 if complete else (state.fraction if state else 0.0),
                done=complete or (state is not None and state.done),
                problems=tuple(first.problems),
                problem_count=len(first.problems),
                lost=sum(problem.lost for problem in first.problems),
                error=state.error if state else None,
            )
        if state is None:
            raise DataError("the table has no rows yet", where=self.sources[0].name)
        contents = state.contents
        problems = contents.problems if contents else (first.problems if first else [])
        return TableState(
            columns=tuple(Column(column.name, column.type) for column in state.columns),
            rows=state.rows,
            total=state.rows if state.complete else None,
            fraction=state.fraction,
            done=state.done,
            problems=tuple(problems),
            problem_count=contents.problem_count if contents else len(problems),
            lost=contents.lost if contents else sum(problem.lost for problem in problems),
            error=state.error,
        )

    def wait(self, rows: int | None = None, timeout: float | None = None) -> TableState:
        """Waits until that many rows can be read (all, when None) or `timeout` seconds have passed."""
        if self._first is None or (
            not self._first.complete and (rows is None or rows > len(self._first.rows))
        ):
            self.start_index().wait(rows, timeout)
        return self.state

    def page(self, start: int, count: int) -> list[dict[str, Any]]:
        """Rows `start` to `start + count` by column name, as many of them as can be read now."""
        if start < 0 or count < 0:
            raise ValueError("start and count are numbers from 0 up")
        first = [] if self._first is None else self._first.rows
        if self._index is not None:
            state = self._index.state
            if state.complete or (state.rows >= len(first) and start + count > len(first)):
                return self._index.read(start, count)
        return first[start : start + count]

    def row_hash(self, number: int) -> str:
        """The hash of a row's content: what its key begins with. Quick, unlike `row_key`."""
        return hash_row(self._texts(number))

    def row_key(self, number: int) -> str:
        """The row's identity for edits and splits: its hash, and its number among copies of the same row.

        Looks at all rows before it, to tell copies apart: up to a second in a table of a million rows.
        """
        digest = self.row_hash(number)
        query = Query.equal_to(self.page(number, 1)[0])
        with self.view(query, stop=number) as view:
            view.wait()
            copies = sum(self.row_hash(match) == digest for match in view.numbers(0, number))
        return digest if not copies else f"{digest}.{copies + 1}"

    def _texts(self, number: int) -> dict[str, Any]:
        """A row as its hash sees it: plain text before types."""
        if self._first is not None and number < len(self._first.texts):
            return self._first.texts[number]
        index = self.start_index()
        return index.read_texts(number) if self.sources[0].format in PLAIN_TEXT else index.read(number, 1)[0]

    def view(self, query: Query, *, stop: int | None = None) -> View:
        """The rows (before row `stop`) that a query keeps, in its order; found in the background."""
        return View(self.start_index(), query, stop=stop)


def open_table(
    text: str,
    root: Path,
    *,
    format: str | None = None,
    encoding: str | None = None,
    state_dir: Path | None = None,
    index: bool = True,
) -> PagedTable:
    """Opens what `text` names (see `find_sources`) for paging.

    The cache goes to the workspace's state folder, or to the user's cache folder. With `index=False` nothing
    is indexed until it is needed; a cache that fits is used either way. Raises `DataError` when the first
    file cannot be read at all.
    """
    sources = find_sources(text, root, format=format, encoding=encoding)
    return PagedTable(sources, default_cache_folder(state_dir), index=index)
