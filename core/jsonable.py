"""Any value as JSON, for everything that leaves a process or goes to disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from typing import Any

import orjson

_MAX_DEPTH = 100
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def to_json(value: Any) -> Any:
    """The value in JSON's types: models, examples, structs, sets, dates; the rest as its text.

    The order of keys is kept. Lone surrogates become `?`, integers beyond 64 bits texts, NaN null.
    """
    if value is None or isinstance(value, bool) or (type(value) is int and abs(value) < 2**63):
        return value
    if type(value) is str and value.isascii():
        return value
    return orjson.loads(encode_json(value))


def encode_json(value: Any, options: int = 0) -> bytes:
    """UTF-8 JSON of any value; `options` are orjson's."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS | options)
    except TypeError:
        # Lone surrogates, integers beyond 64 bits, nesting beyond orjson's limit.
        return orjson.dumps(_cleaned(value), default=_plain, option=_OPTIONS | options)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "toDict"):
        return {key: value[key] for key in value}
    if hasattr(value, "__struct_fields__"):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return sorted((to_json(item) for item in value), key=str)
    return str(value)


def _cleaned(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {_cleaned(str(key)): _cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _cleaned(dataclasses.asdict(value), depth + 1)
    plain = value if value is None or isinstance(value, (bool, int, float)) else _plain(value)
    return plain if plain is value else _cleaned(plain, depth + 1)
