"""Feedback that is missing or says nothing, and scores that depend on who is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...findings import Evidence, Finding
from ..feedback import shorten
from .case import SHOWN, Case, evidence_of
from .observe import Observed
from .probes import RowProbes


def find_feedback(case: Case) -> Iterator[Finding]:
    wanted = case.optimizer in ("GEPA", "SIMBA")
    wrong = [
        (p, observed)
        for p in case.rows
        for observed in (p.other, p.real, *p.named.values())
        if observed and observed.verdict.score is not None and observed.verdict.score < 0.999
    ]
    told = [(p, observed) for p, observed in wrong if (observed.verdict.feedback or "").strip()]
    if not wrong:
        return
    if not told:
        if wanted:
            yield Finding(
                "info",
                "metric.no_feedback",
                f"The metric gives no feedback: {case.optimizer} is told expected and got of each label.",
                where=case.where,
                fix="return dspy.Prediction(score=…, feedback='what was wrong and what would be right')",
            )
        return
    if len(told) < len(wrong):
        silent = [one for one in wrong if one not in told]
        yield Finding(
            "warn" if wanted else "info",
            "metric.feedback_missing",
            f"The metric gives no feedback on {len(silent)} of {len(wrong)} answers that are not right.",
            where=case.where,
            fix="say on every path what was wrong",
            evidence=tuple(evidence_of(*one) for one in silent[:SHOWN]),
        )
    yield from _find_useless_feedback(case, told)


def _find_useless_feedback(case: Case, told: Sequence[tuple[RowProbes, Observed]]) -> Iterator[Finding]:
    texts = {re.sub(r"[\d.]+", "0", observed.verdict.feedback or "").strip() for _, observed in told}
    if len(told) >= 3 and len(texts) == 1 and not case.asks_lm and not _one_label(case):
        yield Finding(
            "warn",
            "metric.feedback_useless",
            f"The feedback on wrong answers is always the same: {shorten(next(iter(texts)))}.",
            where=case.where,
            fix="name what was expected, what came, and in which field",
            evidence=tuple(evidence_of(*one) for one in told[:SHOWN]),
        )


def _one_label(case: Case) -> bool:
    """Whether all rows have the same labels: then one feedback may be right."""
    return len({shorten(dict(p.example.labels().items())) for p in case.rows}) < 2


def find_pred_name(case: Case) -> Iterator[Finding]:
    changed = [
        (p, name, p.real.verdict.score, observed.verdict.score)
        for p in case.rows
        if p.real and p.real.verdict.score is not None
        for name, observed in p.named.items()
        if observed.verdict.score is not None and abs(observed.verdict.score - p.real.verdict.score) > 1e-9
    ]
    if changed and not case.is_unstable():
        yield Finding(
            "warn",
            "metric.score_by_predictor",
            f"The score differs with pred_name on {len({p.row for p, *_ in changed})} of {len(case.rows)} "
            "rows; GEPA takes the score of the whole program and ignores the other.",
            where=case.where,
            fix="let pred_name change the feedback only",
            evidence=tuple(
                Evidence(p.row, detail=f"{name}: {own:g} instead of {whole:g}")
                for p, name, whole, own in changed[:SHOWN]
            ),
        )


def find_trace(case: Case) -> Iterator[Finding]:
    changed = [(p, a, b) for p, a, b in case.pairs("real", "traced") if abs(a - b) > 1e-9]
    if changed and not case.is_unstable() and case.optimizer == "GEPA":
        yield Finding(
            "info",
            "metric.score_by_trace",
            f"The score differs when a trace is given on {len(changed)} of {len(case.rows)} rows; GEPA gives "
            "one while it reflects, and none when it scores candidates.",
            where=case.where,
            fix="for GEPA return the same score with and without a trace",
        )
