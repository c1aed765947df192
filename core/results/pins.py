"""Candidates that a person wants to find again, remembered in the workspace's store."""

from __future__ import annotations

import time

import msgspec

from ..store import Store

_TABLE = "pins"


class Pin(msgspec.Struct, frozen=True):
    """A pinned candidate of a run."""

    run: str
    candidate: str
    seconds: float
    """Unix time at which it was pinned."""


def list_pins(store: Store) -> list[Pin]:
    """All pins, oldest first. Raises `StoreError`."""
    return [msgspec.convert(dict(document), Pin) for document in store.read().table(_TABLE).all()]


def toggle_pin(store: Store, run: str, candidate: str) -> bool:
    """Pin a candidate, or unpin it where it was pinned; tells whether it is pinned now."""
    from tinydb import where

    with store.transaction() as tables:
        table = tables.table(_TABLE)
        if table.remove((where("run") == run) & (where("candidate") == candidate)):
            return False
        table.insert(msgspec.to_builtins(Pin(run, candidate, time.time())))
        return True
