"""Answers and what the metric says of them, as rows. Pure, but for reading runs."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.content import Content

from core.errors import MetricError
from core.metrics.rescore import StoredEvaluation, read_evaluations
from core.metrics.verdict import Verdict
from core.runs.folder import RunFolder
from core.runs.follow import load_state
from core.runs.listing import find_run, list_runs
from core.wording import plural

from ...text import best_score, percent
from ...widgets.foreign import foreign, foreign_lines
from ...widgets.rows import Line, TableColumn, Tone, show_text
from ..program.texts import heading, indent, show_value

if TYPE_CHECKING:
    from core.workbench.reports import AnswerReport, ScoredRows

MOST_ROWS = 200
"""Of a run's evaluation that are scored as one types; a rescore takes all."""
COLUMNS = (
    TableColumn("score", right=True),
    TableColumn("gold"),
    TableColumn("prediction"),
    TableColumn("feedback"),
)
_BARS = " ▁▂▃▄▅▆▇█"
_BINS = 11


class Answers(NamedTuple):
    """Rows with predictions, kept so that each edit is scored without asking a model again."""

    told: str
    """Whose they are, in words."""
    rows: tuple[dict[str, Any], ...]
    """As `Desk.run_metric` takes them, `prediction` None where the program gave none."""
    run: str = ""

    @property
    def answered(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row.get("prediction") is not None]


class JudgedRow(NamedTuple):
    """An answer and the metric's word on it."""

    row: int
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    prediction: Mapping[str, Any] | None
    problem: str = ""
    """Why the program gave no answer."""
    verdict: Verdict | None = None
    where: str = ""
    """file:line of the metric's error."""
    prints: str = ""

    @property
    def score(self) -> float | None:
        return self.verdict.score if self.verdict else None


def answers_of_program(report: AnswerReport) -> Answers:
    asked = time.strftime("%H:%M", time.localtime())
    return Answers(
        f"{plural(len(report.rows), 'answer')} of the program, asked at {asked}", tuple(report.rows)
    )


def answers_of_run(root: Path, run: str) -> Answers:
    """What a run's best program answered on val. Raises `RunError`, `MetricError` where nothing is kept."""
    folder = RunFolder(find_run(root, run))
    best = load_state(folder.path).best.candidate
    kept = choose_evaluation(read_evaluations(folder.evaluations), best)
    rows = [
        {
            "row": row.row,
            "inputs": row.inputs,
            "labels": row.labels,
            "prediction": row.prediction or None,
            "error": row.error,
        }
        for row in kept.rows[:MOST_ROWS]
    ]
    who = "the best program" if kept.candidate and kept.candidate == best else kept.candidate or "the program"
    more = f", the first {MOST_ROWS} of {len(kept.rows)}" if len(kept.rows) > MOST_ROWS else ""
    return Answers(
        f"{kept.split or 'stored'} answers of {who} of {folder.run_id}{more}", tuple(rows), folder.run_id
    )


def choose_evaluation(stored: Sequence[StoredEvaluation], best: str | None) -> StoredEvaluation:
    """The best candidate's last one on val, else the last on val, else the last. Raises `MetricError`."""
    answered = [one for one in stored if one.answered]
    if not answered:
        raise MetricError("The run kept no answers.", fix="choose another run, or ask the program")
    on_val = [one for one in answered if one.split == "val"]
    of_best = [one for one in on_val if best and one.candidate == best]
    return (of_best or on_val or answered)[-1]


def runs_with_answers(root: Path, most: int = 10) -> list[tuple[str, str]]:
    """Labels and ids of the newest runs that kept answers."""
    found: list[tuple[str, str]] = []
    for summary in list_runs(root):
        folder = root / ".compilot" / "runs" / summary.run_id / "evaluations"
        if len(found) < most and any(folder.glob("*.json")):
            found.append(
                (
                    f"{summary.run_id}  {summary.optimizer}  {best_score(summary.best, summary.best_kind)}",
                    summary.run_id,
                )
            )
    return found


def join_rows(answers: Answers, scored: ScoredRows | None) -> list[JudgedRow]:
    """Each answer with its verdict; rows that were not reached have none."""
    verdicts = {one.row: one for one in scored.rows} if scored else {}
    joined = []
    for row in answers.rows:
        one = verdicts.get(row["row"])
        joined.append(
            JudgedRow(
                row["row"],
                row["inputs"],
                row["labels"],
                row.get("prediction"),
                row.get("error") or "",
                one.verdict if one else None,
                (one.where or "") if one else "",
                one.prints if one else "",
            )
        )
    return joined


def sort_rows(rows: Sequence[JudgedRow], order: tuple[str, bool] | None) -> list[JudgedRow]:
    """By a column's values; rows without a score first, so that errors are seen."""
    if order is None:
        return list(rows)
    column, descending = order
    if column == "score":
        return sorted(rows, key=lambda row: -1.0 if row.score is None else row.score, reverse=descending)
    place = [one.name for one in COLUMNS].index(column)
    return sorted(rows, key=lambda row: line_of(row).cells[place] or "", reverse=descending)


def line_of(row: JudgedRow) -> Line:
    """A row of the table."""
    if row.prediction is None:
        return Line(row.row, ("–", _joined(row.labels), None, show_text(row.problem)), tones={3: "warning"})
    verdict = row.verdict
    if verdict is None:
        return Line(row.row, (None, _joined(row.labels), _joined(row.prediction, row.labels), None))
    if verdict.error is not None:
        told: Tone = "error"
        cells = ("error", _joined(row.labels), _joined(row.prediction, row.labels), show_text(verdict.error))
        return Line(row.row, cells, tones={0: told, 3: told})
    score = verdict.score or 0.0
    tone: Tone = "success" if score >= 1 else "warning" if score > 0 else ""
    feedback = show_text(verdict.feedback) if verdict.feedback else None
    cells_of = (percent(score), _joined(row.labels), _joined(row.prediction, row.labels), feedback)
    return Line(row.row, cells_of, tones={0: tone} if tone else {})


def _joined(values: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> str:
    """Values of a row on one line: of the same fields as the gold, where it has some of them."""
    names = [name for name in like if name in values] if like else []
    kept = [show_text(show_value(values[name])) for name in (names or values)]
    return " · ".join(kept)


def describe_scores(rows: Sequence[JudgedRow]) -> Content:
    """Mean, how many right, partly right, wrong and errored, and how the scores lie between 0 and 100 %."""
    scores = [row.score for row in rows if row.score is not None]
    errors = sum(row.verdict is not None and row.verdict.error is not None for row in rows)
    missing = sum(row.prediction is None for row in rows)
    mean = sum(scores) / len(scores) if scores else None
    right = sum(score >= 1 for score in scores)
    wrong = sum(score <= 0 for score in scores)
    parts = [
        Content.styled(percent(mean), "bold"),
        Content.styled(f"{right} right", "$text-success"),
        Content.styled(f"{len(scores) - right - wrong} partly", "$text-warning"),
        Content(f"{wrong} wrong"),
    ]
    if errors:
        parts.append(Content.styled(f"{errors} errored", "bold $text-error"))
    if missing:
        parts.append(Content.styled(f"{missing} without an answer", "$text-warning"))
    line = Content("  ").join(parts)
    if scores:
        line += (
            Content.styled("  0 ", "$text-muted")
            + Content(bars(scores))
            + Content.styled(" 100 %", "$text-muted")
        )
    return line


def bars(scores: Sequence[float]) -> str:
    """Eleven bars: how many scores are near 0, 10, … 100 %."""
    counts = [0] * _BINS
    for score in scores:
        counts[round(score * (_BINS - 1))] += 1
    most = max(counts)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def describe_row(row: JudgedRow) -> Content:
    """One row whole: the metric's word, gold beside prediction, inputs, prints."""
    parts: list[Content] = []
    verdict = row.verdict
    if row.prediction is None:
        parts += [heading("No answer"), indent(foreign_lines(row.problem or "the program gave none"))]
    elif verdict is None:
        parts.append(Content.styled("not scored", "$text-muted"))
    elif verdict.error is not None:
        parts += [heading("Error"), indent(foreign_lines(verdict.error, "$text-error"))]
        if row.where:
            parts.append(
                foreign(f"  where  {row.where}") + Content.styled("  enter goes there", "$text-muted")
            )
        if verdict.traceback:
            parts.append(indent(foreign_lines(verdict.traceback, "$text-muted")))
    else:
        parts.append(heading("Score") + Content(f"  {percent(verdict.score)}"))
        parts += [foreign(f"  {name}  {percent(score)}") for name, score in verdict.subscores.items()]
        if verdict.feedback:
            parts.append(indent(foreign_lines(verdict.feedback)))
    for name in [*row.labels, *(name for name in row.prediction or {} if name not in row.labels)]:
        parts.append(foreign(name, "bold"))
        for word, values in (("gold", row.labels), ("predicted", row.prediction or {})):
            if name in values:
                parts.append(_value(word, values[name]))
    parts += [_value(name, value) for name, value in row.inputs.items()]
    if row.prints:
        parts += [heading("Printed"), indent(foreign_lines(row.prints))]
    return Content("\n").join(parts)


def _value(word: str, value: Any) -> Content:
    lines = foreign_lines(show_value(value))
    if "\n" in lines.plain:
        return foreign(f"  {word}", "$text-muted") + Content("\n") + indent(lines, "    ")
    return foreign(f"  {word:<10}", "$text-muted") + lines


def find_line(where: str, path: Path | None) -> int | None:
    """The line, from 1, that a place such as `metrics.py:12 in score` names in this file."""
    found = re.match(r"(?P<file>.+?\.py):(?P<line>\d+)", where)
    if found is None or path is None or Path(found["file"]).name != path.name:
        return None
    return int(found["line"])
