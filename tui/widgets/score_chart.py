"""Scores over evaluations: full ones and minibatches told apart, the baseline, the best so far.

Imported when the first chart is shown: drawing needs numpy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import NumericAxisFormatter

from .board import Board

if TYPE_CHECKING:
    from ..panes.runs.series import Series

_SECONDS_BETWEEN = 2.0
_LEAST_HEIGHT = 8
_STEPS = (5, 10, 20, 25, 50)
"""Points between two labels of the scores."""
_LEAST_APART = 2
"""Rows between two labels."""
_LEAST_LABELS, _BEST_LABELS = 3, 5
_WITHIN_ROW = 0.45
"""Where in its row the lowest score is. Half would put others on the border of two rows."""
_TINY = 1e-9
_FRAME = 2
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


class Scale(NamedTuple):
    """What the rows of a chart stand for, in percent."""

    bottom: float
    """Of the lower edge of the lowest row."""
    top: float
    ticks: tuple[float, ...]
    """What is labelled, evenly apart."""


def scale_rows(low: float, high: float, rows: int) -> Scale:
    """From `low` in the lowest row up to at least `high`, with as few points a row as go.

    A step is a whole number of rows: rounded to rows, other labels would stand unevenly.
    """
    least = (high - low) / (rows - 1)
    found = []
    for step in _STEPS:
        ticks = tuple(float(tick) for tick in range(0, 101, step) if low <= tick <= high)
        apart = int(step / least + _TINY)
        if apart >= _LEAST_APART and len(ticks) >= _LEAST_LABELS:
            found.append((step / apart, abs(len(ticks) - _BEST_LABELS), ticks))
    points, _, ticks = min(found, default=(least, 0, (low, high)))
    bottom = low - _WITHIN_ROW * points
    return Scale(bottom, bottom + rows * points, ticks)


class _Plot(PlotWidget, can_focus=False, inherit_bindings=False):
    """No keys and no zoom of its own; its rows are scaled anew when there are more or fewer."""

    span = (0.0, 100.0)

    def show_span(self, low: float, high: float) -> None:
        """Scores between these, in percent, have to be seen."""
        self.span = (low, high)
        rows = self.size.height - self.margin_top - self.margin_bottom - _FRAME
        scale = scale_rows(low, high, max(2, rows))
        self.set_ylimits(scale.bottom, scale.top)
        self.set_yticks(scale.ticks)

    def on_resize(self) -> None:
        self.show_span(*self.span)


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
        self._run = ""
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

    def show(self, series: Series, run: str) -> None:
        """Draw this, now or as soon as the last drawing of the same run is old enough."""
        self._wanted = series
        if run != self._run:
            self._run, self._drawn_at, self._waits = run, 0.0, False
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
            plot.show_span(series.low, series.high)
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
