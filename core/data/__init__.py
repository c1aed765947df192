"""Data: open anything, see what is in it, split it so that the split can be trusted.

Names are imported when first used: `import core.data` loads neither dspy nor polars nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export import export_rows
    from .load import Dataset, load_dataset, load_splits
    from .overlay import (
        Edit,
        Overlay,
        edit_row,
        exclude_row,
        load_overlay,
        note_row,
        overlay_hash,
        revert_row,
        set_values,
    )
    from .paging.table import PagedTable, TableState, open_table
    from .paging.view import Query, View, ViewState
    from .problems import Problem
    from .production import import_logs
    from .profile import Finding, Profile, profile_data, profile_file, profile_splits
    from .roles import RoleGuess, guess_roles, roles_of_spec
    from .rows import Row, Splits, to_examples
    from .seal import Look, list_looks, remember_look
    from .table import Column, Table, load_table

_HOMES = {
    "Column": "table",
    "Dataset": "load",
    "Edit": "overlay",
    "Finding": "profile",
    "Look": "seal",
    "Overlay": "overlay",
    "PagedTable": "paging.table",
    "Problem": "problems",
    "Profile": "profile",
    "Query": "paging.view",
    "RoleGuess": "roles",
    "Row": "rows",
    "Splits": "rows",
    "Table": "table",
    "TableState": "paging.table",
    "View": "paging.view",
    "ViewState": "paging.view",
    "edit_row": "overlay",
    "exclude_row": "overlay",
    "export_rows": "export",
    "guess_roles": "roles",
    "import_logs": "production",
    "list_looks": "seal",
    "load_dataset": "load",
    "load_overlay": "overlay",
    "load_splits": "load",
    "load_table": "table",
    "note_row": "overlay",
    "open_table": "paging.table",
    "overlay_hash": "overlay",
    "profile_data": "profile",
    "profile_file": "profile",
    "profile_splits": "profile",
    "remember_look": "seal",
    "revert_row": "overlay",
    "roles_of_spec": "roles",
    "set_values": "overlay",
    "to_examples": "rows",
}
"""Name → the module it lives in."""

__all__ = [
    "Column",
    "Dataset",
    "Edit",
    "Finding",
    "Look",
    "Overlay",
    "PagedTable",
    "Problem",
    "Profile",
    "Query",
    "RoleGuess",
    "Row",
    "Splits",
    "Table",
    "TableState",
    "View",
    "ViewState",
    "edit_row",
    "exclude_row",
    "export_rows",
    "guess_roles",
    "import_logs",
    "list_looks",
    "load_dataset",
    "load_overlay",
    "load_splits",
    "load_table",
    "note_row",
    "open_table",
    "overlay_hash",
    "profile_data",
    "profile_file",
    "profile_splits",
    "remember_look",
    "revert_row",
    "roles_of_spec",
    "set_values",
    "to_examples",
]


def __getattr__(name: str) -> Any:
    if (module := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{module}", __name__), name)
