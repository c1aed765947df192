"""Rows to go through one after the other: those of a finding, or those where something was found. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple


class Trail(NamedTuple):
    """Row numbers, and what they have in common."""

    name: str
    numbers: Sequence[int]
    ordered: bool = True
    """Whether the numbers ascend; else their order is that of the rows on screen."""

    def step(self, here: int, forward: bool = True) -> tuple[int, int] | None:
        """The number after (or before) `here`, around the end too, and its place from 0; None when empty."""
        if not self.numbers:
            return None
        if self.ordered:
            place = (
                bisect.bisect_right(self.numbers, here)
                if forward
                else bisect.bisect_left(self.numbers, here) - 1
            )
        else:
            known = self.numbers.index(here) if here in self.numbers else (-1 if forward else 0)
            place = known + (1 if forward else -1)
        place %= len(self.numbers)
        return self.numbers[place], place

    def describe(self, place: int) -> str:
        """`3 of 12: repeats of an earlier row`."""
        return f"{place + 1:,} of {len(self.numbers):,}: {self.name}"
