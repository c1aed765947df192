"""Rows as the program sees them, and the three parts of a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from ..recipe import SPLITS, SplitName
from .cells import encode_json
from .fields import check_fields
from .problems import Problem


class Row(msgspec.Struct, frozen=True):
    index: int
    """Position in the dataset it came from, excluded rows counted."""
    id: str
    """The id column's value where there is one, else the row's hash; unique within the dataset."""
    values: dict[str, Any]
    """By program field name, after edits, JSON parsing and mapping."""
    hash: str
    """Of the row's content in the source, before edits and mapping: 16 hex digits."""
    source: str = ""
    """The data it came from, as the recipe names it."""
    weight: float = 1.0
    group: str | None = None


class Splits(msgspec.Struct, frozen=True):
    """A dataset in its three parts."""

    train: list[Row]
    val: list[Row]
    test: list[Row]
    problems: list[Problem] = []
    """What could not be read as it stood."""
    notes: list[str] = []
    """What a person should know of this split: parts too small, classes missing, rows left out."""
    overlay: str = ""
    """Hash of the edits that were applied; empty when there were none."""

    def part(self, name: SplitName) -> list[Row]:
        rows: list[Row] = getattr(self, name)
        return rows

    @property
    def hash(self) -> str:
        """Over every row's content and values, by part: 16 hex digits."""
        digest = hashlib.sha256(self.overlay.encode())
        for name in SPLITS:
            digest.update(f"\n{name}\n".encode())
            for row in self.part(name):
                digest.update(row.hash.encode())
                digest.update(_values_digest(row))
        return digest.hexdigest()[:16]


def _values_digest(row: Row) -> bytes:
    return hashlib.blake2b(encode_json(row.values).encode("utf-8", "replace"), digest_size=8).digest()


def to_examples(rows: Sequence[Row], inputs: Sequence[str], labels: Sequence[str] | None = None) -> list[Any]:
    """`dspy.Example`s of the rows, with their inputs marked; of all other fields only `labels`, when given.

    Raises `DataError` for a field that the rows do not have.
    """
    import dspy

    kept = None if labels is None else set(inputs) | set(labels)
    if rows:
        check_fields([*inputs, *(labels or ())], rows[0].values, where="the rows")
    return [
        dspy.Example(
            **{name: value for name, value in row.values.items() if kept is None or name in kept}
        ).with_inputs(*inputs)
        for row in rows
    ]
