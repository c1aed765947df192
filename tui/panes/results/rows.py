"""Rows fixed and broken: a list of them, and the chosen one with both outputs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.results.changes import CHANGES, Change, RowPair
from core.results.compare import Comparison
from core.runs.rows import RowResult

from ...comparing import describe_counts, show_fields, show_output, show_value
from ...registry import bindings
from ...text import percent
from ...widgets.foreign import foreign, foreign_lines
from ...widgets.line_view import LineView
from ...widgets.problem import Problem
from ...widgets.row_list import RowList
from ...widgets.tones import Line
from .loading import PairView
from .summary import tell_difference

_TONES: dict[Change, str] = {
    "fixed": "good",
    "broken": "error",
    "better": "good",
    "worse": "warning",
    "right": "muted",
    "wrong": "muted",
    "errored": "warning",
    "unpaired": "muted",
}


class RowStory(VerticalScroll):
    """One row, whole."""

    BINDINGS = bindings("reading", pane="text")

    def compose(self) -> ComposeResult:
        yield Static("", id="row-expected", markup=False)
        with Horizontal(id="row-sides"):
            yield Static("", id="row-before", markup=False)
            yield Static("", id="row-after", markup=False)
        yield Static("", id="row-given", markup=False)

    def show(self, pair: RowPair | None) -> None:
        self.display = pair is not None
        if pair is not None:
            self.query_one("#row-expected", Static).update(describe_expected(pair))
            self.query_one("#row-given", Static).update(describe_given(pair))
            self.query_one("#row-before", Static).update(describe_side("before", pair.before))
            self.query_one("#row-after", Static).update(describe_side("after", pair.after))
            self.scroll_home(animate=False)


class RowsPane(Vertical):
    """Of a comparison; a problem instead where one side's rows were not kept."""

    def __init__(self) -> None:
        super().__init__(id="rows")
        self.comparison: Comparison | None = None
        self.kind: Change | None = None
        """Of the rows that are shown; None for all."""

    def compose(self) -> ComposeResult:
        yield Problem(id="rows-problem")
        yield Static("", id="rows-told", markup=False)
        with Vertical(id="rows-shown"):
            yield RowList[RowPair](pair_line, lambda pair: str(pair.row), id="rows-list")
            yield RowStory()

    @property
    def list(self) -> RowList[RowPair]:
        return self.query_one("#rows-list", RowList)

    def show(self, pair: PairView) -> None:
        self.comparison = pair.comparison
        self.query_one("#rows-problem", Problem).show(pair.problem)
        self.query_one("#rows-shown").display = pair.comparison is not None
        self._show_rows()
        self.list.move_to(self.list.cursor or 0)
        self._show_chosen()

    def next_kind(self) -> None:
        """Only the rows of the next kind that there are any of; all after the last."""
        if self.comparison is None:
            return
        kinds = [None, *(kind for kind in CHANGES if self.comparison.rows.counts[kind])]
        self.kind = kinds[(kinds.index(self.kind) + 1) % len(kinds)] if self.kind in kinds else None
        self._show_rows()

    def step(self, by: int) -> None:
        self.list.step(by)

    def copied(self) -> str:
        chosen = self.list.chosen
        return "" if chosen is None else "\n".join(_copied_lines(chosen))

    def _show_rows(self) -> None:
        comparison = self.comparison
        self.query_one("#rows-told", Static).update(describe_rows(comparison, self.kind))
        pairs = [] if comparison is None else comparison.rows.pairs
        self.list.put([pair for pair in pairs if self.kind in (None, pair.change)], sticky_top=True)

    @on(LineView.Moved, "#rows-list")
    def _show_chosen(self) -> None:
        self.query_one(RowStory).show(self.list.chosen)


def describe_rows(comparison: Comparison | None, kind: Change | None) -> Content:
    """What the rows amount to, and what makes that weaker than it looks."""
    if comparison is None:
        return Content()
    counts = describe_counts(comparison.rows)
    shown = f"  only {kind} (f)" if kind else ""
    lines = [
        Content.styled(f"{comparison.split}  ", "bold") + tell_difference(comparison.rows.difference),
        Content(counts) + Content.styled(shown, "$text-accent"),
        *(foreign(note, "$text-muted") for note in comparison.notes),
    ]
    return Content("\n").join(lines)


def pair_line(pair: RowPair, width: int) -> Line:
    """A row in the list: what became of it, its number, its input."""
    inputs = show_fields(pair.shown.inputs) or "no input was kept"
    return ((f"{pair.change:<8} ", _TONES[pair.change]), (f"{pair.row:>5}  ", "muted"), (inputs, ""))


def describe_expected(pair: RowPair) -> Content:
    """What became of the row, and what was expected of it."""
    parts = [Content.styled(f"row {pair.row}  {pair.change}", "bold")]
    labels = list(_fields(pair.shown.labels))
    expected = Content.styled("expected", "bold $text-primary")
    if len(labels) == 1:
        parts.append(expected + Content("  ") + labels[0])
    elif labels:
        parts += [expected, *labels]
    return Content("\n").join(parts)


def describe_given(pair: RowPair) -> Content:
    """What went in."""
    if not pair.shown.inputs:
        return Content.styled("no input was kept", "$text-muted")
    return Content("\n").join([Content.styled("input", "bold $text-primary"), *_fields(pair.shown.inputs)])


def describe_side(name: str, row: RowResult | None) -> Content:
    """One side: its score, its output or its error, its feedback."""
    if row is None:
        return Content.styled(f"{name}\n", "bold $text-primary") + Content("not in this evaluation")
    score = "errored" if row.score is None else percent(row.score)
    parts = [Content.styled(name, "bold $text-primary") + Content(f"  {score}")]
    if row.error is not None:
        parts.append(foreign(show_output(row), "$text-error"))
    parts += list(_fields(row.prediction))
    parts += [foreign(f"{part}  {percent(value)}", "$text-muted") for part, value in row.subscores.items()]
    if row.feedback:
        parts += [Content.styled("feedback", "$text-muted"), foreign_lines(row.feedback)]
    return Content("\n").join(parts)


def _fields(fields: Mapping[str, Any]) -> Iterator[Content]:
    for name, value in fields.items():
        yield foreign(f"{name}  ", "$text-muted") + foreign_lines(show_value(value))


def _copied_lines(pair: RowPair) -> Iterator[str]:
    yield f"row {pair.row}: {pair.change}"
    for name, fields in (("", pair.shown.inputs), ("expected ", pair.shown.labels)):
        yield from (f"{name}{field}: {show_value(value)}" for field, value in fields.items())
    yield f"before: {show_output(pair.before)}"
    yield f"after: {show_output(pair.after)}"
