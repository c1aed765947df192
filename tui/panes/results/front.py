"""Which candidates nobody beats: on single rows, and on objectives."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from core.results.front import PROMPT_SIZE, Front, RowBest, Standing

from ...text import count, percent
from ...widgets.board import Board
from ...widgets.line_view import LineView
from ...widgets.row_list import RowList
from ...widgets.rows import fit_cell, show_text
from ...widgets.tones import Line
from .loading import RunView

_NAME = 12
_COLUMN = 11


class FrontPane(Vertical):
    """Candidates above, rows below; enter on either goes to the candidate."""

    class Chosen(Message):
        """Go to this candidate."""

        def __init__(self, candidate: str) -> None:
            super().__init__()
            self.candidate = candidate

    def __init__(self) -> None:
        super().__init__(id="front")
        self.front = Front([], [], ())

    def compose(self) -> ComposeResult:
        yield Board(id="front-heads")
        yield RowList[Standing](self._standing_line, lambda one: one.candidate, id="front-candidates")
        yield Board(id="front-row-heads")
        yield RowList[RowBest](row_line, lambda row: str(row.row), id="front-rows")

    def show(self, view: RunView) -> None:
        self.front = view.front
        self.query_one("#front-candidates", RowList).put(view.front.standings)
        self.query_one("#front-rows", RowList).put(sort_rows(view.front.rows))
        self._show_heads()

    def on_resize(self) -> None:
        self._show_heads()

    def _show_heads(self) -> None:
        width = self.query_one("#front-candidates", RowList).size.width
        self.query_one("#front-heads", Board).show(describe_heads(self.front, width))
        self.query_one("#front-row-heads", Board).show(describe_rows(self.front))

    def _standing_line(self, one: Standing, width: int) -> Line:
        return standing_line(one, self.front, width)

    @on(LineView.Opened, "#front-candidates")
    def _go_to_candidate(self) -> None:
        chosen = self.query_one("#front-candidates", RowList).chosen
        if chosen is not None:
            self.post_message(self.Chosen(chosen.candidate))

    @on(LineView.Opened, "#front-rows")
    def _go_to_best(self) -> None:
        chosen = self.query_one("#front-rows", RowList).chosen
        if chosen is not None:
            self.post_message(self.Chosen(chosen.candidates[0]))


def describe_heads(front: Front, width: int) -> list[Line]:
    """The names of the columns. `●` marks who leads an objective."""
    if not front.standings:
        return [(("no candidate is scored on all of val yet", "muted"),)]
    names = "".join(f"{fit_cell(show_text(name), _COLUMN, right=True)}  " for name in _shown(front, width))
    return [
        (
            (f"of {len(front.rows)} val rows: ", "muted"),
            ("best", "bold"),
            (" nobody is better, ", "muted"),
            ("alone", "bold"),
            (" nobody is as good; ● leads", "muted"),
        ),
        ((f"{'candidate':<{_NAME}}{names}{'best':>6}{'alone':>7}  front", "muted"),),
    ]


def standing_line(one: Standing, front: Front, width: int) -> Line:
    """One candidate among the others."""
    spans = [(f"{one.candidate:<{_NAME}}", "bold" if one.objective_front else "")]
    for name in _shown(front, width):
        value = one.objectives.get(name)
        leads = value is not None and one.candidate in front.leaders(name)
        told = "–" if value is None else count(value) if name == PROMPT_SIZE else percent(value)
        spans.append((f"{told:>{_COLUMN}}{'●' if leads else ' '} ", "good" if leads else ""))
    spans.append((f"{one.best_rows:>6}{one.alone_rows:>7}  ", ""))
    fronts = [word for word, on_it in (("rows", one.row_front), ("objectives", one.objective_front)) if on_it]
    spans.append((" + ".join(fronts) or "beaten", "accent" if fronts else "muted"))
    return spans


def sort_rows(rows: Sequence[RowBest]) -> list[RowBest]:
    """Rows that nobody gets first, then those that few answer best."""
    return sorted(rows, key=lambda row: (row.score > 0, len(row.candidates), row.row))


def describe_rows(front: Front) -> list[Line]:
    if not front.rows:
        return []
    hard = sum(row.score == 0 for row in front.rows)
    easy = sum(len(row.candidates) == len(front.standings) and row.score > 0 for row in front.rows)
    told = f"by row: {hard} that nobody gets, {easy} that all get alike"
    return [(("", ""),), ((told, "muted"),)]


def row_line(row: RowBest, width: int) -> Line:
    """A row: the best score on it, and whose."""
    if row.score == 0:
        return ((f"{row.row:>5} ", "muted"), (f"{percent(0.0):>8}  ", "warning"), ("nobody", "muted"))
    whose = ", ".join(row.candidates)
    return (
        (f"{row.row:>5} ", "muted"),
        (f"{percent(row.score):>8}  ", ""),
        (f"{len(row.candidates):>3}  ", "muted"),
        (whose, "good" if len(row.candidates) == 1 else ""),
    )


def _shown(front: Front, width: int) -> list[str]:
    """The objectives that fit: the score first, the prompt size always."""
    room = max(1, (width - _NAME - 13 - 20) // (_COLUMN + 2))
    names = [name for name in front.objectives if name != PROMPT_SIZE]
    sized = [PROMPT_SIZE] if PROMPT_SIZE in front.objectives else []
    return [*names[: max(1, room - len(sized))], *sized]
