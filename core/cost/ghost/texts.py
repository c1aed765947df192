"""What ghosts write: texts that tell, when they are read again, how good they are and what they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from .luck import number_of_text

_WRITTEN = re.compile(r"A ghost wrote this, number [0-9a-f]{12}, step (\d+)(?:, about rows ([\d ]+))?\.")


def write_text(seed: int, skill: int = 0, rows: Sequence[int] = ()) -> str:
    """A text of its own for each seed, so many steps of improvement on, about these rows."""
    about = f", about rows {' '.join(map(str, rows))}" if rows else ""
    return f"A ghost wrote this, number {seed & 0xFFFFFFFFFFFF:012x}, step {skill}{about}."


@lru_cache(4096)
def skill_of(text: str) -> int:
    """How many steps of improvement a text has behind it, by what ghosts wrote into it."""
    return max((int(step) for step, _ in _WRITTEN.findall(text)), default=0)


@lru_cache(4096)
def rows_of(text: str) -> frozenset[int]:
    """Rows that ghosts wrote a text about."""
    return frozenset(int(row) for _, rows in _WRITTEN.findall(text) for row in rows.split())


@lru_cache(4096)
def number_of_instructions(text: str) -> int:
    """Instructions of ghosts differ by steps and rows alone: so a better one mends some and breaks none."""
    return number_of_text(_WRITTEN.sub("", text))
