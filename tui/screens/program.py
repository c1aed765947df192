"""The Program place."""

from __future__ import annotations

from .base import Place


class ProgramScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "program"
