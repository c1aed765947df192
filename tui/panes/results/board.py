"""The leaderboard: a line for each run."""

from __future__ import annotations

from textual.app import ComposeResult

from core.results.leaderboard import Place
from core.wording import plural

from ...text import duration, percent, points, usd
from ...widgets.board import Board
from ...widgets.pane import Pane
from ...widgets.row_list import RowList
from ...widgets.rows import fit_cell, show_text
from ...widgets.tones import Line
from .loading import BoardView

_TEST, _COST, _STATUS = 50, 62, 96
"""Widths from which test score, cost, and status fit."""
LIVE = frozenset({"pending", "running", "paused", "stopping"})


class RunBoard(Pane):
    """Ranks what can be compared with the newest run; other runs stand apart."""

    def __init__(self) -> None:
        super().__init__(title="Runs", id="board")

    def compose(self) -> ComposeResult:
        yield Board(id="board-heads")
        yield RowList[Place](run_line, lambda place: place.entry.run_id, id="board-runs")

    @property
    def runs(self) -> RowList[Place]:
        return self.query_one("#board-runs", RowList)

    def show(self, view: BoardView) -> None:
        self.runs.put(view.places)
        self.show_heads()
        number = len(view.places)
        unread = f", {len(view.problems)} unreadable" if view.problems else ""
        self.name_pane("Runs", f"{plural(number, 'run')}{unread}")

    def show_heads(self) -> None:
        self.query_one("#board-heads", Board).show([head_line(self.runs.size.width)])

    def on_resize(self) -> None:
        self.show_heads()
        self.call_after_refresh(self._reveal)

    def _reveal(self) -> None:
        """On a small terminal the pane may have one line left: the run that is looked at."""
        if self.runs.cursor is not None:
            self.runs.reveal(self.runs.cursor)


def head_line(width: int) -> Line:
    """The names of the columns that fit."""
    text = f"{'':>2} {'optimizer':<{_name_width(width)}} {'val':>7} {'gain':>6}"
    if width >= _TEST:
        text += f" {'test':>8}"
    if width >= _COST:
        text += f" {'spent':>9}"
    if width >= _STATUS:
        text += f" {'time':>10}  run"
    return ((text, "muted"),)


def run_line(place: Place, width: int) -> Line:
    """One run. What cannot be compared with the newest run is told by `≠` and a quiet line."""
    entry = place.entry
    apart = place.group > 1
    rank = "≠" if apart else str(place.rank) if place.rank else "–"
    quiet = "muted" if apart or place.rank is None else ""
    name = entry.optimizer if entry.status not in LIVE else f"{entry.optimizer} {entry.status}"
    if entry.val is None and entry.minibatch is not None:
        # A minibatch score stands for itself only.
        score, tone = f"~{100 * entry.minibatch:.0f} %", "muted"
    else:
        score, tone = percent(entry.val), quiet or "bold"
    gain = "" if entry.gain is None else points(entry.gain)
    spans = [
        (f"{rank:>2} ", "accent" if rank == "1" else "muted"),
        (f"{fit_cell(show_text(name), _name_width(width))} ", "warning" if entry.status in LIVE else quiet),
        (f"{score:>7}", tone),
        (f" {gain:>6}", quiet or _gain_tone(entry.gain)),
    ]
    if width >= _TEST:
        spans.append((f" {percent(entry.test):>8}", quiet))
    if width >= _COST:
        spans.append((f" {usd(entry.usd):>9}", quiet or "muted"))
    if width >= _STATUS:
        ended = "" if entry.status in ("completed", *LIVE) else f" {entry.status}"
        spans.append((f" {duration(entry.seconds):>10}  {entry.run_id}{ended}", "muted"))
    return spans


def _gain_tone(gain: float | None) -> str:
    return "" if not gain else "good" if gain > 0 else "error"


def _name_width(width: int) -> int:
    """What the columns leave, up to the longest name there is."""
    used = 19 + 9 * (width >= _TEST) + 10 * (width >= _COST) + 38 * (width >= _STATUS)
    return max(9, min(34, width - used))
