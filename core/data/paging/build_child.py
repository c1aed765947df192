"""The process that reads a table once and writes its cache, telling each batch as it is done.

A process of its own: it takes the memory and the time, and the screen stays fluid.
"""

from __future__ import annotations

import base64
import itertools
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...errors import CompilotError
from ..cells import ColumnType, TextTyper, join_types, values_type
from ..formats import PLAIN_TEXT, ROW_WISE, read_blocks
from ..problems import Block, Problem
from ..sources import Source
from .cache import CacheSlot, Contents, Extent
from .layout import ColumnLayout, Encoding, block_schema, encode_rows, text_field

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16 * 1024
_MOST_PROBLEMS = 1000


class Job(msgspec.Struct, frozen=True):
    """What the child is asked to do."""

    sources: list[Source]
    folder: str


class Started(msgspec.Struct, frozen=True, tag=True):
    """The file that is being written. Sent again when the columns turn out to be others than thought."""

    path: str
    schema: str
    columns: list[ColumnLayout]


class Wrote(msgspec.Struct, frozen=True, tag=True):
    extent: Extent
    position: int
    """Bytes of the sources read."""
    columns: list[ColumnLayout]
    """With the types seen so far."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    contents: Contents


class Failed(msgspec.Struct, frozen=True, tag=True):
    what: str
    where: str
    fix: str


Report = Started | Wrote | Finished | Failed


def main(arguments: list[str]) -> int:
    """Builds the cache of the job given as JSON on stdin; reports on stdout, one JSON object a line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job, dec_hook=lambda kind, text: kind(text))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(report: Report) -> None:
        out.write(msgspec.json.encode(report) + b"\n")
        out.flush()

    try:
        _Build(job, tell).run()
    except BrokenPipeError:
        return 1
    except CompilotError as error:
        tell(Failed(error.what, error.where, error.fix))
    except OSError as error:
        tell(Failed(f"the table cannot be indexed: {error.strerror or error}", job.folder, "free some space"))
    return 0


class _NewColumns(Exception):
    """Rows hold keys that no earlier row had: the file is begun again with all of them."""


class _Build:
    def __init__(self, job: Job, tell: Any) -> None:
        self._sources = job.sources
        self._slot = CacheSlot(job.sources, Path(job.folder))
        self._tell = tell
        self._names: tuple[str, ...] = ()
        self._problems: list[Problem] = []
        self._problem_count = 0
        self._lost = 0

    def run(self) -> None:
        self._slot.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._slot.prune()
        handle, name = tempfile.mkstemp(prefix=f"{self._slot.stem}-", suffix=".part", dir=self._slot.folder)
        os.close(handle)
        path = Path(name)
        try:
            contents = self._write(path)
            os.replace(path, self._slot.data)
            if self._slot.reusable:
                path.write_bytes(msgspec.json.encode(contents))
                os.replace(path, self._slot.contents)
        finally:
            path.unlink(missing_ok=True)
        self._tell(Finished(contents))

    def _write(self, path: Path) -> Contents:
        if all(source.format in ROW_WISE or source.format == "python" for source in self._sources):
            try:
                return self._write_blocks(path)
            except _NewColumns:
                self._names = self._find_names()
                return self._write_blocks(path)
        if len(self._sources) == 1:
            return self._write_native(path)
        self._names = self._find_names()
        return self._write_blocks(path)

    def _find_names(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for source in self._sources:
            for block in read_blocks(source, BATCH_ROWS):
                names.update(dict.fromkeys(block.names))
        return tuple(names)

    def _note(self, problems: list[Problem], start: int = 0) -> None:
        self._problem_count += len(problems)
        self._lost += sum(problem.lost for problem in problems)
        for problem in problems[: max(_MOST_PROBLEMS - len(self._problems), 0)]:
            row = None if problem.row is None else problem.row + start
            self._problems.append(msgspec.structs.replace(problem, row=row))

    def _finish(self, columns: list[ColumnLayout], schema: pa.Schema, extents: list[Extent]) -> Contents:
        return Contents(
            columns=columns,
            schema=_dump_schema(schema),
            extents=extents,
            problems=self._problems,
            problem_count=self._problem_count,
            lost=self._lost,
        )

    def _write_blocks(self, path: Path) -> Contents:
        self._problems, self._problem_count, self._lost = [], 0, 0
        blocks = _blocks_of(self._sources)
        first = next(blocks)
        names = self._names or first[1].names
        plain = all(source.format in PLAIN_TEXT for source in self._sources)
        encodings: list[Encoding] = ["text" if plain else "tagged"] * len(names)
        schema = block_schema(encodings)
        typer = _PlainTypes(len(names)) if plain else _ValueTypes(len(names))
        extents: list[Extent] = []

        def columns() -> list[ColumnLayout]:
            return [ColumnLayout(*parts) for parts in zip(names, typer.types, encodings, strict=True)]

        self._tell(Started(str(path), _dump_schema(schema), columns()))
        with _BatchFile(path) as file:
            loaded = start = done = position = 0
            current = self._sources[0]
            for source, block in itertools.chain([first], blocks):
                if source is not current:
                    current, start, done = source, loaded, done + current.size
                self._note(block.problems, start)
                if not block.rows:
                    continue
                rows = _align(block, names)
                typer.feed(rows)
                loaded += len(rows)
                position = done + block.position
                extents.append(file.write(encode_rows(rows, encodings, schema)))
                self._tell(Wrote(extents[-1], position, columns()))
        return self._finish(columns(), schema, extents)

    def _write_native(self, path: Path) -> Contents:
        import pyarrow as pa

        from ..formats.columnar import arrow_type, open_batches, storable_type, unique_names

        extents: list[Extent] = []
        read = 0
        with open_batches(self._sources[0], BATCH_ROWS) as (origin, batches):
            kinds = [storable_type(field.type) for field in origin]
            schema = pa.schema([(text_field(position), kind) for position, kind in enumerate(kinds)])
            columns = [
                ColumnLayout(name, arrow_type(kind), "native")
                for name, kind in zip(unique_names(origin.names), kinds, strict=True)
            ]
            self._tell(Started(str(path), _dump_schema(schema), columns))
            with _BatchFile(path) as file:
                for whole in batches:
                    for start in range(0, whole.num_rows, BATCH_ROWS):
                        batch = whole.slice(start, BATCH_ROWS)
                        arrays = [
                            array if array.type == kind else array.cast(kind)
                            for array, kind in zip(batch.columns, kinds, strict=True)
                        ]
                        extents.append(file.write(pa.RecordBatch.from_arrays(arrays, schema=schema)))
                        read += extents[-1].length
                        self._tell(Wrote(extents[-1], min(read, self._sources[0].size), columns))
        return self._finish(columns, schema, extents)


def _blocks_of(sources: list[Source]) -> Iterator[tuple[Source, Block]]:
    for source in sources:
        for block in read_blocks(source, BATCH_ROWS):
            yield source, block


def _align(block: Block, names: tuple[str, ...]) -> list[list[Any]]:
    """The block's rows in the order of `names`. Raises `_NewColumns` when it has others."""
    if block.names == names:
        return block.rows
    if not set(block.names) <= set(names):
        raise _NewColumns
    places = {name: place for place, name in enumerate(block.names)}
    order = [places.get(name) for name in names]
    return [[None if place is None else row[place] for place in order] for row in block.rows]


class _PlainTypes:
    def __init__(self, width: int) -> None:
        self._typers = [TextTyper() for _ in range(width)]

    def feed(self, rows: list[list[Any]]) -> None:
        for typer, cells in zip(self._typers, zip(*rows, strict=True), strict=True):
            typer.feed(cells)

    @property
    def types(self) -> list[ColumnType]:
        return [typer.type for typer in self._typers]


class _ValueTypes:
    def __init__(self, width: int) -> None:
        self.types: list[ColumnType] = ["empty"] * width

    def feed(self, rows: list[list[Any]]) -> None:
        for place, cells in enumerate(zip(*rows, strict=True)):
            classes = {type(cell): cell for cell in cells}
            self.types[place] = join_types(self.types[place], values_type(classes.values()))


class _BatchFile:
    """Arrow batches one after the other, each readable by its extent while later ones are still written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def __enter__(self) -> _BatchFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, batch: pa.RecordBatch) -> Extent:
        offset = self._file.tell()
        self._file.write(batch.serialize())
        self._file.flush()
        return Extent(offset, self._file.tell() - offset, batch.num_rows)


def _dump_schema(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize()).decode()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
