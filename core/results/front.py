"""Which candidates nobody beats: on each row, on each objective, and on all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from .recorded import RowScores

PROMPT_SIZE = "prompt size"
"""The one objective of which less is better: characters of the prompts, which every call pays for."""


class RowBest(msgspec.Struct, frozen=True):
    """The candidates that answer one row best."""

    row: int
    score: float
    candidates: tuple[str, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate among the others. Scores are fractions from 0 to 1."""

    candidate: str
    objectives: dict[str, float]
    """`score`, each sub-score by its name, and the prompt size where it is known."""
    best_rows: int
    """Rows that nobody answers better, of those that anybody gets at all."""
    alone_rows: int
    """Rows that nobody else answers as well."""
    row_front: bool
    """No other candidate is at least as good on every row and better on one."""
    objective_front: bool
    """No other candidate is at least as good on every objective and better on one."""


class Front(msgspec.Struct, frozen=True):
    """The Pareto fronts of a run, from what was kept of full evaluations of one split."""

    standings: list[Standing]
    """Best score first."""
    rows: list[RowBest]
    """Rows that no candidate could be scored on are left out."""
    objectives: tuple[str, ...]

    def leaders(self, objective: str) -> tuple[str, ...]:
        """The candidates that are best on one objective."""
        values = {
            one.candidate: _upward(objective, one.objectives[objective])
            for one in self.standings
            if objective in one.objectives
        }
        top = max(values.values(), default=0.0)
        return tuple(candidate for candidate, value in values.items() if value == top)


def find_front(scores: Mapping[str, Sequence[RowScores]], sizes: Mapping[str, int] | None = None) -> Front:
    """The fronts over full evaluations of the same split, by candidate.

    `sizes` are the characters of each candidate's prompts. A row that errored is compared with nothing.
    """
    by_row = {candidate: {row.row: row.score for row in rows} for candidate, rows in scores.items()}
    best = _best_by_row(by_row)
    objectives = {
        candidate: _objectives(rows, (sizes or {}).get(candidate)) for candidate, rows in scores.items()
    }
    names = tuple(dict.fromkeys(name for values in objectives.values() for name in values))
    row_front = find_undominated(
        {candidate: [values.get(row.row) for row in best] for candidate, values in by_row.items()}
    )
    objective_front = find_undominated(
        {
            candidate: [
                None if (value := values.get(name)) is None else _upward(name, value) for name in names
            ]
            for candidate, values in objectives.items()
        }
    )
    standings = [
        Standing(
            candidate=candidate,
            objectives=objectives[candidate],
            best_rows=sum(candidate in row.candidates for row in best if row.score > 0),
            alone_rows=sum(row.candidates == (candidate,) for row in best),
            row_front=candidate in row_front,
            objective_front=candidate in objective_front,
        )
        for candidate in scores
    ]
    standings.sort(key=lambda one: -one.objectives.get("score", -1.0))
    return Front(standings, best, names)


def find_undominated(points: Mapping[str, Sequence[float | None]]) -> set[str]:
    """The points that no other is at least as good as everywhere and better than somewhere.

    More is better. None is compared with nothing; a point that shares no number with another neither beats
    it nor is beaten.
    """
    import numpy

    names = list(points)
    if not names or not points[names[0]]:
        return set(names)
    table = numpy.array([[numpy.nan if v is None else v for v in points[name]] for name in names], float)
    kept = set()
    for number, name in enumerate(names):
        other = table - table[number]
        known = ~numpy.isnan(other)
        never_worse = ~((other < 0) & known).any(axis=1)
        somewhere_better = ((other > 0) & known).any(axis=1)
        if not (never_worse & somewhere_better).any():
            kept.add(name)
    return kept


def _best_by_row(by_row: Mapping[str, Mapping[int, float | None]]) -> list[RowBest]:
    found = []
    for row in sorted({row for values in by_row.values() for row in values}):
        scored = {c: s for c, values in by_row.items() if (s := values.get(row)) is not None}
        if scored:
            top = max(scored.values())
            found.append(RowBest(row, top, tuple(c for c, score in scored.items() if score == top)))
    return found


def _objectives(rows: Sequence[RowScores], size: int | None) -> dict[str, float]:
    """Means over the rows that have a score, and the prompt size."""
    scored = [row for row in rows if row.score is not None]
    found: dict[str, float] = {}
    _add_mean(found, "score", (row.score for row in scored))
    for name in dict.fromkeys(name for row in scored for name in row.subscores):
        _add_mean(found, name, (row.subscores.get(name) for row in scored))
    if size is not None:
        found[PROMPT_SIZE] = float(size)
    return found


def _add_mean(found: dict[str, float], name: str, values: Iterable[float | None]) -> None:
    known = [value for value in values if value is not None]
    if known:
        found[name] = sum(known) / len(known)


def _upward(objective: str, value: float) -> float:
    return -value if objective == PROMPT_SIZE else value
