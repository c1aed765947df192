"""The Results place."""

from __future__ import annotations

from .base import Place


class ResultsScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "results"
