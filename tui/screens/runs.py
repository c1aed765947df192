"""The Runs place."""

from __future__ import annotations

from .base import Place


class RunsScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "runs"
