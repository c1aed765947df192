"""The Optimize place."""

from __future__ import annotations

from .base import Place


class OptimizeScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "optimize"
