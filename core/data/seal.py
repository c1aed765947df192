"""The test part is sealed: a run scores it at the end, and every other look at it is remembered."""

from __future__ import annotations

import time

import msgspec

from ..store import Store

_TABLE = "test_looks"


class Look(msgspec.Struct, frozen=True):
    """One time that somebody saw the test part or a score on it."""

    seconds: float
    """Unix time."""
    split: str
    """Hash of the split, as `Splits.hash` gives it; not known in records that say "" or "test"."""
    by: str
    """What looked: a command, a screen, a run's id."""


def remember_look(store: Store, split: str, by: str) -> None:
    """Notes that the test part of a split was looked at. Raises `StoreError`."""
    with store.transaction() as tables:
        tables.table(_TABLE).insert(msgspec.to_builtins(Look(time.time(), split, by)))


def list_looks(store: Store, split: str | None = None) -> list[Look]:
    """All looks (at one split, where given), oldest first."""
    looks = [msgspec.convert(dict(document), Look) for document in store.read().table(_TABLE).all()]
    return [look for look in looks if split is None or look.split == split]
