"""Our side of the bench: asks the warm child and gives back plain structs; no dspy, no user code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ..errors import DataError, MetricError, ProgramError
from ..findings import Finding
from ..recipe import Recipe
from ..sandbox.client import Sandbox
from ..sandbox.limits import JobKilled, Outcome
from .reports import (
    AnswerReport,
    LoadReport,
    MetricReport,
    ProgramReport,
    ScoredRows,
    TryReport,
)

LOAD_SECONDS = 120.0
PRELOAD = ("dspy", ".workbench.warm")
OnProgress = Callable[[dict[str, Any]], None]


class Desk:
    """The workspace's user code, at arm's length. One warm child serves all calls; close it when done."""

    def __init__(self, root: Path, recipe: Recipe, *, sandbox: Sandbox | None = None) -> None:
        self.root = root
        self.recipe = recipe
        self.sandbox = sandbox or Sandbox(root, preload=PRELOAD)

    def start(self) -> None:
        """Warm the child up in the background."""
        self.sandbox.start()

    def close(self) -> None:
        self.sandbox.close()

    def __enter__(self) -> Desk:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def describe_program(
        self, *, measure: bool = False, fit: bool = True, on_progress: OnProgress | None = None
    ) -> ProgramReport:
        """The program's parts, how it fits the data, and with `measure` what one row costs.

        Raises `ProgramError` when it cannot be loaded, `JobKilled` when its code hangs or dies.
        """
        outcome = self._call("describe", {"measure": measure, "fit": fit}, 180, on_progress)
        return msgspec.convert(outcome.value, ProgramReport)

    def try_program(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        row: int | None = None,
        state: Mapping[str, Any] | None = None,
        seconds: float = 180.0,
    ) -> TryReport:
        """Run the program on one input: the given one, or a row of the data (the first of val)."""
        params = {"inputs": inputs, "row": row, "state": state}
        outcome = self._call("try_program", params, seconds, None)
        report = msgspec.convert(outcome.value, TryReport)
        return msgspec.structs.replace(report, output=outcome.output)

    def test_metric(
        self,
        rows: int = 12,
        *,
        with_program: bool = True,
        sources: Mapping[str, str] | None = None,
        row_seconds: float = 10.0,
        seconds: float = 600.0,
        on_progress: OnProgress | None = None,
    ) -> MetricReport:
        """The metric doctor on so many rows; whatever is wrong with the metric is a finding, no error.

        `sources` (file → text) stands in for files, so that an edit is examined before it is saved.
        """
        last: dict[str, Any] = {}

        def note(progress: dict[str, Any]) -> None:
            last.update(progress)
            if on_progress is not None:
                on_progress(progress)

        params = {
            "rows": rows,
            "with_program": with_program,
            "sources": sources or {},
            "row_seconds": row_seconds,
            "program_seconds": seconds / 4,
        }
        try:
            outcome = self._call("test_metric", params, seconds, note)
        except JobKilled as killed:
            return MetricReport(findings=(_killed_finding(killed, last, self.recipe.metric.target),))
        except (MetricError, DataError, ProgramError) as error:
            part = "data" if isinstance(error, DataError) else "metric"
            return MetricReport(
                findings=(Finding("fail", f"{part}.cannot_load", error.what, error.where, error.fix),)
            )
        report = msgspec.convert(outcome.value, MetricReport)
        return msgspec.structs.replace(report, output=outcome.output)

    def run_metric(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        sources: Mapping[str, str] | None = None,
        typed: bool = True,
        row_seconds: float = 10.0,
        seconds: float = 120.0,
        on_progress: OnProgress | None = None,
    ) -> ScoredRows:
        """Score rows that each have `inputs`, `labels` and `prediction`; makes no call but the metric's own.

        `sources` (file → text) stands in for files, so that an edit is tried before it is saved. With
        `typed` predictions get the types of the program's outputs back. Raises `MetricError` when the metric
        cannot be loaded, `JobKilled` when it does not come back.
        """
        params = {"rows": rows, "sources": sources or {}, "typed": typed, "row_seconds": row_seconds}
        outcome = self._call("run_metric", params, seconds, on_progress)
        scored = msgspec.convert(outcome.value, ScoredRows)
        return msgspec.structs.replace(scored, output=outcome.output, seconds=outcome.seconds)

    def answer_rows(
        self, rows: int, *, seconds: float = 120.0, on_progress: OnProgress | None = None
    ) -> AnswerReport:
        """The program's answers on some rows of val, in the form that `run_metric` takes.

        A row that has not ended after `seconds` in all has none.
        """
        outcome = self._call("answer", {"rows": rows, "seconds": seconds}, 600, on_progress)
        return msgspec.convert(outcome.value, AnswerReport)

    def sample_rows(self, rows: int) -> list[dict[str, Any]]:
        """Some rows of val, evenly spread: each with `row`, `id`, `inputs` and `labels`; runs no program."""
        return list(self._call("sample_rows", {"rows": rows}, LOAD_SECONDS, None).value)

    def load_all(self, *, on_progress: OnProgress | None = None) -> LoadReport:
        """Whether program, data and metric load and fit together, as findings by part."""
        last: dict[str, Any] = {}

        def note(progress: dict[str, Any]) -> None:
            last.update(progress)
            if on_progress is not None:
                on_progress(progress)

        try:
            outcome = self._call("load_all", {}, LOAD_SECONDS, note)
        except JobKilled as killed:
            part = str(last.get("phase", "program"))
            return LoadReport(findings={part: (_killed_finding(killed, {}, part),)})
        return msgspec.convert(outcome.value, LoadReport)

    def ask_models(self) -> list[dict[str, Any]]:
        """One short question to each role's own model: role, model, seconds, and the error or None."""
        outcome = self._call("ask_models", {}, 180, None)
        return list(outcome.value)

    def _call(
        self, job: str, params: dict[str, Any], seconds: float, on_progress: OnProgress | None
    ) -> Outcome:
        sent = {"root": str(self.root), "recipe": self.recipe.to_dict(), **params}
        limits = msgspec.structs.replace(self.sandbox.limits, seconds=seconds)
        return self.sandbox.call(f"workbench.jobs:{job}", sent, limits=limits, on_progress=on_progress)


def _killed_finding(killed: JobKilled, last: Mapping[str, Any], target: str) -> Finding:
    during = f" On row {last['row']}." if "row" in last else ""
    return Finding(
        "fail", f"code.{killed.reason}", f"{killed.what}{during}", killed.where or target, killed.fix
    )
