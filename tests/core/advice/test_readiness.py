"""When to optimize: every row of the guide's two tables is a check with evidence and a fix."""

import pytest

from core.advice.readiness import check_readiness, is_ready
from core.advice.situation import Edited, History, Problem, ProgramFacts, RunFacts, Situation
from core.advice.task import task_kinds
from core.data.profile.findings import Finding as DataFinding
from core.data.profile.findings import RowAt
from core.findings import Finding
from tests.core.advice.situations import data, metric, program, situation


def check(name, facts):
    return next(one for one in check_readiness(facts) if one.check == name)


def rows(count):
    return tuple(RowAt("rows.jsonl", number) for number in range(count))


# Good candidates


def test_multi_agent_pipelines_are_good_candidates():
    found = check("task", situation(program=program(4)))
    assert found.status == "pass"
    assert "4 predictors" in found.detail
    assert found.source == "guide, good candidates: multi-agent pipelines"


def test_classification_is_a_good_candidate():
    found = check("task", situation())
    assert (found.status, found.source) == ("pass", "guide, good candidates: classification/ranking tasks")
    # A label of few values is a class even where the program's output is plain text.
    plain = program(closed=(), open=("team",))
    assert task_kinds(situation(program=plain)) == ("classification",)


def test_structured_output_with_enums_is_a_good_candidate():
    facts = situation(program=program(closed=(), structured=("invoice",), enums=4))
    found = check("task", facts)
    assert found.status == "pass"
    assert "4 fields of fixed values" in found.detail


def test_production_logs_or_feedback():
    assert check("logs or feedback", situation(data=data(log_columns=("feedback",)))).status == "pass"
    assert check("logs or feedback", situation(metric=metric(feedback=True))).status == "pass"
    none = check("logs or feedback", situation())
    assert none.status == "warn"
    assert "feedback=" in none.fix
    assert "compilot data import" in none.fix


def test_need_consistent_quality_is_the_spread_of_repeated_scores():
    steady = check("consistency", situation(repeats=(0.5, 0.5, 0.51)))
    assert steady.status == "pass"
    shaky = check("consistency", situation(repeats=(0.5, 0.7, 0.6)))
    assert shaky.status == "warn"
    assert "± 10.0 points" in shaky.detail
    assert "under 20 points are noise" in shaky.detail
    past = check("consistency", situation(history=History(runs=2, baselines=(0.4, 0.4))))
    assert "past runs" in past.detail
    assert "--repeat" in check("consistency", situation()).fix


# Poor candidates


def test_exploratory_and_creative_tasks_are_better_tuned_by_hand():
    creative = ProgramFacts(predictors=("write",), modules=("Predict",), open=("story",))
    for labels in ((), ("story",)):
        facts = situation(program=creative, data=data(labels=labels, classes={}, text_labels=labels))
        found = check("task", facts)
        assert task_kinds(facts) == ("open-ended",)
        assert found.status == "warn"
        assert "by hand" in found.fix


@pytest.mark.parametrize(
    ("train", "val", "status"), [(7, 4, "fail"), (15, 4, "fail"), (16, 4, "warn"), (40, 10, "pass")]
)
def test_under_20_examples_names_the_better_approach(train, val, status):
    found = check("examples", situation(data=data(train, val, test=0)))
    assert found.status == status
    assert f"{train + val} examples" in found.detail
    if status == "fail":
        assert "few-shot prompting" in found.fix
        assert f"collect {20 - train - val} more" in found.fix
        assert not is_ready([found])


def test_one_example_is_one():
    assert "1 example to learn from" in check("examples", situation(data=data(1, 0, test=0))).detail


def test_no_clear_success_metric():
    broken = metric(
        findings=(Finding("fail", "metric.constant", "The metric gave 1 to every answer.", fix="compare"),)
    )
    found = check("metric", situation(metric=broken))
    assert (found.status, found.fix) == ("fail", "compare")
    assert "gave 1 to every answer" in found.detail
    doubtful = metric(findings=(Finding("warn", "metric.weak", "It hardly tells right from wrong."),))
    assert check("metric", situation(metric=doubtful)).status == "warn"
    # What the doctor says of the program is no fault of the metric.
    other = metric(findings=(Finding("warn", "program.raises", "The program gave no answer."),))
    good = check("metric", situation(metric=other))
    assert good.status == "pass"
    assert "100 %" in good.detail
    assert "10 %" in good.detail


def test_answers_that_all_score_zero_tell_nothing_yet():
    assert check("metric", situation(metric=metric(program=0.0, distinct=1))).status == "warn"
    assert check("metric", situation(metric=metric(program=0.2, distinct=2))).status == "pass"


@pytest.mark.parametrize(("errors", "status"), [(1.0, "fail"), (0.5, "fail"), (0.2, "warn")])
def test_a_program_that_raises_is_not_ready(errors, status):
    raises = Finding(
        "warn", "program.raises", "The program gave no answer on 12 of 12 rows: KeyError: 'oops'", "p.py:9"
    )
    facts = situation(runs=RunFacts(rows=40, errors=errors), metric=metric(findings=(raises,)))
    found = check("program runs", facts)
    assert found.status == status
    assert "KeyError: 'oops', p.py:9" in found.detail
    assert is_ready(check_readiness(facts)) == (status == "warn")
    scoring = Finding("fail", "metric.raises", "The metric raised ValueError: no", "m.py:2")
    told = check_readiness(situation(runs=RunFacts(rows=40, errors=1.0), metric=metric(findings=(scoring,))))
    assert [one.check for one in told if one.status == "fail"] == ["metric"]
    fine = situation(runs=RunFacts(rows=40, errors=0.1))
    assert all(one.check != "program runs" for one in check_readiness(fine))


def test_rapidly_changing_requirements():
    edits = tuple(Edited(days=days, what=("metrics.py", "the data")) for days in (0.0, 1.0, 2.0))
    rapid = check("stability", situation(history=History(runs=5, edits=edits)))
    assert rapid.status == "warn"
    assert "3 times" in rapid.detail
    assert "metrics.py" in rapid.detail
    assert check("stability", situation(history=History(runs=5, edits=edits[:1]))).status == "pass"
    long_ago = tuple(Edited(days=40.0 + days, what=("metrics.py",)) for days in range(5))
    settled = check("stability", situation(history=History(runs=6, edits=long_ago)))
    assert (settled.status, "as they were" in settled.detail) == ("pass", True)
    assert check("stability", situation(history=History())).status == "info"


def test_simple_single_turn_tasks_often_need_no_more_than_direct_prompting():
    plain = program(closed=(), open=("answer",))
    facts = situation(program=plain, data=data(labels=("answer",), classes={}))
    found = check("task", facts)
    assert (task_kinds(facts), found.status) == (("single-turn",), "warn")
    assert "direct prompting" in found.fix


def test_a_program_that_is_right_already_has_little_to_gain():
    for facts in (
        situation(runs=RunFacts(rows=20, perfect=0.97)),
        situation(metric=metric(program=0.99, distinct=2)),
    ):
        found = check("task", facts)
        assert found.status == "warn"
        assert "little left to gain" in found.detail


# Labels and sizes


def test_labels_that_contradict_each_other():
    conflict = DataFinding(kind="conflict", severity="problem", what="", rows=rows(2), fix="decide")
    few = check("labels", situation(data=data(findings=(conflict,))))
    assert (few.status, few.fix) == ("warn", "decide")
    many = DataFinding(kind="conflict", severity="problem", what="", rows=rows(20), fix="decide")
    assert check("labels", situation(data=data(findings=(many,)))).status == "fail"


@pytest.mark.parametrize("kind", ["label_variants", "missing", "class_missing", "rare_class"])
def test_labels_with_gaps_or_variants(kind):
    found = DataFinding(kind=kind, severity="warning", what="team is odd", rows=rows(2), fix="mend it")
    seen = check("labels", situation(data=data(findings=(found, found))))
    assert (seen.status, seen.fix) == ("warn", "mend it")
    assert seen.detail == "team is odd (and 1 more like it)"


def test_no_labels_at_all():
    assert check("labels", situation(data=data(labels=(), classes={}))).status == "warn"


def test_leaks_and_tiny_validation_parts_are_told():
    leak = DataFinding(kind="leak", severity="problem", what="the same input is in test and train: 4 rows")
    assert check("examples", situation(data=data(findings=(leak,)))).status == "warn"
    assert "one val row moves the score by 20 points" in check("examples", situation(data=data(60, 5))).detail
    assert check("examples", situation(data=data(60, 0))).status == "fail"


# What cannot be looked at


def test_parts_that_cannot_be_loaded_are_failed_checks():
    problems = tuple(
        Problem(part=part, what=f"{part} is broken.", where="here", fix="mend it")
        for part in ("data", "program", "metric")
    )
    found = check_readiness(Situation(problems=problems))
    assert [(one.check, one.status) for one in found[:3]] == [
        ("examples", "fail"),
        ("metric", "fail"),
        ("task", "fail"),
    ]
    assert found[0].detail == "data is broken (here)"
    assert found[0].fix == "mend it"


def test_a_program_without_predictors_cannot_be_optimized():
    assert check("task", situation(program=ProgramFacts())).status == "fail"
