"""What could not be read as it stands: nothing is dropped from a file without one of these."""

from __future__ import annotations

from typing import Literal

import msgspec

ProblemKind = Literal[
    "ragged_row",
    "broken_quote",
    "bad_json",
    "not_an_object",
    "too_deep",
    "too_long",
    "bad_text",
    "bad_header",
    "not_a_number",
    "bad_value",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong in a data file, and where."""

    kind: ProblemKind
    what: str
    file: str
    line: int | None = None
    """Line of the file, from 1; a row that spans lines is named by its first."""
    row: int | None = None
    """Index of the loaded row, from 0; None when the row was not loaded."""
    column: str | None = None
    lost: int = 0
    """How many rows were not loaded because of it (0 or 1)."""

    @property
    def where(self) -> str:
        """`file, line n, row n, column c`, as far as known."""
        parts = [self.file]
        if self.line is not None:
            parts.append(f"line {self.line:,}")
        if self.row is not None:
            parts.append(f"row {self.row:,}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


class Block(msgspec.Struct, frozen=True):
    """A run of rows as a reader gives them, in file order; rows in = rows given + problems' `lost`."""

    names: tuple[str, ...]
    rows: list[list[object]]
    problems: list[Problem]
    position: int
    """Bytes of the file consumed so far, for progress (compressed bytes, where compressed)."""
