"""Scores stand evenly in the rows of the chart, and none of them on its frame."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual_plot.plot_widget import map_coordinate_to_pixel

from tests.tui.screens.waiting import screen_text
from tui.panes.runs.series import Series
from tui.widgets.score_chart import ScoreChart, scale_rows


@given(st.integers(0, 8), st.integers(2, 10), st.integers(2, 60))
def test_labels_are_evenly_apart(low: int, height: int, rows: int) -> None:
    least, most = 10.0 * low, 10.0 * min(10, low + height)
    scale = scale_rows(least, most, rows)

    def row_of(score: float) -> int:
        inside = Region(1, 1, 40, rows)
        return map_coordinate_to_pixel(0, score, 0, 1, scale.bottom, scale.top, inside)[1]

    places = [row_of(tick) for tick in scale.ticks]
    assert len({one - other for one, other in pairwise(places)}) == 1
    assert row_of(least) == rows
    assert 1 <= row_of(most) < row_of(least)
    assert all(least <= tick <= most for tick in scale.ticks)


class Charted(App[None]):
    def compose(self) -> ComposeResult:
        yield ScoreChart()


async def test_another_run_is_drawn_at_once_and_more_of_the_same_later() -> None:
    async with Charted().run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        chart = pilot.app.query_one(ScoreChart)
        chart.show(Series(full=((1.0, 90.0),), low=80.0), "one")
        await pilot.pause()
        assert "90 %" in screen_text(pilot)
        chart.show(Series(full=((1.0, 90.0), (2.0, 10.0))), "one")
        await pilot.pause()
        assert "90 %" in screen_text(pilot)
        chart.show(Series(full=((1.0, 60.0),), low=50.0, high=80.0), "two")
        await pilot.pause()
        assert "60 %" in screen_text(pilot)
        assert "90 %" not in screen_text(pilot)


def test_a_perfect_score_is_no_part_of_the_frame() -> None:
    scale = scale_rows(0.0, 100.0, 9)
    assert scale.ticks == (0.0, 25.0, 50.0, 75.0, 100.0)
    assert scale.bottom < 0.0
    assert scale.top > 100.0
