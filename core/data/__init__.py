"""Data: open anything, see what is in it, split it so that the split can be trusted.

Names are imported when first used: `import core.data` loads neither dspy nor polars nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .load import Dataset, load_dataset, load_splits
    from .overlay import (
        Edit,
        Overlay,
        exclude_row,
        load_overlay,
        note_row,
        overlay_hash,
        revert_row,
        set_values,
    )
    from .problems import Problem
    from .rows import Row, Splits, to_examples
    from .table import Column, Table, load_table

_HOMES = {
    "load": ("Dataset", "load_dataset", "load_splits"),
    "overlay": (
        "Edit",
        "Overlay",
        "exclude_row",
        "load_overlay",
        "note_row",
        "overlay_hash",
        "revert_row",
        "set_values",
    ),
    "problems": ("Problem",),
    "rows": ("Row", "Splits", "to_examples"),
    "table": ("Column", "Table", "load_table"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Column",
    "Dataset",
    "Edit",
    "Overlay",
    "Problem",
    "Row",
    "Splits",
    "Table",
    "exclude_row",
    "load_dataset",
    "load_overlay",
    "load_splits",
    "load_table",
    "note_row",
    "overlay_hash",
    "revert_row",
    "set_values",
    "to_examples",
]


def __getattr__(name: str) -> Any:
    if (module := _HOME_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{module}", __name__), name)
