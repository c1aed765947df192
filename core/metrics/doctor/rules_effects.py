"""What a metric does besides judging: time, models, network, disk, prints, changes."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding, Level
from ...wording import plural
from .case import Case, evidence_of

SLOW_SECONDS = 1.0
MANY_PRINTS = 2_000


def find_slow(case: Case) -> Iterator[Finding]:
    times = [(p, observed) for p, observed in case.calls() if observed.verdict.seconds > SLOW_SECONDS]
    if times:
        slowest = max(times, key=lambda one: one[1].verdict.seconds)
        yield Finding(
            "info" if case.asks_lm else "warn",
            "metric.slow",
            f"The metric took {slowest[1].verdict.seconds:.1f} s on row {slowest[0].row}; a run calls it "
            "thousands of times.",
            where=case.where,
            fix="load what it needs once, outside of the function",
        )


def find_lm(case: Case) -> Iterator[Finding]:
    past = sorted({model for _, one in case.calls() for model in one.unmetered})
    if past:
        yield Finding(
            "warn",
            "metric.unmetered_lm",
            f"The metric asks {', '.join(past)} past Compilot: these calls are not counted or capped.",
            where=case.where,
            fix="leave the LM out of the metric and set [models.judge] instead",
        )
    elif case.asks_lm and not case.metric.spec.target.startswith("builtin:"):
        most = max(one.lm_calls for _, one in case.calls())
        yield Finding(
            "info",
            "metric.asks_lm",
            f"The metric asks a model ({plural(most, 'call')} an answer), under the role judge.",
            where=case.where,
            fix="set [models.judge]; the estimate counts its calls",
        )


def find_touches(case: Case) -> Iterator[Finding]:
    texts: dict[str, tuple[Level, str, str]] = {
        "network": ("warn", "reaches for the network", "load what it needs once, or use an LM through dspy"),
        "write": (
            "warn",
            "writes to disk",
            "a run calls it from many threads at once: keep it free of files",
        ),
        "process": ("warn", "starts processes", "a run calls it thousands of times: find a way without"),
        "read": ("info", "reads from disk each time", "read the file once, outside of the function"),
    }
    for kind, (level, what, fix) in texts.items():
        details = dict.fromkeys(t.detail for _, one in case.calls() for t in one.touches if t.kind == kind)
        if details:
            yield Finding(
                level,
                f"metric.touches_{kind}",
                f"The metric {what}: {', '.join(list(details)[:3])}.",
                where=case.where,
                fix=fix,
            )


def find_side_effects(case: Case) -> Iterator[Finding]:
    settings = sorted({name for _, one in case.calls() for name in one.changed_settings})
    if settings:
        yield Finding(
            "fail",
            "metric.changes_settings",
            f"The metric changes dspy's settings ({', '.join(settings)}); in a run's threads that raises.",
            where=case.where,
            fix="use `with dspy.context(…):` inside the metric instead of dspy.configure",
        )
    for what, name in (("example", "changed_example"), ("answer", "changed_prediction")):
        rows = [(p, one) for p, one in case.calls() if getattr(one, name)]
        if rows:
            yield Finding(
                "warn",
                f"metric.changes_{what}",
                f"The metric changes the {what} it is given.",
                where=case.where,
                fix="work on a copy: what it changes may end up in demonstrations",
                evidence=tuple(evidence_of(*one) for one in rows[:1]),
            )
    most = max((len(one.prints) for _, one in case.calls()), default=0)
    if most > MANY_PRINTS:
        yield Finding(
            "warn",
            "metric.prints",
            f"The metric prints a lot ({most:,} characters or more in one call).",
            where=case.where,
            fix="take the prints out: a run would fill its log with them",
        )
