"""What a finding is, and the rows a profile looks at."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ...recipe import SplitName

FindingKind = Literal[
    "unreadable",
    "missing",
    "duplicate",
    "near_duplicate",
    "conflict",
    "leak",
    "near_leak",
    "group_straddles",
    "empty",
    "huge",
    "control_characters",
    "damaged_text",
    "label_variants",
    "rare_class",
    "imbalance",
    "class_missing",
    "almost_numbers",
    "duplicate_id",
    "small",
    "large_val",
    "advice",
]
Severity = Literal["problem", "warning", "note"]


class RowAt(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where a row stands: the data as the recipe names it, and the row's index in it, from 0."""

    source: str
    index: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person should know about the data, and the rows it is about."""

    kind: FindingKind
    severity: Severity
    what: str
    rows: tuple[RowAt, ...] = ()
    part: str = ""
    """The part (or two, `train/test`) that the rows are in, where that matters."""
    column: str = ""
    fix: str = ""


class Sample(msgspec.Struct, frozen=True):
    """One row as the checks see it."""

    at: RowAt
    part: SplitName | None
    inputs: dict[str, Any]
    labels: dict[str, Any]
    id: str = ""
    group: str | None = None
