"""What enter does: results of a run or a candidate, the whole text of anything else."""

from __future__ import annotations

from textual import on

from ...widgets.line_view import LineView
from .actions import RunActions
from .calls import CallsPane
from .candidates import CandidatesPane
from .detail import Detail, Part, call_parts, call_title
from .log import LogPane


class RunOpenings(RunActions):
    """Goes by where the cursor is."""

    @on(LineView.Opened)
    async def _open(self, event: LineView.Opened) -> None:
        if event.view.id == "runs-rows":
            await self.action_results()
        elif event.view.id == "runs-steps":
            await self._open_step()
        elif event.view.id == "runs-call-rows":
            call = self.query_one(CallsPane).rows.chosen
            if call is not None:
                self.app.push_screen(Detail(call_title(call), call_parts(call)))
        else:
            log = self.query_one(LogPane).log_on_screen
            if log.cursor is not None:
                line = log.line_in(log.cursor)
                self.app.push_screen(Detail(line.level, [Part("", line.text)]))

    async def _open_step(self) -> None:
        step = self.query_one(CandidatesPane).rows.chosen
        if step is None or self.chosen_path is None:
            return
        if step.candidate is not None:
            await self.compilot.go("results", run=self.chosen_path.name, candidate=step.candidate.id)
        else:
            title = "rejected" if step.accepted is False else "proposed"
            parts = [Part("why", step.reason)] if step.reason else []
            self.app.push_screen(Detail(f"{step.component}: {title}", [*parts, Part("text", step.text)]))
