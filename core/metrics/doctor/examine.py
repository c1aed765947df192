"""All that the probes say about a metric: each rule looks at all rows."""

from __future__ import annotations

from collections.abc import Sequence

from ...findings import Finding, sort_findings
from ..adapt import AdaptedMetric
from . import rules_effects, rules_errors, rules_feedback, rules_scores
from .case import Case, Rule
from .probes import RowProbes

_RULES: tuple[Rule, ...] = (
    rules_scores.find_constant,
    rules_scores.find_imperfect_gold,
    rules_scores.find_ignored_label,
    rules_scores.find_rewarded_empty,
    rules_scores.find_indeterminate,
    rules_errors.find_mixed_shapes,
    rules_feedback.find_feedback,
    rules_feedback.find_pred_name,
    rules_feedback.find_trace,
    rules_effects.find_slow,
    rules_effects.find_lm,
    rules_effects.find_touches,
    rules_effects.find_side_effects,
)


def examine(
    metric: AdaptedMetric, rows: Sequence[RowProbes], *, optimizer: str | None = None
) -> list[Finding]:
    """Everything there is to say about the metric, the worst first; nothing when it is sound."""
    case = Case(metric, rows, optimizer=optimizer)
    hung = list(rules_errors.find_hung(case))
    if hung:
        return hung
    broken = list(rules_errors.find_broken(case))
    if broken and not case.scores():
        return sort_findings([*broken, *rules_errors.find_swapped(case)])
    return sort_findings([*broken, *(finding for rule in _RULES for finding in rule(case))])
