"""What the Metric place says: rows, scores, findings, versions. Pure functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import MetricError
from core.findings import Evidence, Finding
from core.metrics.rescore import ChangedRow, RescoredEvaluation, StoredEvaluation, StoredRow
from core.metrics.verdict import Verdict
from core.metrics.versions import MetricVersion
from core.workbench.reports import ScoredRow, ScoredRows
from tui.panes.metric.code_area import next_indent
from tui.panes.metric.findings import describe_finding, merge_findings
from tui.panes.metric.judged import (
    Answers,
    bars,
    choose_evaluation,
    describe_row,
    describe_scores,
    find_line,
    join_rows,
    line_of,
    sort_rows,
)
from tui.panes.metric.rescored import describe_changed
from tui.panes.metric.rescored import line_of as rescored_line
from tui.panes.metric.versions import describe_difference, describe_version

METRIC = Path("/w/metrics.py")


def answers() -> Answers:
    def row(number: int, team: str | None) -> dict[str, object]:
        prediction = None if team is None else {"reasoning": "so", "team": team}
        error = "TimeoutError" if team is None else None
        return {
            "row": number,
            "inputs": {"message": "hello\nthere"},
            "labels": {"team": "network"},
            "prediction": prediction,
            "error": error,
        }

    return Answers("answers", (row(3, "network"), row(5, "payroll"), row(8, None), row(9, "network")))


def scored() -> ScoredRows:
    return ScoredRows(
        (
            ScoredRow(3, Verdict(1.0, "Correct.")),
            ScoredRow(5, Verdict(0.25, "Wrong: [/nope] \x1b[2J")),
            ScoredRow(9, Verdict(None, error="KeyError: 'team'"), where="metrics.py:4 in metric"),
        ),
        0.625,
    )


def test_rows_carry_score_gold_prediction_and_word() -> None:
    rows = join_rows(answers(), scored())
    assert line_of(rows[0]).cells == ("100.0 %", "network", "network", "Correct.")
    assert line_of(rows[1]).cells[3] == "Wrong: [/nope] \ufffd[2J"
    assert line_of(rows[2]).cells == ("–", "network", None, "TimeoutError")
    assert line_of(rows[3]).cells[0] == "error"
    assert line_of(join_rows(answers(), None)[0]).cells[0] is None


def test_scores_are_told_by_kind_and_where_they_lie() -> None:
    told = describe_scores(join_rows(answers(), scored())).plain
    assert told.startswith("62.5 %  1 right  1 partly  0 wrong  1 errored  1 without an answer")
    assert bars([0.0, 0.0, 1.0]) == "█         ▄"
    assert describe_scores([]).plain.startswith("–")


def test_errors_come_first_when_sorted_by_score() -> None:
    rows = join_rows(answers(), scored())
    assert [row.row for row in sort_rows(rows, ("score", False))][-2:] == [5, 3]
    assert [row.row for row in sort_rows(rows, ("score", True))][:2] == [3, 5]
    assert sort_rows(rows, None) == rows
    assert sort_rows(rows, ("prediction", False))[0].row == 8


def test_a_row_is_told_whole_and_safely() -> None:
    rows = join_rows(answers(), scored())
    told = describe_row(rows[1]).plain
    assert "gold      network" in told
    assert "predicted payroll" in told
    assert "hello\n" in told
    assert "\x1b" not in told
    assert "metrics.py:4" in describe_row(rows[3]).plain
    assert "TimeoutError" in describe_row(rows[2]).plain


def test_places_name_lines_of_this_file_only() -> None:
    assert find_line("metrics.py:12 in score", METRIC) == 12
    assert find_line("/w/metrics.py:3", METRIC) == 3
    assert find_line("other.py:3", METRIC) is None
    assert find_line("compilot.toml [metric]", METRIC) is None
    assert find_line("metrics.py:3", None) is None


def test_findings_are_merged_worst_first_and_told_with_their_fix() -> None:
    read = [Finding("warn", "metric.no_return", "It returns nothing.", "metrics.py:6", "return a score")]
    raised = Finding("fail", "metric.raises", "It raised.", "metrics.py:9", "mend", (Evidence(4, score=0.5),))
    merged = merge_findings(read, [raised, *read])
    assert [one.code for one in merged] == ["metric.raises", "metric.no_return"]
    assert describe_finding(raised, METRIC).plain.splitlines() == [
        "fail  line 9  It raised.",
        "      fix  mend",
        "      row 4  score 0.5",
    ]


def test_the_best_candidates_last_evaluation_on_val_is_chosen() -> None:
    row = StoredRow(0, prediction={"a": 1})
    stored = [
        StoredEvaluation("e1", (row,), "val", "seed"),
        StoredEvaluation("e2", (row,), "val", "best"),
        StoredEvaluation("e3", (row,), "test", "best"),
        StoredEvaluation("e4", (), "val", "best"),
    ]
    assert choose_evaluation(stored, "best").evaluation == "e2"
    assert choose_evaluation(stored, None).evaluation == "e2"
    assert choose_evaluation(stored[2:3], "best").evaluation == "e3"
    with pytest.raises(MetricError, match="kept no answers"):
        choose_evaluation(stored[3:], "best")


def test_a_version_is_told_by_what_it_would_change() -> None:
    version = MetricVersion("m.py:m", 3, "a\nnew\n", "d", 0.0, "note", 0.5)
    assert "50.0 %" in describe_version(version, "x").plain
    assert "in the editor" in describe_version(version, "a\nnew\n").plain
    assert "+new" in describe_difference(version, "a\nold\n").plain
    assert describe_difference(version, version.text).plain == "The editor holds this version."


def test_a_rescored_evaluation_tells_its_gain_and_rows() -> None:
    one = RescoredEvaluation("e1", "val", "c1", 0.5, 0.75, 4, 1, (ChangedRow(2, 0.0, 1.0, "better"),))
    assert rescored_line(1, one).cells[2:] == ("50.0 %", "75.0 %", "+25.0", "1 of 4", "1")
    assert "row 2" in describe_changed(one).plain
    assert "better" in describe_changed(one).plain


@pytest.mark.parametrize(
    ("line", "indent"), [("def f():", "    "), ("    x = 1", "    "), ("    if a:  ", "        "), ("", "")]
)
def test_enter_indents_as_the_line_asks(line: str, indent: str) -> None:
    assert next_indent(line) == indent
