"""The part of the Metric place that runs the metric: on answers, under the doctor, on a past run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from textual import work

from core.errors import CompilotError
from core.findings import Finding
from core.runs.folder import RunFolder
from core.runs.listing import find_run
from core.workbench.reports import ScoredRows

from ..panes.metric.findings import FindingsPane, finding_of, merge_findings
from ..panes.metric.judged import (
    Answers,
    answers_of_program,
    answers_of_run,
    join_rows,
    runs_with_answers,
)
from ..panes.metric.opening import Opened, digest, source_name
from ..panes.metric.rescored import RescoredPane
from ..panes.metric.rows_pane import RowsPane
from ..widgets.views import Views
from .busy import BusyPlace

ROWS = 12
"""Answers that the program is asked for at first, and rows that the doctor looks at."""
MORE_ROWS = 48


class MetricTrials(BusyPlace):
    """Subclasses own the editor: `opened`, `text`."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Opened | None = None
        self.answers: Answers | None = None
        self.read: list[Finding] = []
        """What reading the text finds wrong."""
        self.examined: list[Finding] = []
        """What the last test found wrong."""
        self.examined_digest = ""
        """Of the text that it was found in."""
        self.score: float | None = None

    @property
    def text(self) -> str:
        """The metric's text, as it is in the editor."""
        raise NotImplementedError

    def _sources(self) -> Mapping[str, str]:
        workspace = self.session.workspace
        if workspace is None or self.opened is None or self.opened.builtin:
            return {}
        return {source_name(workspace, self.opened): self.text}

    # Test on rows

    @work(exclusive=True, group="metric")
    async def action_test(self) -> None:
        if self.opened is None:
            return
        self.show_findings()
        if any(finding.level == "fail" for finding in self.read):
            # It cannot be imported: the finding says more than a child process would.
            self.query_one(Views).go("view-findings")
            return
        if not await self.compilot.trusted():
            return
        if self.answers is None and not await self._take_answers(None):
            return
        await self._score()

    async def _score(self) -> None:
        answers, opened = self.answers, self.opened
        if answers is None or opened is None:
            return
        pane = self.query_one(RowsPane)
        desk, text, sources = self.session.desk(), self.text, self._sources()

        def told(progress: Mapping[str, Any]) -> None:
            self.note_progress(f"row {progress.get('done', 0)} of {len(answers.answered)}")

        self.examined, self.examined_digest = [], digest(text)
        try:
            scored: ScoredRows = await self.do(
                "scoring",
                lambda: desk.run_metric(
                    answers.answered, sources=sources, seconds=60 + len(answers.rows), on_progress=told
                ),
            )
        except CompilotError as error:
            if not self.fail_with(error):
                return
            self.score = None
            self.examined = [finding_of(error)]
            pane.show_problem(error)
            pane.show_rows([])
            self.show_findings()
            self.query_one(Views).go("view-findings")
            return
        self.score = scored.score
        pane.show_problem(None)
        pane.say(answers.told)
        pane.show_rows(join_rows(answers, scored))
        self.query_one(Views).go("view-rows")
        if scored.ledger.get("judge", {}).get("asked"):
            self.examined = []
            self.show_findings("The metric asks a model, so the doctor waits for a key: D examines it.")
        else:
            await self._examine(with_program=False)

    # The doctor

    @work(exclusive=True, group="metric")
    async def action_examine(self) -> None:
        if self.opened is not None and await self.compilot.trusted() and await self._may_ask(ROWS):
            self.query_one(Views).go("view-findings")
            await self._examine(with_program=True)

    async def _examine(self, *, with_program: bool) -> None:
        desk, sources, now = self.session.desk(), self._sources(), digest(self.text)
        try:
            report = await self.do(
                "examining",
                lambda: desk.test_metric(ROWS, with_program=with_program, sources=sources),
            )
        except CompilotError as error:
            if not self.fail_with(error):
                return
            self.examined = [finding_of(error)]
        else:
            self.examined = list(report.findings)
        self.examined_digest = now
        how = (
            "with the program's own answers"
            if with_program
            else "on labels; D adds the program's own answers"
        )
        self.show_findings("" if self.examined else f"The doctor found nothing wrong ({ROWS} rows, {how}).")

    def show_findings(self, note: str = "") -> None:
        """All that is known to be wrong with the text, and whether it is of the text as it is."""
        stale = bool(self.examined) and digest(self.text) != self.examined_digest
        if stale:
            note = "The text was changed since the test: r tests it again."
        findings = merge_findings(self.read, self.examined)
        if not findings and not note:
            note = "Nothing is wrong with the text itself. r tests it on rows."
        self.query_one(FindingsPane).show(findings, self.opened.path if self.opened else None, note)
        bad = sum(finding.level in ("fail", "warn") for finding in findings)
        self.query_one(Views).label("view-findings", f"Findings {bad}" if bad else "Findings")
        self.refresh_bindings()

    # Whose answers

    @work(exclusive=True, group="metric")
    async def action_answers(self) -> None:
        from ..widgets.dialogs import Choose

        runs = await self._runs_to_choose(10)
        if runs is None:
            return
        options: list[tuple[str, str | int]] = [(f"run  {label}", run) for label, run in runs]
        options += [(f"ask the program as written for {count} rows", count) for count in (ROWS, MORE_ROWS)]
        chosen = await self.app.push_screen_wait(Choose("Whose answers are scored?", options))
        if chosen is not None and await self.compilot.trusted() and await self._take_answers(chosen):
            await self._score()

    async def _runs_to_choose(self, most: int) -> list[tuple[str, str]] | None:
        """Labels and ids of runs that kept answers; None where they cannot be listed, which is told."""
        try:
            return await asyncio.to_thread(runs_with_answers, self.session.root, most)
        except CompilotError as error:
            self.compilot.say_error(error)
            return None

    async def _take_answers(self, chosen: str | int | None) -> bool:
        """A run's answers or new ones; without a choice the latest run's, else new ones."""
        root = self.session.root
        pane = self.query_one(RowsPane)
        try:
            if chosen is None:
                runs = await asyncio.to_thread(runs_with_answers, root, 1)
                chosen = runs[0][1] if runs else ROWS
            if isinstance(chosen, str):
                run = chosen
                self.answers = await asyncio.to_thread(answers_of_run, root, run)
            else:
                count = chosen
                if not await self._may_ask(count):
                    return False
                desk = self.session.desk()
                self.answers = answers_of_program(
                    await self.do(
                        "asking the program", lambda: desk.answer_rows(count, on_progress=self._told)
                    )
                )
        except CompilotError as error:
            self.query_one(Views).go("view-rows")
            if self.fail_with(error):
                pane.show_problem(error)
            return False
        return True

    def _told(self, progress: Mapping[str, Any]) -> None:
        self.note_progress(f"{progress.get('done', 0)} answers")

    async def _may_ask(self, rows: int) -> bool:
        """Whether the program may be run on so many rows: a paid model is asked only after a yes."""
        from ..widgets.dialogs import Confirm

        draft = self.session.draft
        if draft is None:
            return False
        model = draft.models["student"].model
        if model.startswith("embedded/"):
            return True
        detail = (
            f"The program runs once for each row, with {model}. The answers are kept while the app is open."
        )
        question = Confirm(f"Ask for {rows} answers?", detail, yes="Ask")
        answer = await self.app.push_screen_wait(question)
        return bool(answer)

    # A past run

    @work(exclusive=True, group="metric")
    async def action_rescore(self) -> None:
        from core.workbench.rescoring import rescore_run

        from ..widgets.dialogs import Choose

        root = self.session.root
        runs = await self._runs_to_choose(50)
        if runs is None:
            return
        if not runs:
            self.compilot.say("no run has kept answers yet")
            return
        run = await self.app.push_screen_wait(Choose("Rescore which run?", runs))
        if run is None or not await self.compilot.trusted():
            return
        desk, sources = self.session.desk(), self._sources()
        try:
            folder = RunFolder(await asyncio.to_thread(find_run, root, run))
            rescored = await self.do(
                f"rescoring {run}",
                lambda: rescore_run(desk, folder.evaluations, sources=sources, on_progress=self._told),
            )
        except CompilotError as error:
            if self.fail_with(error):
                self.compilot.say_error(error)
            return
        self.query_one(RescoredPane).show(run, rescored)
        self.query_one(Views).go("view-rescored")
