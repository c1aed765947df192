"""The Metric place."""

from __future__ import annotations

from .base import Place


class MetricScreen(Place):
    """Stands here until its builder fills it."""

    PLACE = "metric"
