"""JSON lines and JSON arrays of objects, decoded row by row so that one bad row costs one row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ...errors import DataError
from ..problems import Block, Problem, ProblemKind
from ..sources import Source
from ..streams import MAX_LINE, TextLines, open_text

MAX_DEPTH = 100
"""Nesting of lists and objects; deeper rows are reported."""
MAX_COLUMNS = 2_000
"""Different keys of all rows together."""
_decode = msgspec.json.Decoder().decode
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _BadRow(Exception):
    def __init__(self, kind: ProblemKind, what: str) -> None:
        super().__init__(what)
        self.kind = kind


class _Collector:
    """Gathers rows and problems into blocks, widening the columns as new keys appear."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: dict[str, None] = {}
        self._rows: list[list[object]] = []
        self._problems: list[Problem] = []
        self._loaded = 0

    def __len__(self) -> int:
        return len(self._rows)

    def report(self, kind: ProblemKind, what: str, line: int | None, *, loaded: bool = False) -> None:
        self._problems.append(
            Problem(
                kind=kind,
                what=what if loaded else f"{what}: row not loaded",
                file=self._source.name,
                line=line,
                row=self._loaded if loaded else None,
                lost=0 if loaded else 1,
            )
        )

    def add(self, raw: str | msgspec.Raw, line: int | None) -> None:
        try:
            values, note = decode_object(raw)
        except _BadRow as bad:
            self.report(bad.kind, str(bad), line)
            return
        if note:
            self.report("not_a_number", note, line, loaded=True)
        if isinstance(raw, str) and not raw.isascii() and "\ufffd" in raw:
            self.report("bad_text", "a character could not be decoded (shown as \ufffd)", line, loaded=True)
        names = self._names
        if not values.keys() <= names.keys():
            names.update(dict.fromkeys(values))
            if len(names) > MAX_COLUMNS:
                where = self._source.name if line is None else f"{self._source.name}, line {line:,}"
                raise DataError(
                    f"rows have over {MAX_COLUMNS:,} different keys between them",
                    where=where,
                    fix="put the varying keys into one nested object",
                )
        self._rows.append([values.get(name) for name in names])
        self._loaded += 1

    def take(self, position: int) -> Block:
        width = len(self._names)
        for row in self._rows:
            row.extend([None] * (width - len(row)))
        block = Block(tuple(self._names), self._rows, self._problems, position)
        self._rows, self._problems = [], []
        return block


def read_json_lines(source: Source, block_rows: int) -> Iterator[Block]:
    """Blocks of one object a line; blank lines are no rows."""
    with open_text(source, newline="\n") as lines:
        yield from _read_lines(source, lines, block_rows)


def _read_lines(source: Source, lines: TextLines, block_rows: int) -> Iterator[Block]:
    rows = _Collector(source)
    for number, line in enumerate(lines, 1):
        if len(line) >= MAX_LINE:
            rows.report("too_long", f"a line of over {MAX_LINE:,} characters", number)
        elif not line.isspace():
            rows.add(line, number)
        if len(rows) == block_rows:
            yield rows.take(lines.position)
    yield rows.take(lines.position)


def read_json(source: Source, block_rows: int) -> Iterator[Block]:
    """Blocks of a JSON array of objects, an object that holds one such array, or JSON lines all the same."""
    with open_text(source, newline="\n") as lines:
        text = lines.read()
        position = lines.position
    elements = _split(source, text)
    if elements is None:
        yield from read_json_lines(source, block_rows)
        return
    del text
    rows = _Collector(source)
    for element in elements:
        rows.add(element, None)
        if len(rows) == block_rows:
            yield rows.take(position)
    yield rows.take(position)


def read_document(source: Source) -> Any:
    """A JSON file as one value; None when it holds JSON lines. Raises `DataError` where it is broken."""
    with open_text(source, newline="\n") as lines:
        text = lines.read()
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        if _is_json_lines(text.lstrip()):
            return None
        raise _describe_error(source, text, str(error)) from None


def _split(source: Source, text: str) -> list[Any] | None:
    """The array's elements, undecoded; None when the file is JSON lines."""
    stripped = text.lstrip()
    try:
        if stripped.startswith("["):
            return _split_array(text)
        if stripped.startswith("{"):
            return _find_array(source, _split_object(text))
    except msgspec.DecodeError as error:
        if stripped.startswith("{") and _is_json_lines(stripped):
            return None
        if (lenient := _decode_leniently(text)) is not None:
            return lenient
        raise _describe_error(source, text, str(error)) from None
    except RecursionError:
        raise DataError(f"lists or objects nested over {MAX_DEPTH} deep", where=source.name) from None
    raise DataError(
        "the file is no JSON array of objects",
        where=source.name,
        fix="write [{…}, {…}], or one object a line (.jsonl)",
    )


def _find_array(source: Source, document: dict[str, msgspec.Raw]) -> list[Any]:
    arrays = [key for key, raw in document.items() if bytes(raw)[:1] == b"["]
    if len(arrays) == 1:
        return _split_array(document[arrays[0]])
    found = f"arrays under {', '.join(arrays)}" if arrays else "no array in it"
    raise DataError(
        f"the file is one JSON object with {found}",
        where=source.name,
        fix="write an array of objects, or one object a line (.jsonl)",
    )


def _is_json_lines(text: str) -> bool:
    first, newline, _ = text.partition("\n")
    if not newline:
        return False
    try:
        return isinstance(_decode(first), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _decode_leniently(text: str) -> list[Any] | None:
    """An array with NaN or Infinity, which Python writes and JSON forbids; None when truly broken."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, list) else None


def _describe_error(source: Source, text: str, message: str) -> DataError:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{source.name}, line {error.lineno:,}, column {error.colno:,}"
        return DataError(
            f"the JSON is broken: {error.msg}", where=where, fix="mend it there; is the file complete?"
        )
    except (ValueError, RecursionError) as error:
        message = str(error)
    return DataError(f"the JSON cannot be read: {message}", where=source.name)


def decode_object(raw: str | msgspec.Raw | Any) -> tuple[dict[str, Any], str]:
    """One row's object and a note about what had to be forgiven in it. Raises `_BadRow`."""
    value, note = (raw, "") if not isinstance(raw, (str, msgspec.Raw)) else _decode_value(raw)
    if not isinstance(value, dict):
        raise _BadRow("not_an_object", f"a JSON {_json_kind(value)} where an object was expected")
    if _may_be_deep(raw) and is_too_deep(value):
        raise _BadRow("too_deep", f"lists or objects nested over {MAX_DEPTH} deep")
    return value, note


def _decode_value(raw: str | msgspec.Raw) -> tuple[Any, str]:
    try:
        return _decode(raw), ""
    except RecursionError:
        raise _BadRow("too_deep", f"lists or objects nested over {MAX_DEPTH} deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error)
    text = raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _BadRow("bad_json", f"broken JSON at character {error.colno:,} ({error.msg})") from None
    except (ValueError, RecursionError):
        raise _BadRow("bad_json", f"JSON that cannot be read ({reason})") from None
    return mend_text(value), "holds what JSON forbids (NaN, Infinity or half a character)"


def mend_text(value: Any) -> Any:
    """The value with lone surrogates, which no file or model can take, shown as U+FFFD."""
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, list):
        return [mend_text(item) for item in value]
    if isinstance(value, dict):
        return {mend_text(key): mend_text(item) for key, item in value.items()}
    return value


def _may_be_deep(raw: str | msgspec.Raw | Any) -> bool:
    """A cheap look that spares nearly every row the careful one."""
    if isinstance(raw, str):
        return raw.count("{") + raw.count("[") > MAX_DEPTH
    return not isinstance(raw, msgspec.Raw) or len(bytes(raw)) > 2 * MAX_DEPTH


def is_too_deep(value: Any) -> bool:
    """Whether lists and objects nest more than `MAX_DEPTH` deep (the row itself not counted)."""
    level = [value]
    for _ in range(MAX_DEPTH + 2):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _json_kind(value: Any) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "number"
