"""What the program remembers: crash-safe documents, append-only logs, atomic files."""

from __future__ import annotations

from .atomic import write_atomic
from .jsonl import BadLine, JsonlWriter, read_jsonl, tail_jsonl
from .tiny import Store, open_store

__all__ = ["BadLine", "JsonlWriter", "Store", "open_store", "read_jsonl", "tail_jsonl", "write_atomic"]
