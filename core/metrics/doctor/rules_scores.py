"""Scores that do not tell right from wrong, or not twice the same."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ...findings import Finding
from .case import SHOWN, Case, evidence_of
from .probes import RowProbes


def find_constant(case: Case) -> Iterator[Finding]:
    scores = case.scores()
    pairs = case.pairs("gold", "other")
    if len(set(scores)) == 1 and len(scores) > 1 and pairs:
        yield Finding(
            "fail",
            "metric.constant",
            f"The metric gave {scores[0]:g} to every answer, right or wrong ({len(scores)} calls).",
            where=case.where,
            fix="compare the answer with the example's label",
            evidence=tuple(evidence_of(probes, probes.other) for probes, *_ in pairs[:SHOWN]),
        )
        return
    if pairs and all(gold == other for _, gold, other in pairs):
        yield Finding(
            "fail",
            "metric.ignores_answer",
            "The score is the same for right and for wrong answers: the metric does not look at the answer.",
            where=case.where,
            fix="compare pred with the example; comparing the example with itself is always true",
            evidence=tuple(evidence_of(probes, probes.other) for probes, *_ in pairs[:SHOWN]),
        )
        return
    yield from _find_inverted(case, pairs)


def _find_inverted(case: Case, pairs: list[tuple[RowProbes, float, float]]) -> Iterator[Finding]:
    if not pairs:
        return
    gold = statistics.mean(first for _, first, _ in pairs)
    other = statistics.mean(second for _, _, second in pairs)
    if other > gold:
        yield Finding(
            "fail",
            "metric.inverted",
            f"Wrong answers score higher ({other:.2f}) than the labels themselves ({gold:.2f}).",
            where=case.where,
            fix="a score must be higher for better answers: turn a distance d into 1 - d",
            evidence=tuple(evidence_of(probes, probes.gold) for probes, *_ in pairs[:SHOWN]),
        )
    elif not case.asks_lm and gold - other < 0.05:
        yield Finding(
            "warn",
            "metric.weak",
            f"The metric hardly tells right ({gold:.2f}) from wrong answers ({other:.2f}).",
            where=case.where,
            fix="let what matters weigh more in the score",
        )


def find_imperfect_gold(case: Case) -> Iterator[Finding]:
    """The labels themselves, as the answer, should be right."""
    rows = [(p, p.gold) for p in case.rows if p.gold and p.gold.verdict.score is not None]
    low = [(p, observed) for p, observed in rows if (observed.verdict.score or 0) < 0.999]
    if low and not case.asks_lm and not case.ignores_answer():
        yield Finding(
            "warn",
            "metric.gold_not_perfect",
            f"The labels themselves, given as the answer, do not score 1 on {len(low)} of {len(rows)} rows.",
            where=case.where,
            fix="if no answer can be perfect, set [metric] threshold, so that good ones make demonstrations",
            evidence=tuple(evidence_of(*one) for one in low[:SHOWN]),
        )


def _is_constant(case: Case) -> bool:
    pairs = case.pairs("gold", "other")
    return bool(pairs) and all(gold == other for _, gold, other in pairs)


def find_ignored_label(case: Case) -> Iterator[Finding]:
    pairs = case.pairs("gold", "relabeled")
    if (
        pairs
        and all(gold == other for _, gold, other in pairs)
        and not case.ignores_answer()
        and not case.asks_lm
    ):
        yield Finding(
            "warn",
            "metric.ignores_label",
            "The score is the same whatever the label is: the metric judges the answer alone.",
            where=case.where,
            fix="fine for a check of form; otherwise compare pred with the example, not with itself",
        )


def find_rewarded_empty(case: Case) -> Iterator[Finding]:
    rows = [(p, p.empty) for p in case.rows if p.empty and p.empty.verdict.score is not None]
    full = [(p, observed) for p, observed in rows if (observed.verdict.score or 0) >= 0.999]
    if rows and len(full) * 2 > len(rows) and not case.ignores_answer():
        yield Finding(
            "fail",
            "metric.rewards_empty",
            f"An empty answer scores 1 on {len(full)} of {len(rows)} rows.",
            where=case.where,
            fix="ask whether the label is in the answer, not the answer in the label",
            evidence=tuple(evidence_of(*one) for one in full[:SHOWN]),
        )


def find_indeterminate(case: Case) -> Iterator[Finding]:
    pairs = [*case.pairs("real", "again"), *case.pairs("gold", "gold_again")]
    changed = list({p.row: (p, a, b) for p, a, b in pairs if abs(a - b) > 1e-9}.values())
    if changed:
        by_lm = case.asks_lm
        yield Finding(
            "warn" if by_lm else "fail",
            "metric.not_deterministic",
            f"The same answer scored differently the second time on {len(changed)} of {len(case.rows)} rows"
            + (" (it asks a model)." if by_lm else "."),
            where=case.where,
            fix="set the judge's temperature to 0"
            if by_lm
            else "take random numbers, time and order out of it",
            evidence=tuple(
                evidence_of(p, p.again, detail=f"{first:g}, then {second:g}")
                for p, first, second in changed[:SHOWN]
            ),
        )
