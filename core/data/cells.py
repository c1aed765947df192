"""One cell: its text, its hash, and the type that a column of plain text stands for."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec

ColumnType = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "list",
    "object",
    "date",
    "datetime",
    "time",
    "bytes",
    "mixed",
    "empty",
]

_INTEGER = re.compile(r"-?[1-9][0-9]{0,14}|0").fullmatch
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_BOOLEAN = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}

_encode = msgspec.json.Encoder(decimal_format="string").encode


def encode_json(value: Any) -> str:
    """Compact JSON of a value, keys in order; what JSON cannot hold is written as text, NaN as null."""
    try:
        return str(msgspec.json.encode(value, enc_hook=str, order="deterministic"), "utf-8")
    except (TypeError, UnicodeEncodeError, RecursionError):
        return json.dumps(value, default=str, skipkeys=True)


def cell_text(value: Any) -> str | None:
    """A cell as text: what a filter looks through and what a row's hash is made of. None stays None."""
    if value is None or isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (int, Decimal, timedelta)):
        return str(value)
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return encode_json(value)


def hash_row(values: Mapping[str, Any]) -> str:
    """16 hex digits over a row's columns and texts; missing cells and column order do not count.

    Made from text, so that neither the file's format nor a column's inferred type changes it.
    """
    texts = [(name, text) for name, value in sorted(values.items()) if (text := cell_text(value)) is not None]
    return hashlib.blake2b(_encode(_clean(texts)), digest_size=8).hexdigest()


def _clean(texts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    try:
        for pair in texts:
            pair[0].encode()
            pair[1].encode()
    except UnicodeEncodeError:
        return [
            (
                name.encode("utf-8", "backslashreplace").decode(),
                text.encode("utf-8", "backslashreplace").decode(),
            )
            for name, text in texts
        ]
    return texts


class TextTyper:
    """Finds what a column of plain text holds: integers, numbers, booleans, or just text.

    Only forms that a float holds exactly count: `007`, `+1 555`, 16-digit ids, dates and NaN stay text.
    """

    def __init__(self) -> None:
        self.type: ColumnType = "empty"

    def feed(self, cells: Iterable[str | None]) -> None:
        """Widens the type until it fits these cells too."""
        if self.type == "text":
            return
        fits = _FITS[self.type]
        for cell in cells:
            if cell is None or fits(cell):
                continue
            self.type = next(kind for kind in _WIDER[self.type] if _FITS[kind](cell))
            if self.type == "text":
                return
            fits = _FITS[self.type]


def _is_number(cell: str) -> bool:
    return _NUMBER(cell) is not None and math.isfinite(float(cell))


_FITS: dict[ColumnType, Callable[[str], object]] = {
    "empty": lambda cell: False,
    "integer": _INTEGER,
    "number": _is_number,
    "boolean": _BOOLEAN.__contains__,
    "text": lambda cell: True,
}
_WIDER: dict[ColumnType, tuple[ColumnType, ...]] = {
    "empty": ("integer", "number", "boolean", "text"),
    "integer": ("number", "text"),
    "number": ("text",),
    "boolean": ("text",),
}


def read_boolean(cell: str) -> bool:
    return _BOOLEAN[cell]


PARSERS: dict[ColumnType, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": read_boolean}
"""How the text of a typed column becomes a value."""


def value_type(value: Any) -> ColumnType:
    """The type of one value; None is `empty`."""
    for kinds, name in _TYPES:
        if isinstance(value, kinds):
            return name
    return "empty" if value is None else "mixed"


_TYPES: tuple[tuple[tuple[type, ...], ColumnType], ...] = (
    ((str,), "text"),
    ((bool,), "boolean"),
    ((int,), "integer"),
    ((float, Decimal), "number"),
    ((list, tuple), "list"),
    ((dict,), "object"),
    ((datetime,), "datetime"),
    ((date,), "date"),
    ((time, timedelta), "time"),
    ((bytes,), "bytes"),
)


def join_types(first: ColumnType, second: ColumnType) -> ColumnType:
    """The type of a column that holds both."""
    if first == second or second == "empty":
        return first
    if first == "empty":
        return second
    if {first, second} == {"integer", "number"}:
        return "number"
    return "mixed"


def values_type(values: Iterable[Any]) -> ColumnType:
    """The type of a column of values."""
    joined: ColumnType = "empty"
    for value in values:
        joined = join_types(joined, value_type(value))
        if joined == "mixed":
            break
    return joined
