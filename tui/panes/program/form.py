"""What a person types to describe a program, read into a form. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import ProgramError
from core.programs.scaffold import FormField


def plain_instructions(inputs: Sequence[FormField], outputs: Sequence[FormField]) -> str:
    """What dspy itself says where nothing is said."""
    given, wanted = (", ".join(f"`{field.name}`" for field in fields) for fields in (inputs, outputs))
    return f"Given the fields {given}, produce the fields {wanted}."


def read_fields(text: str, where: str) -> tuple[FormField, ...]:
    """Fields as `name: type - words`, one a line or between semicolons; choices as `a | b | c`.

    Raises `ProgramError` for a line without a name.
    """
    found = []
    for line in re.split(r"[;\n]", text):
        if not line.strip():
            continue
        head, _, desc = line.partition(" - ")
        name, _, kind = head.partition(":")
        if not name.strip():
            raise ProgramError(
                f"'{line.strip()}' has no name.", where=where, fix="write it as name: type - words"
            )
        kind = kind.strip()
        choices = tuple(part.strip().strip("'\"") for part in kind.split("|")) if "|" in kind else ()
        if choices:
            found.append(FormField(name.strip(), "str", desc.strip(), tuple(one for one in choices if one)))
        else:
            found.append(FormField(name.strip(), kind or "str", desc.strip()))
    return tuple(found)
