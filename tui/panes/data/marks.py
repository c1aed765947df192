"""What is known of a row beside its cells: its part of the split, and a person's edits."""

from __future__ import annotations

from typing import NamedTuple

from core.data.overlay import Edit, Overlay
from core.data.paging.table import PagedTable
from core.data.survey import Survey

NO_EDIT = Edit()


class RowMarks:
    """Answers for any row of one table; may be slow where edits are looked up, so ask in a thread."""

    def __init__(self, table: PagedTable, source: str, survey: Survey | None, overlay: Overlay) -> None:
        self._table = table
        self._source = source
        self._survey = survey
        self._overlay = overlay
        self._hashes = {key.partition(".")[0] for key in overlay.edits}

    @property
    def has_parts(self) -> bool:
        return self._survey is not None and bool(self._survey.letters)

    def part_of(self, number: int) -> str:
        """train, val, test, or nothing."""
        return "" if self._survey is None else self._survey.part_of(self._source, number)

    def edit_of(self, number: int) -> Edit:
        """What a person changed about the row."""
        if not self._hashes or self._table.row_hash(number) not in self._hashes:
            return NO_EDIT
        return self._overlay.edits.get(self._table.row_key(number), NO_EDIT)


class EditStep(NamedTuple):
    """One edit that can be taken back."""

    key: str
    number: int
    before: Edit
    what: str
