"""The part of the Program place that loads the program and shows it, as written or as a run left it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from textual import on, work
from textual.content import Content

from core.errors import CompilotError
from core.programs.describe import ProgramDescription
from core.programs.diff import PredictorDiff, diff_states
from core.recipe import DataSpec, ProgramSpec
from core.trust import fingerprint_folder
from core.wording import plural
from core.workbench.reports import ProgramReport

from ..panes.program.states import (
    ChosenState,
    StateChoice,
    list_candidates,
    list_choices,
    parse_target,
    read_choice,
    with_state,
)
from ..panes.program.texts import describe_changes, describe_module, describe_predictor, describe_program
from ..panes.program.tree import Part, ProgramTree
from ..panes.program.trial import input_fields
from ..panes.program.trying import TryPane
from ..text import clean
from ..widgets.empty import Empty
from ..widgets.pane import Pane
from ..widgets.problem import Problem
from ..widgets.reading import Reading
from ..widgets.views import Views
from .busy import BusyPlace

HINT = "Press r to load it. a writes a new one from a form."
SAMPLE_ROWS = 24
"""Rows of val that the form goes through."""


class ProgramParts(BusyPlace):
    """Loads the program in a child process, on the first visit to a trusted folder or when asked."""

    def __init__(self) -> None:
        super().__init__()
        self.report: ProgramReport | None = None
        self.chosen: ChosenState | None = None
        self.shown: ProgramDescription | None = None
        self.diffs: list[PredictorDiff] = []
        self.calls: Mapping[str, int] | None = None
        self.part = Part(0, "")
        self._loaded: tuple[ProgramSpec, DataSpec] | None = None
        self._fingerprint = ""

    def on_mount(self) -> None:
        self._lay_out()

    async def on_screen_resume(self) -> None:
        if self.report is None and not self.busy and self.session.draft is not None:
            self._load_if_trusted()
        elif self.report is not None:
            self._notice_edits()

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        draft = self.session.draft
        if draft is None:
            self.show_problem(self.session.problem)
        elif self.report is None or self._loaded is None:
            if parts & {"config", "program"}:
                self._load_if_trusted()
        elif self._loaded != (draft.program, draft.data) or "program" in parts:
            self._load()

    async def show(self, **target: Any) -> None:
        if target.get("state"):
            self._choose(parse_target(str(target["state"])))

    # Loading

    @work(exclusive=True, group="ask")
    async def _load_if_trusted(self) -> None:
        """Loads at once where the person said yes before; asking waits for a key."""
        from core.trust import read_trust

        if self.session.trusted or (await asyncio.to_thread(read_trust, self.session.root)).trusted:
            self._load()

    def action_load(self) -> None:
        self._load()

    @work(exclusive=True, group="program")
    async def _load(self) -> None:
        draft = self.session.draft
        if draft is None:
            self.show_problem(self.session.problem)
            return
        if not await self.compilot.trusted():
            return
        # One row costs nothing with an embedded model; with a paid one it waits until it is tried.
        measure = draft.models["student"].model.startswith("embedded/")
        root = self.session.root
        desk = self.session.desk()
        fingerprint, _ = await asyncio.to_thread(fingerprint_folder, root)
        try:
            report = await self.do("describing the program", lambda: desk.describe_program(measure=measure))
            samples = await self.do("reading rows", lambda: _read_samples(desk))
        except CompilotError as error:
            self.report = self._loaded = None
            self.show_problem(error if self.fail_with(error) else None)
            return
        self._loaded = (draft.program, draft.data)
        self._fingerprint = fingerprint
        await self.show_report(report, samples)

    async def show_report(self, report: ProgramReport, samples: list[dict[str, Any]]) -> None:
        """Show a program that was described, and put its form's first row in."""
        self.report = report
        self.calls = report.measured.calls if report.measured and not report.measured.error else None
        self.show_problem(None)
        self._show_state()
        await self.query_one(TryPane).fill(
            input_fields(report.program, samples[0]["inputs"] if samples else {}), samples
        )

    @work(exclusive=True, group="edits")
    async def _notice_edits(self) -> None:
        now, _ = await asyncio.to_thread(fingerprint_folder, self.session.root)
        if now != self._fingerprint and not self.busy:
            self.query_one(ProgramTree).name_pane("Program", "files changed: r loads again")

    def show_busy(self, text: str) -> None:
        empty = self.query_one("#program-empty", Empty)
        if text and empty.display:
            empty.say(f"{text[:1].upper()}{text[1:]}")
        self.query_one(ProgramTree).name_pane("Program", text or self._summary())

    def _summary(self) -> str:
        if self.shown is None:
            return ""
        number = len(self.shown.predictors)
        return f"{plural(number, 'predictor')}"

    # What is shown

    def _lay_out(self) -> None:
        loaded = self.report is not None
        self.query_one("#program-columns").display = loaded
        self.query_one("#program-empty").display = not loaded

    def show_problem(self, error: CompilotError | None) -> None:
        self.query_one("#program-problem", Problem).show(error)
        if self.report is None:
            what = "The program cannot be loaded." if error else "The program has not been loaded yet."
            self.query_one("#program-empty", Empty).say(what, HINT)
        self._lay_out()
        self.refresh_bindings()

    def _show_state(self) -> None:
        """Tree, detail and changes of the chosen state."""
        if self.report is None:
            return
        written, chosen = self.report.program, self.chosen
        self.shown = written if chosen is None else with_state(written, chosen.state)
        self.diffs = [] if chosen is None else diff_states(self.report.state, chosen.state)
        statuses = {diff.predictor: diff.status for diff in self.diffs}
        self.query_one("#program-views", Pane).name_pane(clean(chosen.label) if chosen else "As written")
        self.query_one(ProgramTree).show(self.shown, self.calls, statuses)
        changed = sum(status != "same" for status in statuses.values())
        self.query_one(Views).label("view-changes", f"Changes {changed}" if chosen else "Changes")
        self.query_one("#changes-text", Reading).show(
            describe_changes(self.diffs)
            if chosen
            else Content("This is the program as written. Press v to look at it as a run left it.")
        )
        self.query_one(ProgramTree).name_pane("Program", self._summary())
        self._show_part()

    @on(ProgramTree.Chosen)
    def _choose_part(self, message: ProgramTree.Chosen) -> None:
        self.part = message.part
        self._show_part()

    def _show_part(self) -> None:
        if self.report is None or self.shown is None:
            return
        predictor = next((one for one in self.shown.predictors if one.name == self.part.predictor), None)
        if predictor is not None:
            text = describe_predictor(predictor, self.calls.get(predictor.name, 0) if self.calls else None)
        elif self.part.module is not None and self.part.depth:
            text = describe_module(self.part.module)
        else:
            text = describe_program(self.report)
        self.query_one(Views).label("view-part", "Predictor" if predictor else "Module")
        self.query_one("#part-text", Reading).show(text)

    # States

    @work(exclusive=True, group="dialog")
    async def action_state(self) -> None:
        from ..widgets.dialogs import Choose

        root = self.session.root
        try:
            choices = await asyncio.to_thread(list_choices, root)
            options = [("the program as written", StateChoice("", ""))]
            options += [(choice.label, choice) for choice in choices]
            chosen = await self.app.push_screen_wait(Choose("Which state?", options))
            if chosen is None:
                return
            if chosen.run:
                candidates = await asyncio.to_thread(list_candidates, root, chosen.run)
                more = [("the best", chosen), *((one.label, one) for one in candidates)]
                chosen = (
                    await self.app.push_screen_wait(Choose("Which candidate?", more))
                    if candidates
                    else chosen
                )
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        if chosen is not None:
            self._choose(chosen)

    @work(exclusive=True, group="state")
    async def _choose(self, choice: StateChoice) -> None:
        try:
            self.chosen = (
                await asyncio.to_thread(read_choice, self.session.root, choice) if choice.run else None
            )
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self.query_one(TryPane).clear_trial()
        if self.report is None:
            self._load()
        else:
            self._show_state()


def _read_samples(desk: Any) -> list[dict[str, Any]]:
    """Rows for the form; a program may be looked at without data, too."""
    try:
        return list(desk.sample_rows(SAMPLE_ROWS))
    except CompilotError:
        return []
