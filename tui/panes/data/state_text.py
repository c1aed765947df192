"""The line under the table: how many rows, filtered how, how far it is. Pure."""

from __future__ import annotations

from core.data.paging.table import TableState
from core.data.paging.view import Query, ViewState
from core.wording import plural

from ...text import clean, count
from .filtering import is_empty


def describe_state(
    table: TableState, query: Query, view: ViewState | None, *, sorting: bool = False, trail: str = ""
) -> str:
    """`12 of 264 rows · sorted by score ↓ · 2 unreadable`."""
    parts = [trail] if trail else []
    if view is not None and not is_empty(query):
        total = count(table.total) if table.total is not None else f"{count(table.rows)}+"
        parts.append(f"{count(view.matches)} of {total} rows")
        if not view.done:
            parts.append(f"searched {count(view.searched)}")
    elif table.total is not None:
        parts.append(plural(table.total, "row"))
    else:
        parts.append(f"{count(table.rows)}+ rows")
    if not table.done:
        parts.append(f"indexing {100 * table.fraction:.0f} %")
    if sorting:
        parts.append("sorting")
    elif query.sort is not None:
        parts.append(f"by {clean(query.sort)} {'↓' if query.descending else '↑'}")
    if table.lost:
        parts.append(f"{count(table.lost)} unreadable")
    if table.error is not None:
        parts.append(f"not read to the end: {clean(table.error.what)}")
    return " · ".join(parts)


def describe_query(query: Query) -> str:
    """The filter as it was typed."""
    column = f"{query.columns[0]}:" if query.columns else ""
    if query.where:
        return f"= {query.where}"
    return f"{column}~{query.regex}" if query.regex else f"{column}{query.text}"
