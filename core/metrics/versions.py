"""Versions of a metric's source, kept in the workspace's store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from tinydb import where

from .source import digest_of

if TYPE_CHECKING:
    from ..store import Store

TABLE = "metric_versions"
KEPT = 50
"""Versions of one target that are kept; the oldest go first."""


class MetricVersion(msgspec.Struct, frozen=True):
    """One text of a metric's file."""

    target: str
    number: int
    """From 1, one up for each new text of the target."""
    text: str
    digest: str
    saved: float
    """Unix seconds."""
    note: str = ""
    score: float | None = None
    """Its mean score on the rows it was last tried on, where it was."""


def keep_version(
    store: Store, target: str, text: str, *, note: str = "", score: float | None = None
) -> MetricVersion:
    """Keep a text, unless it is the latest version already; gives the version that holds it."""
    digest = digest_of(text.encode())
    with store.transaction() as db:
        table = db.table(TABLE)
        rows = sorted(table.search(where("target") == target), key=lambda row: int(row["number"]))
        if rows and rows[-1]["digest"] == digest:
            if note or score is not None:
                table.update({"note": note or rows[-1]["note"], "score": score}, doc_ids=[rows[-1].doc_id])
            return _read({**rows[-1], "note": note or rows[-1]["note"], "score": score})
        number = int(rows[-1]["number"]) + 1 if rows else 1
        version = MetricVersion(target, number, text, digest, time.time(), note, score)
        table.insert(msgspec.to_builtins(version))
        table.remove(doc_ids=[row.doc_id for row in rows[: max(0, len(rows) + 1 - KEPT)]])
    return version


def list_versions(store: Store, target: str) -> list[MetricVersion]:
    """All kept versions of a target, the newest first."""
    rows = store.read().table(TABLE).search(where("target") == target)
    return sorted((_read(dict(row)) for row in rows), key=lambda version: -version.number)


def _read(row: object) -> MetricVersion:
    return msgspec.convert(row, MetricVersion)
