"""Guesses which column is what: from the program's field names where known, else from common names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ..recipe import DataSpec
from .fields import ColumnRole, root_column

_ALIASES: tuple[frozenset[str], ...] = (
    frozenset(
        {"question", "query", "prompt", "input", "text", "message", "request", "utterance", "instruction"}
    ),
    frozenset({"context", "passage", "document", "documents", "contexts", "evidence", "background"}),
    frozenset(
        {"answer", "response", "output", "completion", "reply", "expected", "reference", "gold", "target"}
    ),
    frozenset({"label", "category", "class", "intent", "topic", "tag", "target"}),
    frozenset({"summary", "highlights", "abstract"}),
    frozenset({"title", "subject", "headline"}),
)
_LABELS = frozenset(
    {"label", "category", "class", "intent", "topic", "target", "answer", "response", "output"}
) | {
    "completion",
    "expected",
    "expectedoutput",
    "reference",
    "gold",
    "goldlabel",
    "summary",
}
_NAMED = {
    "id": {"id", "uid", "uuid", "rowid", "exampleid", "key"},
    "group": {"group", "groupid", "userid", "customerid", "conversationid", "sessionid", "threadid"},
    "weight": {"weight", "sampleweight", "exampleweight"},
}
_SIMILAR = 85.0


class RoleGuess(msgspec.Struct, frozen=True):
    """What each column seems to be; for a person to confirm."""

    inputs: tuple[str, ...] = ()
    """Program field names (column names where no program is known)."""
    labels: tuple[str, ...] = ()
    map: dict[str, str] = {}
    """Program field → column, where the names differ."""
    id: str | None = None
    group: str | None = None
    weight: str | None = None
    missing: tuple[str, ...] = ()
    """Input fields of the program that no column fits."""
    reasons: dict[str, str] = {}
    """Column → why it was given its role."""

    def role_of(self, column: str) -> ColumnRole:
        """The role of a column of the data."""
        fields = {self.map.get(field, field): "input" for field in self.inputs}
        if column in fields:
            return "input"
        if column == self.id:
            return "id"
        if column == self.group:
            return "group"
        return "weight" if column == self.weight else "label"


def guess_roles(
    columns: Sequence[str], inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> RoleGuess:
    """Roles of the columns; `inputs` and `outputs` are the fields of the program, where it is known."""
    taken: dict[str, str] = {}
    named: dict[str, str | None] = {}
    for role, names in _NAMED.items():
        free = [column for column in columns if column not in (*(inputs or ()), *(outputs or ()))]
        named[role] = column = next((column for column in free if _plain(column) in names), None)
        if column is not None:
            taken[column] = f"named like {'an' if role == 'id' else 'a'} {role} column"
    if inputs is None:
        return _guess_alone(columns, taken, named)
    mapping: dict[str, str] = {}
    fields: dict[str, list[str]] = {"input": [], "label": []}
    for role, wanted in (("input", inputs), ("label", outputs or ())):
        for field in wanted:
            column, reason = _match(field, [column for column in columns if column not in taken])
            if column is None:
                continue
            taken[column] = reason
            fields[role].append(field)
            if column != field:
                mapping[field] = column
    missing = tuple(field for field in inputs if field not in fields["input"])
    return RoleGuess(
        inputs=tuple(fields["input"]),
        labels=tuple(fields["label"]),
        map=mapping,
        missing=missing,
        reasons=taken,
        id=named["id"],
        group=named["group"],
        weight=named["weight"],
    )


def _guess_alone(columns: Sequence[str], taken: dict[str, str], named: dict[str, str | None]) -> RoleGuess:
    rest = [column for column in columns if column not in taken]
    labels = [column for column in rest if _plain(column) in _LABELS]
    if not labels and len(rest) > 1:
        labels = [rest[-1]]
        taken[rest[-1]] = "the last column"
    for column in rest:
        taken.setdefault(column, "named like a label" if column in labels else "not a label")
    inputs = tuple(column for column in rest if column not in labels)
    return RoleGuess(
        inputs=inputs,
        labels=tuple(labels),
        reasons=taken,
        id=named["id"],
        group=named["group"],
        weight=named["weight"],
    )


def _match(field: str, columns: Sequence[str]) -> tuple[str | None, str]:
    """The column that fits a program's field best, and why."""
    if field in columns:
        return field, "same name"
    plain = _plain(field)
    for column in columns:
        if _plain(column) == plain:
            return column, f"same name as {field}"
    for aliases in _ALIASES:
        if plain in aliases:
            for column in columns:
                if _plain(column) in aliases:
                    return column, f"another name for {field}"
    from rapidfuzz import fuzz, process

    found = process.extractOne(
        plain, [_plain(column) for column in columns], scorer=fuzz.ratio, score_cutoff=_SIMILAR
    )
    return (columns[found[2]], f"nearly the name {field}") if found else (None, "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def roles_of_spec(spec: DataSpec, columns: Sequence[str]) -> dict[str, str]:
    """The role of each column by a recipe's data section."""
    inputs = {root_column(spec.map.get(field, field), columns) for field in spec.inputs}
    labels = (
        None
        if spec.labels is None
        else {root_column(spec.map.get(name, name), columns) for name in spec.labels}
    )
    named = {spec.id: "id", spec.group: "group", spec.weight: "weight"}
    roles = {}
    for column in columns:
        role = "input" if column in inputs else named.get(column, "label")
        if column in spec.ignore or (role == "label" and labels is not None and column not in labels):
            role = "ignored"
        roles[column] = role
    return roles
