"""One row in full as text: every field whole, what it is for, what a person changed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from textual.content import Content

from core.data.cells import cell_text

from ...text import count
from ...widgets.foreign import foreign, foreign_lines
from .source import FullRow

LONGEST_FIELD = 50_000
"""Letters of one field that are laid out; the table's own cell and an export hold what is beyond."""
_ROLE_STYLES = {
    "input": "$text-accent",
    "label": "$text-success",
    "id": "$text-muted",
    "ignored": "$text-muted",
}


def describe_row(row: FullRow, roles: Mapping[str, str]) -> Content:
    """The row's fields under each other: inputs, labels, then the rest."""
    order = {"id": 0, "input": 1, "label": 2, "group": 3, "weight": 4, "ignored": 5}
    names = sorted(row.values, key=lambda name: order.get(roles.get(name, ""), 2))
    return Content("\n\n").join(
        [*_remarks(row), *(_describe_field(row, name, roles.get(name, "")) for name in names)]
    )


def _remarks(row: FullRow) -> list[Content]:
    lines = []
    if row.edit.excluded:
        lines.append(Content.styled("excluded: this row is in no part (x takes it back in)", "$text-warning"))
    if row.edit.note:
        lines.append(Content.styled("note  ", "$text-muted") + foreign_lines(row.edit.note))
    return [Content("\n").join(lines)] if lines else []


def _describe_field(row: FullRow, name: str, role: str) -> Content:
    head = foreign(name, f"bold {_ROLE_STYLES.get(role, '$text-muted')}")
    head += Content.styled(f"  {role}", "$text-muted")
    lines = [head, _show_value(row.shown.get(name))]
    if name in row.edit.values:
        lines.append(Content.styled("was  ", "$text-warning") + _show_value(row.values[name]))
    return Content("\n").join(lines)


def _show_value(value: Any) -> Content:
    if value is None:
        return Content.styled("missing", "$text-muted italic")
    text = whole_text(value)
    if not text:
        return Content.styled("empty text", "$text-muted italic")
    shown = foreign_lines(text[:LONGEST_FIELD])
    if len(text) > LONGEST_FIELD:
        more = f"\n… {count(len(text) - LONGEST_FIELD)} more letters; y copies the field, w exports the rows"
        shown += Content.styled(more, "$text-muted")
    return shown


def whole_text(value: Any) -> str:
    """A value as a person reads it: text as it is, lists and objects as JSON, indented where long."""
    if isinstance(value, (dict, list)):
        line = json.dumps(value, ensure_ascii=False, default=str)
        return line if len(line) <= 60 else json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return cell_text(value) or ""
