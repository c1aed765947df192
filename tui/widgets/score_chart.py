"""Scores over evaluations: full ones and minibatches told apart, the baseline, the best so far.

Imported when the first chart is shown: drawing needs numpy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import NumericAxisFormatter

from .board import Board

if TYPE_CHECKING:
    from ..panes.runs.series import Series

_SECONDS_BETWEEN = 2.0
_LEAST_HEIGHT = 8
_STYLES = ("full", "minibatch", "best", "baseline")
LEGEND = (
    ("● ", "accent"),
    ("full  ", "muted"),
    ("· ", "bold"),
    ("minibatch  ", "muted"),
    ("━ ", "good"),
    ("best so far  ", "muted"),
    ("─ baseline", "muted"),
)


class _Percents(NumericAxisFormatter):
    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{tick:.0f} %" for tick in ticks]


class _Numbers(NumericAxisFormatter):
    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{tick:.0f}" for tick in ticks]


class _Plot(PlotWidget, can_focus=False, inherit_bindings=False):
    """No keys and no zoom of its own."""


class ScoreChart(Vertical):
    """Redraws at most every other second, and only what changed; hides where there is no room for it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chart--{name}" for name in _STYLES}
    DEFAULT_CSS = """
    ScoreChart {
        height: 1fr;
        min-height: 0;
        & > .chart--full { color: $text-accent; text-style: bold; }
        & > .chart--minibatch { color: $text; }
        & > .chart--best { color: $success; }
        & > .chart--baseline { color: $text-muted; }
        & _Plot { height: 1fr; }
        & .plot--axis { color: $panel-lighten-2; }
        & .plot--tick { color: $text-muted; text-style: none; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: Series | None = None
        self._wanted: Series | None = None
        self._drawn_at = 0.0
        self._waits = False

    def compose(self) -> ComposeResult:
        yield Board([LEGEND], classes="legend")
        yield _Plot(allow_pan_and_zoom=False)

    def on_mount(self) -> None:
        plot = self.query_one(_Plot)
        plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 7
        plot.set_y_formatter(_Percents())
        plot.set_x_formatter(_Numbers())
        self._draw_if_due()
        self.call_after_refresh(self._fit)

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        roomy = self.size.height >= _LEAST_HEIGHT
        for child in self.children:
            child.display = roomy

    def show(self, series: Series) -> None:
        """Draw this, now or as soon as the last drawing is old enough."""
        self._wanted = series
        self._draw_if_due()

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._shown = None
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        if self._wanted is None or self._wanted == self._shown or not self.is_mounted or self._waits:
            return
        rest = self._drawn_at + _SECONDS_BETWEEN - time.monotonic()
        if rest <= 0:
            self._draw(self._wanted)
        else:
            self._waits = True
            self.set_timer(rest, self._draw_waiting)

    def _draw_waiting(self) -> None:
        self._waits = False
        self._draw_if_due()

    def _draw(self, series: Series) -> None:
        self._shown, self._drawn_at = series, time.monotonic()
        plot = self.query_one(_Plot)
        styles = {name: str(self.get_component_rich_style(f"chart--{name}")) for name in _STYLES}
        with self.app.batch_update():
            plot.clear()
            plot.set_xlimits(0, series.end)
            plot.set_ylimits(series.low, series.high)
            if series.baseline is not None:
                plot.plot(
                    [0, series.end],
                    [series.baseline, series.baseline],
                    line_style=styles["baseline"],
                    hires_mode=HiResMode.BRAILLE,
                )
            if len(series.best) > 1:
                plot.plot(
                    *_columns(series.best),
                    line_style=styles["best"],
                    hires_mode=HiResMode.BRAILLE,
                )
            if series.minibatch:
                plot.scatter(*_columns(series.minibatch), marker="·", marker_style=styles["minibatch"])
            if series.full:
                plot.scatter(*_columns(series.full), marker="●", marker_style=styles["full"])


def _columns(points: tuple[tuple[float, float], ...]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
