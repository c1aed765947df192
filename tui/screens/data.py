"""The Data place."""

from __future__ import annotations

from .base import Place


class DataScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "data"
