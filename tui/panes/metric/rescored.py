"""A past run's answers under the metric as it is in the editor: what each evaluation would have scored."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from core.metrics.rescore import RescoredEvaluation

from ...text import percent, points
from ...widgets.foreign import foreign
from ...widgets.paged_table import RowTable
from ...widgets.reading import Reading
from ...widgets.rows import Line, ListSource, TableColumn, Tone, show_text
from ...widgets.table_messages import Moved, Opened

COLUMNS = (
    TableColumn("evaluation"),
    TableColumn("candidate"),
    TableColumn("before", right=True),
    TableColumn("after", right=True),
    TableColumn("change", right=True),
    TableColumn("rows changed", right=True),
    TableColumn("errors", right=True),
)


def line_of(number: int, one: RescoredEvaluation) -> Line:
    """An evaluation's row."""
    gain = None if one.before is None or one.after is None else one.after - one.before
    tone: Tone = "" if not gain else "success" if gain > 0 else "warning"
    return Line(
        number,
        (
            show_text(f"{one.evaluation} {one.split}".strip()),
            show_text(one.candidate or ""),
            percent(one.before),
            percent(one.after),
            "" if gain is None else points(gain),
            f"{len(one.changed)} of {one.rows}",
            str(one.errors) if one.errors else "",
        ),
        tones={4: tone, 6: "error"} if one.errors else {4: tone},
    )


def describe_changed(one: RescoredEvaluation) -> Content:
    """The rows whose score is another one now."""
    if not one.changed:
        return Content("No row's score changes.")
    lines = []
    for row in one.changed:
        word = row.error or row.feedback or ""
        lines.append(
            Content.styled(f"row {row.row:<6}", "$text-muted")
            + Content(f"{percent(row.before):>8} → {percent(row.after):>8}  ")
            + foreign(word, "$text-error" if row.error else "$text-muted")
        )
    return Content("\n").join(lines)


class RescoredPane(Vertical):
    """A table of evaluations, the changed rows of the chosen one below."""

    def __init__(self) -> None:
        super().__init__(id="rescored")
        self.evaluations: Sequence[RescoredEvaluation] = ()

    def compose(self) -> ComposeResult:
        yield Static("No run is rescored yet: o chooses one.", id="rescored-told", markup=False)
        yield RowTable(id="rescored-rows")
        yield Reading(id="rescored-changed")

    def on_mount(self) -> None:
        self.query_one(RowTable).display = self.query_one(Reading).display = False

    def show(self, run: str, evaluations: Sequence[RescoredEvaluation]) -> None:
        self.evaluations = evaluations
        table = self.query_one(RowTable)
        table.display = self.query_one(Reading).display = bool(evaluations)
        self.query_one("#rescored-told", Static).update(
            foreign(f"all answers of {run}, with the text in the editor; no model was asked", "$text-muted")
        )
        source = ListSource(COLUMNS, [line_of(n, one) for n, one in enumerate(evaluations, 1)])
        self.call_after_refresh(table.show, source)
        if evaluations:
            self.query_one(Reading).show(describe_changed(evaluations[0]))

    def on_moved(self, message: Moved) -> None:
        message.stop()
        if message.index < len(self.evaluations):
            self.query_one(Reading).show(describe_changed(self.evaluations[message.index]))

    def on_opened(self, message: Opened) -> None:
        message.stop()
        self.query_one(Reading).focus()
