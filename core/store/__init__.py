"""What the program remembers: crash-safe documents, append-only logs, atomic files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .atomic import write_atomic

if TYPE_CHECKING:
    from .jsonl import BadLine, JsonlWriter, read_jsonl, tail_jsonl
    from .tiny import Store, open_store

__all__ = ["BadLine", "JsonlWriter", "Store", "open_store", "read_jsonl", "tail_jsonl", "write_atomic"]

_HOME_OF = {
    "BadLine": "jsonl",
    "JsonlWriter": "jsonl",
    "read_jsonl": "jsonl",
    "tail_jsonl": "jsonl",
    "Store": "tiny",
    "open_store": "tiny",
}
"""Imported when first used: the app's first frame needs neither TinyDB nor orjson."""


def __getattr__(name: str) -> Any:
    if (module := _HOME_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{module}", __name__), name)
