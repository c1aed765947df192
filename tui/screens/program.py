"""The Program place: what the program is made of, in each state, and one input tried in the open."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on, work
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import TabPane

from core.errors import CompilotError

from ..panes.program.tree import ProgramTree
from ..panes.program.trial import Trial
from ..panes.program.trying import TryPane
from ..widgets.empty import Empty
from ..widgets.pane import Pane
from ..widgets.problem import Problem
from ..widgets.reading import Reading
from ..widgets.views import Views
from .program_parts import HINT, ProgramParts


class ProgramScreen(ProgramParts):
    """Panes and commands."""

    PLACE = "program"
    CSS_PATH = "program.tcss"

    def compose_body(self) -> Iterable[Widget]:
        yield Problem(id="program-problem")
        yield Empty("The program has not been loaded yet.", HINT, id="program-empty")
        with Horizontal(id="program-columns"):
            yield ProgramTree()
            with Pane(title="As written", id="program-views"), Views(id="views"):
                with TabPane("Predictor", id="view-part"):
                    yield Reading(id="part-text")
                with TabPane("Changes", id="view-changes"):
                    yield Reading(id="changes-text")
                with TabPane("Try one input", id="view-try"):
                    yield TryPane()

    def copied_text(self) -> str | None:
        view = self.query_one(Views).active
        if view == "view-try":
            return self.query_one(TryPane).copied()
        return self.query_one(f"#{view}", TabPane).query_one(Reading).text.plain or None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return self.busy
        if action in ("try", "next", "previous", "state", "next_view", "previous_view"):
            return self.report is not None
        if action == "run":
            return self.report is not None and not self.busy and self._trying
        return True

    @property
    def _trying(self) -> bool:
        return self.query_one(Views).active == "view-try"

    def action_try(self) -> None:
        self.query_one(Views).active = "view-try"
        self.call_after_refresh(self.query_one(TryPane).focus_form)

    def action_next(self) -> None:
        self._step_row(1)

    def action_previous(self) -> None:
        self._step_row(-1)

    def _step_row(self, by: int) -> None:
        pane = self.query_one(TryPane)
        self.query_one(Views).active = "view-try"
        pane.show_row(pane.place + by)

    def action_next_view(self) -> None:
        self.query_one(Views).step(1)

    def action_previous_view(self) -> None:
        self.query_one(Views).step(-1)

    @on(Views.TabActivated)
    def _view_changed(self) -> None:
        self.refresh_bindings()

    @work(exclusive=True, group="program")
    async def action_run(self) -> None:
        pane = self.query_one(TryPane)
        if not await self.compilot.trusted():
            return
        row, inputs = pane.row, pane.inputs()
        desk = self.session.desk()
        state = self.chosen.state if self.chosen else None
        try:
            report = await self.do("running it", lambda: desk.try_program(inputs, state=state))
        except CompilotError as error:
            pane.show_problem(error if self.fail_with(error) else None)
            return
        self.calls = report.result.calls_by_predictor if not report.result.error else self.calls
        trial = Trial(report, dict(row["labels"]) if row else {}, judged="" if row else "No row, no score.")
        pane.show_trial(trial)
        self._show_state()
        if row and report.result.outputs is not None:
            scored = {
                "row": row["row"],
                "inputs": inputs,
                "labels": trial.labels,
                "prediction": report.result.outputs,
            }
            try:
                judged = await self.do("scoring it", lambda: desk.run_metric([scored]))
            except CompilotError as error:
                pane.show_trial(trial._replace(judged=f"The metric did not judge it: {error.what}"))
            else:
                pane.show_trial(trial._replace(verdict=judged.rows[0].verdict))

    # A new program

    @work(exclusive=True, group="dialog")
    async def action_new(self) -> None:
        from ..panes.program.writing import WriteProgram

        written = await self.app.push_screen_wait(WriteProgram(self.session))
        if written:
            self.session.reload()
            self.compilot.say(f"wrote {written}")
