"""Which row of the data a program runs on, and which of its labels an output field is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import dspy

from .forms import Form

_THOUGHTS = frozenset({"reasoning", "rationale", "thought", "thoughts", "next_thought", "trajectory"})
"""Fields in which a model thinks aloud: no label is ever about them."""


class KnownRow(NamedTuple):
    """A row of the data."""

    number: int
    labels: Mapping[str, Any]


class KnownRows:
    """Finds the row that a program is run on by what it is given: the same objects, or else equal ones."""

    def __init__(self, examples: Sequence[dspy.Example]) -> None:
        self._examples = list(examples)  # held, so that no other object gets the place of their values
        self._by_identity: dict[Any, KnownRow] = {}
        self._by_content: dict[Any, KnownRow] = {}
        self._names: set[frozenset[str]] = set()
        for number, example in enumerate(self._examples):
            given = dict(example.inputs().items())
            row = KnownRow(number, dict(example.labels().items()))
            self._names.add(frozenset(given))
            self._by_identity.setdefault(_identity_of(given), row)
            self._by_content.setdefault(_content_of(given), row)

    def find(self, given: Mapping[str, Any]) -> KnownRow | None:
        """The row with these inputs; None for anything else."""
        if frozenset(given) not in self._names:
            return None
        return self._by_identity.get(_identity_of(given)) or self._by_content.get(_content_of(given))


class Labels:
    """Pairs output fields with labels: by name, and labels that no field is named after by what they fit."""

    def __init__(self, program: dspy.Module, label_names: Sequence[str]) -> None:
        fields = {name for _, one in program.named_predictors() for name in one.signature.output_fields}
        self._by_plain = {_plain(name): name for name in label_names}
        named = {self._by_plain.get(_plain(name)) for name in fields}
        self.unclaimed = [name for name in label_names if name not in named]

    def label_for(self, field: str, form: Form, row: KnownRow) -> tuple[bool, Any]:
        """Whether the row has a label for the field, and which."""
        labels = row.labels
        name = field if field in labels else self._by_plain.get(_plain(field))
        if name is not None and name in labels:
            return form.plain_text or form.fits(labels[name]), labels[name]
        if field in _THOUGHTS:
            return False, None
        for name in self.unclaimed:
            if name in labels and (form.plain_text or form.fits(labels[name])):
                return True, labels[name]
        return False, None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _identity_of(given: Mapping[str, Any]) -> Any:
    return tuple(sorted([(name, id(value)) for name, value in given.items()]))


def _content_of(given: Mapping[str, Any]) -> Any:
    return tuple(
        sorted((name, value if isinstance(value, str) else repr(value)) for name, value in given.items())
    )
