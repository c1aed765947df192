"""When to optimize: the guide's good and poor candidates as checks, each with its evidence and a fix.

Pure functions over a `Situation`; what nobody measured is said to be unknown and never held against anyone.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..findings import Finding, Level
from ..wording import percent, plural
from .situation import FEWEST_EXAMPLES, SMALL_DATA, DataFacts, MetricFacts, Problem, ProgramFacts, Situation
from .task import GOOD, POOR, TASKS, list_names, task_kinds

_FEWEST_VAL = 10
_GOOD_ENOUGH = 0.95
"""Mean score from which there is little left to gain."""
_CONFLICTS_SHARE = 0.05
"""Part of the rows with contradicting labels from which no score can be trusted."""
_RECENT_DAYS = 14.0
_RAPID_EDITS = 3
_STEADY = 0.02
"""Standard deviation of a repeated score up to which answers count as steady."""
_MANY_ERRORS, _SOME_ERRORS = 0.5, 0.2
"""Parts of the program runs that end with an error from which a score means nothing, and is in doubt."""
_DOUBTS = (
    "metric.weak",
    "metric.ignores_label",
    "metric.gold_not_perfect",
    "metric.not_deterministic",
    "metric.unmetered_lm",
)
"""The doctor's warnings that bear on whether a score tells better from worse."""


class ReadinessCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One question of "when to optimize", answered."""

    check: str
    status: Level
    """`info` where nothing is known either way."""
    detail: str
    """The answer, with what it rests on."""
    fix: str = ""
    source: str = ""
    """The row of the guide it comes from."""

    def to_dict(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


Check = Callable[[Situation], ReadinessCheck | None]


def check_readiness(situation: Situation) -> tuple[ReadinessCheck, ...]:
    """All checks in the order of the work; one that has nothing to look at is left out."""
    return tuple(found for check in _CHECKS if (found := check(situation)) is not None)


def is_ready(checks: Iterable[ReadinessCheck]) -> bool:
    """Whether nothing speaks against optimizing now."""
    return all(check.status != "fail" for check in checks)


def _check_examples(situation: Situation) -> ReadinessCheck | None:
    data = situation.data
    if data is None:
        return _unavailable("examples", situation, "data")
    source = f"{POOR}< 20 training examples"
    count = data.examples
    sizes = f"{plural(count, 'example')} to learn from ({data.train} train, {data.val} val)"
    if count < FEWEST_EXAMPLES:
        spare = f", or give them a part of the {data.test} test rows" if data.test else ""
        return ReadinessCheck(
            check="examples",
            status="fail",
            detail=f"{sizes}: under {FEWEST_EXAMPLES} no score can be trusted",
            fix="use few-shot prompting or examples picked by hand for now (LabeledFewShot puts them "
            f"into the prompt); collect {FEWEST_EXAMPLES - count} more{spare}",
            source=source,
        )
    empty = [name for name, size in (("train", data.train), ("val", data.val)) if size == 0]
    if empty:
        return ReadinessCheck(
            check="examples",
            status="fail",
            detail=f"{sizes}: the {empty[0]} part is empty",
            fix=f"give it a share of the rows: data.split.{empty[0]}",
            source=source,
        )
    doubts = [finding.what for finding in data.findings if finding.kind in ("leak", "group_straddles")]
    if doubts:
        return ReadinessCheck(
            check="examples",
            status="warn",
            detail=f"{sizes}, but {doubts[0]}",
            fix="take the copies out: a score on rows that were learned from says nothing",
            source=source,
        )
    if count < SMALL_DATA:
        return ReadinessCheck(
            check="examples",
            status="warn",
            detail=f"{sizes}: small data",
            fix=f"50 to 100 training examples are a good start: collect {SMALL_DATA - count} more, or keep "
            "to BootstrapFewShot",
            source="guide, optimizer selection: small data",
        )
    if data.val < _FEWEST_VAL:
        return ReadinessCheck(
            check="examples",
            status="warn",
            detail=f"{sizes}: one val row moves the score by {100 / data.val:.0f} points",
            fix="keep val at 10 to 15 rows, stratified",
            source="guide, cost factors: valset evaluations",
        )
    return ReadinessCheck(
        check="examples",
        status="pass",
        detail=f"{sizes}, {data.test} set aside to test",
        source=source,
    )


def _check_metric(situation: Situation) -> ReadinessCheck | None:
    metric = situation.metric
    if metric is None:
        return _unavailable("metric", situation, "metric")
    source = f"{POOR}no clear success metric"
    own = [finding for finding in metric.findings if finding.code.startswith(("metric.", "code."))]
    failed = [finding for finding in own if finding.level == "fail"]
    doubts = [finding for finding in own if finding.level == "warn" and finding.code in _DOUBTS]
    if failed:
        return _from_finding(
            "metric", "fail", failed, source, "define the metric first, then optimize: `compilot metric test`"
        )
    if doubts:
        return _from_finding("metric", "warn", doubts, source, "`compilot metric test` shows the rows")
    if metric.distinct == 1 and metric.rows > 3 and metric.program == 0:
        return ReadinessCheck(
            check="metric",
            status="warn",
            detail=f"{_discriminates(metric)}, but all {metric.rows} answers of the program score 0 %: "
            "nothing yet tells one prompt from another",
            fix="give points for parts that are right, or let a stronger model be the teacher",
            source=source,
        )
    return ReadinessCheck(check="metric", status="pass", detail=_discriminates(metric), source=source)


def _discriminates(metric: MetricFacts) -> str:
    if metric.gold is None or metric.other is None:
        return f"it scores {plural(metric.rows, 'row')} without an error; no labels to compare with"
    return (
        f"on {plural(metric.rows, 'row')} the labels themselves score {100 * metric.gold:.0f} %, "
        f"another row's labels {100 * metric.other:.0f} %"
    )


def _check_runs(situation: Situation) -> ReadinessCheck | None:
    """Whether the program comes to an answer; the error itself is shown where the metric's test met it."""
    runs = situation.runs
    if runs is None or runs.errors < _SOME_ERRORS:
        return None
    detail = f"{percent(runs.errors)} of the program's runs on {plural(runs.rows, 'row')} ended with an error"
    findings = situation.metric.findings if situation.metric is not None else ()
    raised = next((finding for finding in findings if finding.code == "program.raises"), None)
    if raised is None and any(one.level == "fail" and one.code.startswith("metric.") for one in findings):
        return None  # the metric raised, and that is told already
    if raised is not None:
        detail += f" ({raised.what.rpartition(' rows: ')[2]}, {raised.where})"
    return ReadinessCheck(
        check="program runs",
        status="fail" if runs.errors >= _MANY_ERRORS else "warn",
        detail=detail,
        fix="`compilot program try` shows one row; it scores 0 whatever the prompt says",
    )


def _check_labels(situation: Situation) -> ReadinessCheck | None:
    data = situation.data
    if data is None:
        return None
    source = f"{GOOD}classification/ranking tasks"
    if not data.labels:
        return ReadinessCheck(
            check="labels",
            status="warn",
            detail="no column is a label: the metric has to judge answers without an expected one",
            fix="label the rows, or let a model judge (builtin metrics, role judge)",
            source=source,
        )
    total = max(data.examples + data.test, 1)
    conflicts = [finding for finding in data.findings if finding.kind == "conflict"]
    rows = sum(len(finding.rows) for finding in conflicts)
    if conflicts:
        return ReadinessCheck(
            check="labels",
            status="fail" if rows / total >= _CONFLICTS_SHARE else "warn",
            detail=f"{rows} of {total} rows have the same input as another and different labels",
            fix=conflicts[0].fix,
            source=source,
        )
    for kind in ("label_variants", "missing", "class_missing", "rare_class"):
        found = [finding for finding in data.findings if finding.kind == kind]
        if found:
            more = f" (and {len(found) - 1} more like it)" if len(found) > 1 else ""
            return ReadinessCheck(
                check="labels", status="warn", detail=found[0].what + more, fix=found[0].fix, source=source
            )
    classes = [f"{name} ({plural(count, 'class', 'classes')})" for name, count in data.class_labels.items()]
    others = [name for name in data.labels if name not in data.class_labels]
    return ReadinessCheck(
        check="labels",
        status="pass",
        detail=f"no contradiction and no gap in {', '.join([*classes, *others])}",
        source=source,
    )


def _check_task(situation: Situation) -> ReadinessCheck | None:
    program = situation.program
    if program is None:
        return _unavailable("task", situation, "program")
    kinds = task_kinds(situation)
    if not kinds:
        return ReadinessCheck(
            check="task",
            status="fail",
            detail="the program has no predictor, so there is nothing to optimize",
            fix="call the model through a dspy module, such as dspy.Predict",
        )
    score = situation.metric.program if situation.metric is not None else None
    perfect = situation.runs.perfect if situation.runs is not None else None
    reached = max((one for one in (score, perfect) if one is not None), default=None)
    if reached is not None and reached >= _GOOD_ENOUGH:
        return ReadinessCheck(
            check="task",
            status="warn",
            detail=f"the program as it is reaches {100 * reached:.0f} %: there is little left to gain",
            fix="use it as it is (direct prompting is sufficient), or measure it on harder rows",
            source=f"{POOR}simple single-turn tasks",
        )
    told = [TASKS[kind] for kind in kinds]
    status: Level = "warn" if kinds[0] in ("open-ended", "single-turn") else "pass"
    details = [text.format(**_task_words(program, situation.data)) for text, _, _ in told]
    return ReadinessCheck(
        check="task", status=status, detail="; ".join(details), fix=told[0][1], source=told[0][2]
    )


def _task_words(program: ProgramFacts, data: DataFacts | None) -> dict[str, Any]:
    closed = program.closed or tuple(data.class_labels if data is not None else ())
    return {
        "predictors": len(program.predictors),
        "closed": f"{list_names(closed)} {'is' if len(closed) == 1 else 'are'}",
        "structured": list_names(program.structured),
        "enums": program.enums or "no",
        "open": list_names(program.open),
    }


def _check_logs(situation: Situation) -> ReadinessCheck | None:
    data, metric = situation.data, situation.metric
    source = f"{GOOD}have production logs/feedback"
    columns = data.log_columns if data is not None else ()
    if columns:
        return ReadinessCheck(
            check="logs or feedback",
            status="pass",
            detail=f"the data come from use: {list_names(columns)}",
            source=source,
        )
    if metric is None or metric.feedback is None:
        return None
    if metric.feedback:
        kind = "explains what was wrong" if metric.explains else "names what was expected and what came"
        return ReadinessCheck(
            check="logs or feedback", status="pass", detail=f"the metric's feedback {kind}", source=source
        )
    return ReadinessCheck(
        check="logs or feedback",
        status="warn",
        detail="no production logs, and the metric gives a score without words",
        fix="return dspy.Prediction(score=…, feedback='what was wrong'), or import logs with feedback: "
        "`compilot data import`",
        source=source,
    )


def _check_stability(situation: Situation) -> ReadinessCheck | None:
    history = situation.history
    if history is None:
        return None
    source = f"{POOR}rapidly changing requirements"
    if not history.runs:
        return ReadinessCheck(
            check="stability",
            status="info",
            detail="no run was made here yet, so nothing tells how often program and data change",
            source=source,
        )
    recent = [edit for edit in history.edits if edit.days <= _RECENT_DAYS]
    what = list_names(tuple(dict.fromkeys(name for edit in recent for name in edit.what)))
    if len(recent) >= _RAPID_EDITS:
        return ReadinessCheck(
            check="stability",
            status="warn",
            detail=f"changed {len(recent)} times in the runs of the last {_RECENT_DAYS:.0f} days: {what}",
            fix="settle what the program is to do and what counts as right before paying for a long run",
            source=source,
        )
    told = f"changed lately: {what}" if recent else "program, data and metric are as they were"
    return ReadinessCheck(
        check="stability",
        status="pass",
        detail=f"{told} ({plural(history.runs, 'past run')})",
        source=source,
    )


def _check_consistency(situation: Situation) -> ReadinessCheck | None:
    """The spread of scores of one program on the same rows: what a gain has to be larger than."""
    source = f"{GOOD}need consistent quality"
    scores = situation.repeats or (situation.history.baselines if situation.history is not None else ())
    if len(scores) < 2:
        return ReadinessCheck(
            check="consistency",
            status="info",
            detail="not measured: how much the score of one and the same program varies",
            fix="`compilot recommend --repeat 3` runs the program three times on the same rows",
            source=source,
        )
    mean, spread = statistics.mean(scores), statistics.stdev(scores)
    origin = "repeated on the same rows" if situation.repeats else "baselines of past runs"
    told = f"{100 * mean:.1f} % ± {100 * spread:.1f} points over {len(scores)} scores ({origin})"
    if spread <= _STEADY:
        return ReadinessCheck(check="consistency", status="pass", detail=told, source=source)
    return ReadinessCheck(
        check="consistency",
        status="warn",
        detail=f"{told}: a good reason to optimize, but gains under {200 * spread:.0f} points are noise",
        fix="lower the student's temperature, or score on more val rows",
        source=source,
    )


def _from_finding(
    check: str, status: Level, findings: list[Finding], source: str, otherwise: str
) -> ReadinessCheck:
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ReadinessCheck(
        check=check,
        status=status,
        detail=findings[0].what.rstrip(".") + more,
        fix=findings[0].fix or otherwise,
        source=source,
    )


def _unavailable(check: str, situation: Situation, part: str) -> ReadinessCheck | None:
    """A failed check where the part could not be looked at; none where nobody tried."""
    problem: Problem | None = next((one for one in situation.problems if one.part == part), None)
    if problem is None:
        return None
    where = f" ({problem.where})" if problem.where else ""
    return ReadinessCheck(
        check=check, status="fail", detail=problem.what.rstrip(".") + where, fix=problem.fix
    )


_CHECKS: tuple[Check, ...] = (
    _check_examples,
    _check_labels,
    _check_metric,
    _check_runs,
    _check_task,
    _check_logs,
    _check_stability,
    _check_consistency,
)
