"""What a person types to filter or find rows, as a query of the data. Pure."""

from __future__ import annotations

from collections.abc import Collection

from core.data.paging.view import Query

SYNTAX = "text · column:text · ~regex · = score > 0.5 and label = 'a'"


def parse_filter(text: str, columns: Collection[str]) -> Query:
    """Text anywhere in a row; `column:text` in one column; `~` begins a regular expression, `=` a condition.

    `column:~regex` looks for the expression in one column. A colon after what is no column is text.
    """
    text = text.strip()
    if text.startswith("="):
        return Query(where=text[1:].strip())
    column, colon, rest = text.partition(":")
    chosen: tuple[str, ...] = ()
    if colon and column.strip() in columns:
        chosen, text = (column.strip(),), rest.strip()
    if text.startswith("~"):
        return Query(regex=text[1:].strip(), columns=chosen)
    return Query(text=text, columns=chosen)


def is_empty(query: Query) -> bool:
    """Whether a query keeps every row, order aside."""
    return not (query.text or query.regex or query.where or query.equals)
