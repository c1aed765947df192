"""The rows that were kept of full evaluations: in a run's folder, and of later `compilot eval`s of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ..errors import RunError
from ..recipe import SplitName
from ..runs.folder import RunFolder
from ..runs.rows import RowResult
from .significance import Interval, score_interval


class RowScores(msgspec.Struct, frozen=True):
    """Of a row, only what is counted."""

    row: int
    score: float | None = None
    subscores: dict[str, float] = {}


class Evaluated(msgspec.Struct, frozen=True):
    """A full evaluation without its rows."""

    split: str
    candidate: str | None = None
    score: float | None = None
    evaluation: str = ""
    phase: str = ""


R = TypeVar("R", RowResult, RowScores)


class ScoredRows(msgspec.Struct, Generic[R], frozen=True):
    """The rows of one full evaluation of a candidate."""

    split: str
    rows: list[R]
    candidate: str | None = None
    score: float | None = None
    evaluation: str = ""
    """Its id in the run; empty for one made later by `compilot eval`."""

    @property
    def errors(self) -> int:
        return sum(row.score is None for row in self.rows)

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the mean over the rows that have a score."""
        return score_interval([row.score for row in self.rows if row.score is not None])


class _Request(msgspec.Struct):
    """What a later scoring was asked for."""

    split: str
    run: str | None = None
    candidate: str | None = None


_HEAD = msgspec.json.Decoder(Evaluated)
_COUNTED = msgspec.json.Decoder(ScoredRows[RowScores])
_WHOLE = msgspec.json.Decoder(ScoredRows[RowResult])
_REQUEST = msgspec.json.Decoder(_Request)


def read_rows(folder: RunFolder, candidate: str, split: SplitName) -> ScoredRows[RowResult]:
    """The latest full evaluation of a candidate over a split, with outputs.

    Raises `RunError` where none was kept: minibatches do not count.
    """
    path = _find(folder, candidate, split)
    if path is None:
        raise RunError(
            f"candidate {candidate} of run {folder.run_id} was never scored on all of {split}",
            where=str(folder.evaluations),
            fix=f"`compilot eval {folder.run_id} --candidate {candidate} --split {split}` scores it",
        )
    rows = _decode(_WHOLE, path)
    assert rows is not None, "it was decoded to be found"
    return rows


def read_scores(folder: RunFolder, split: SplitName = "val") -> dict[str, ScoredRows[RowScores]]:
    """The latest full evaluation of every candidate over a split, without outputs, in the order they came."""
    found: dict[str, ScoredRows[RowScores]] = {}
    for path in _files(folder):
        rows = _decode(_COUNTED, path)
        if rows is not None and rows.rows and rows.split == split and rows.candidate is not None:
            found[rows.candidate] = rows
    return found


def has_rows(folder: RunFolder, candidate: str, split: SplitName) -> bool:
    """Whether `read_rows` would find rows."""
    return _find(folder, candidate, split) is not None


def _find(folder: RunFolder, candidate: str, split: str) -> Path | None:
    latest = None
    for path in _files(folder):
        head = _decode(_HEAD, path)
        if head is None or head.candidate != candidate or head.split != split:
            continue
        if head.score is not None or _has_rows(path):
            latest = path
    return latest or _find_later(folder, candidate, split)


def _has_rows(path: Path) -> bool:
    """One that the run's end cut short is kept without rows."""
    counted = _decode(_COUNTED, path)
    return counted is not None and bool(counted.rows)


def _find_later(folder: RunFolder, candidate: str, split: str) -> Path | None:
    """A scoring by `compilot eval`, the latest one; they are asked only where the run kept nothing."""
    evaluations = folder.path.parent.parent / "evals"
    for request in sorted(evaluations.glob("*/request.json"), reverse=True):
        asked = _decode(_REQUEST, request)
        answer = request.with_name("score.json")
        if (
            asked is not None
            and asked.run is not None
            and Path(asked.run).name == folder.run_id
            and (asked.candidate, asked.split) == (candidate, split)
            and _decode(_WHOLE, answer) is not None
        ):
            return answer
    return None


def _files(folder: RunFolder) -> Iterator[Path]:
    """Evaluations in the order they were made; their ids outgrow four digits in long runs."""
    return iter(sorted(folder.evaluations.glob("e*.json"), key=lambda path: (len(path.stem), path.stem)))


T = TypeVar("T")


def _decode(decoder: msgspec.json.Decoder[T], path: Path) -> T | None:
    """What the file says; None where it is no evaluation (an error in place of a score, a torn copy)."""
    try:
        return decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
