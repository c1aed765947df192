"""What the rules look at, and how they name a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...findings import Evidence, Finding
from ..adapt import AdaptedMetric
from ..feedback import shorten
from .observe import Observed
from .probes import RowProbes

SHOWN = 5
"""Rows named as evidence of one finding."""

Rule = Callable[["Case"], Iterator[Finding]]


class Case:
    """What the rules look at."""

    def __init__(
        self, metric: AdaptedMetric, rows: Sequence[RowProbes], *, optimizer: str | None = None
    ) -> None:
        self.metric = metric
        self.rows = list(rows)
        self.optimizer = optimizer
        self.where = metric.spec.target

    def calls(self) -> Iterator[tuple[RowProbes, Observed]]:
        for probes in self.rows:
            for observed in probes.all():
                yield probes, observed

    def pairs(self, one: str, two: str) -> list[tuple[RowProbes, float, float]]:
        """Rows on which both probes gave a score."""
        found = []
        for probes in self.rows:
            first, second = getattr(probes, one), getattr(probes, two)
            if first and second and first.verdict.score is not None and second.verdict.score is not None:
                found.append((probes, first.verdict.score, second.verdict.score))
        return found

    def scores(self) -> list[float]:
        return [one.verdict.score for _, one in self.calls() if one.verdict.score is not None]

    def is_unstable(self) -> bool:
        """Whether the same answer scored differently the second time on any row."""
        pairs = [*self.pairs("real", "again"), *self.pairs("gold", "gold_again")]
        return any(abs(first - second) > 1e-9 for _, first, second in pairs)

    def ignores_answer(self) -> bool:
        """Whether right and wrong answers score the same on every row."""
        pairs = self.pairs("gold", "other")
        return bool(pairs) and all(gold == other for _, gold, other in pairs)

    @property
    def asks_lm(self) -> bool:
        return any(one.lm_calls for _, one in self.calls())


def evidence_of(probes: RowProbes, observed: Observed | None, detail: str = "") -> Evidence:
    """The row as evidence, with the score of this call and what it says."""
    return Evidence(
        row=probes.row,
        id=probes.id,
        expected=shorten(dict(probes.example.labels().items())),
        score=observed.verdict.score if observed else None,
        detail=detail or (observed.verdict.error if observed else "") or "",
    )
