"""What each column is for, and giving it another role. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.data.fields import root_column
from core.recipe import DataSpec

ROLES = ("input", "label", "ignored", "id")
"""The roles a key goes through."""


def next_role(role: str) -> str:
    """The role after this one; after a role of another kind (group, weight), input."""
    return ROLES[(ROLES.index(role) + 1) % len(ROLES)] if role in ROLES else ROLES[0]


def field_of(spec: DataSpec, column: str, columns: Sequence[str]) -> str:
    """The program's field that a column feeds."""
    return next((field for field, path in spec.map.items() if root_column(path, columns) == column), column)


def give_role(spec: DataSpec, columns: Sequence[str], column: str, role: str) -> DataSpec:
    """The data section in which the column has that role, and every other column the one it had.

    There is one id: the column that was it before is ignored from then on.
    """
    field = field_of(spec, column, columns)
    inputs = [name for name in spec.inputs if name != field]
    labels = None if spec.labels is None else [name for name in spec.labels if name != field]
    ignore = [name for name in spec.ignore if name != column]
    was_id = spec.id
    chosen_id = None if spec.id == column else spec.id
    if role == "input":
        inputs.append(field)
    elif role == "label" and labels is not None:
        labels.append(field)
    elif role == "ignored" and labels is None:
        ignore.append(column)
    elif role == "id":
        chosen_id = column
        if was_id is not None and was_id != column and labels is None and was_id not in ignore:
            ignore.append(was_id)
    order = {name: place for place, name in enumerate(columns)}

    def place_of(name: str) -> int:
        return order.get(spec.map.get(name, name), len(order))

    return msgspec.structs.replace(
        spec,
        inputs=tuple(sorted(inputs, key=place_of)),
        labels=None if labels is None else tuple(labels),
        ignore=tuple(ignore),
        id=chosen_id,
        group=None if spec.group == column else spec.group,
        weight=None if spec.weight == column else spec.weight,
    )
