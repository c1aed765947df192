"""Metrics that hang, raise, or return something that is no score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ...findings import Finding
from .case import SHOWN, Case, evidence_of
from .observe import Observed
from .probes import RowProbes


def find_hung(case: Case) -> Iterator[Finding]:
    for probes, observed in case.calls():
        if observed.hung:
            yield Finding(
                "fail",
                "metric.hangs",
                f"The metric {observed.verdict.error} on row {probes.row}.",
                where=str(observed.hung_at or case.where),
                fix="look for an endless loop or a call that waits for something",
                evidence=(evidence_of(probes, observed),),
            )
            return


_BROKEN = (
    ("metric.returns_none", re.compile(r"is None")),
    ("metric.returns_nan", re.compile(r"is NaN")),
    ("metric.out_of_range", re.compile(r"outside 0 to 1")),
    ("metric.wrong_weights", re.compile(r"weigh")),
)


def find_broken(case: Case) -> Iterator[Finding]:
    """Rows that errored, one finding for each kind of error."""
    groups: dict[tuple[str, str], list[tuple[RowProbes, Observed]]] = {}
    for probes, observed in case.calls():
        error = observed.verdict.error
        if error is None:
            continue
        raised = observed.verdict.traceback is not None
        code = "metric.raises" if raised else _shape_code(error)
        where = observed.verdict.where or case.where
        groups.setdefault((code, where if raised else ""), []).append((probes, observed))
    for (code, where), found in groups.items():
        rows = list({probes.row: (probes, observed) for probes, observed in reversed(found)}.values())[::-1]
        first = found[0][1].verdict.error or ""
        share = f"{len(rows)} of {len(case.rows)} rows"
        what = (
            f"The metric raised {first}" if code == "metric.raises" else f"The metric gave no score: {first}"
        )
        yield Finding(
            "fail",
            code,
            f"{what} ({share}{_situation(found)}).",
            where=where or case.where,
            fix=_FIXES.get(code, "return a number from 0 to 1, or dspy.Prediction(score=…, feedback=…)"),
            evidence=tuple(evidence_of(*one) for one in rows[:SHOWN]),
        )


_FIXES = {
    "metric.raises": "mend that line; an example has the fields of the data, an answer those of the program",
    "metric.returns_none": "return a score on every path through the metric",
    "metric.returns_nan": "give 0 where there is nothing to divide by",
    "metric.wrong_weights": "name the sub-scores under [metric] weights as the metric does",
}


def _shape_code(error: str) -> str:
    return next((code for code, pattern in _BROKEN if pattern.search(error)), "metric.wrong_shape")


def _situation(found: Sequence[tuple[RowProbes, Observed]]) -> str:
    """When a metric fails only in one kind of probe: which."""
    kinds = {
        kind
        for probes, observed in found
        for kind, text in (
            ("named", "when asked about a predictor by name"),
            ("traced", "when given a trace, as while bootstrapping"),
            ("empty", "on empty answers"),
            ("real", "on the program's answers"),
        )
        if observed is getattr(probes, kind, None)
        or (kind == "named" and any(observed is one for one in probes.named.values()))
        for kind in (text,)
    }
    others = any(observed in (p.gold, p.other, p.relabeled, p.again) for p, observed in found)
    return f", only {kinds.pop()}" if len(kinds) == 1 and not others else ""


def find_swapped(case: Case) -> Iterator[Finding]:
    worked = [p for p in case.rows if p.swapped is not None and p.swapped.verdict.score is not None]
    if worked:
        yield Finding(
            "fail",
            "metric.swapped_arguments",
            "With example and answer exchanged the metric works: its arguments are in the wrong order.",
            where=case.where,
            fix="the example comes first: def metric(example, pred, trace=None)",
        )


def find_mixed_shapes(case: Case) -> Iterator[Finding]:
    kinds = {"bool": "number", "int": "number", "float": "number"}
    shapes = Counter(
        kinds.get(one.verdict.shape, one.verdict.shape) for _, one in case.calls() if one.verdict.shape
    )
    if len(shapes) > 1:
        yield Finding(
            "warn",
            "metric.mixed_shapes",
            f"The metric returns different things: {', '.join(sorted(shapes))}.",
            where=case.where,
            fix="return the same on every path",
        )
