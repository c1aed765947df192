"""The lines of a table that have been read, in blocks, and which block to read next. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from .rows import Line

BLOCK = 100
_MOST_BLOCKS = 40


class LineCache:
    """Keeps the blocks used last; a short block is read again once there are more rows."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, list[Line]] = OrderedDict()
        self._counts: dict[int, int] = {}
        self._stale: set[int] = set()

    def clear(self) -> None:
        self._blocks.clear()
        self._counts.clear()
        self._stale.clear()

    def renew(self) -> None:
        """Keep what there is to look at, and have all of it read again."""
        self._stale = set(self._blocks)

    def put(self, block: int, lines: Sequence[Line], count: int) -> None:
        """Keep a block, read while there were `count` rows."""
        self._blocks[block] = list(lines)
        self._counts[block] = count
        self._stale.discard(block)
        self._blocks.move_to_end(block)
        while len(self._blocks) > _MOST_BLOCKS:
            self._blocks.popitem(last=False)

    def get(self, index: int) -> Line | None:
        """The line at `index`, if it has been read."""
        block, place = divmod(index, BLOCK)
        lines = self._blocks.get(block)
        return lines[place] if lines is not None and place < len(lines) else None

    def next_block(self, first: int, last: int, count: int, *, ahead: bool = True) -> int | None:
        """The block to read now, of `count` lines, while lines `first` to `last` are seen.

        What is seen comes first, then, with `ahead`, what paging on or back would show.
        """
        if count <= 0:
            return None
        blocks = [*range(max(first, 0) // BLOCK, max(last, 0) // BLOCK + 1)]
        if ahead:
            page = max(last - first, 1)
            blocks += (min(last + page, count - 1) // BLOCK, max(first - page, 0) // BLOCK)
        block: int
        for block in blocks:
            wanted = min(BLOCK, count - block * BLOCK)
            if wanted <= 0:
                continue
            held = self._blocks.get(block)
            short = held is not None and len(held) < wanted and self._counts[block] != count
            if held is None or short or block in self._stale:
                return block
            self._blocks.move_to_end(block)
        return None

    def some(self, first: int, count: int) -> list[Line]:
        """The lines read of those from `first` on."""
        found = (self.get(index) for index in range(first, first + count))
        return [line for line in found if line is not None]
