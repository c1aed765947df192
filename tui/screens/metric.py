"""The Metric place: the metric's text in an editor, and beside it what it says of real answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from textual import events, on, work
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import TabPane

from core.errors import CompilotError
from core.metrics.templates import TEMPLATES

from ..panes.metric.editor import EditorPane
from ..panes.metric.findings import FindingsPane
from ..panes.metric.judged import find_line
from ..panes.metric.opening import check_text, copy_builtin
from ..panes.metric.rescored import RescoredPane
from ..panes.metric.rows_pane import RowsPane
from ..panes.metric.versions import VersionsPane
from ..widgets.empty import Empty
from ..widgets.pane import Pane
from ..widgets.problem import Problem
from ..widgets.views import Views
from .metric_keeping import MetricKeeping


class MetricScreen(MetricKeeping):
    """Panes and commands."""

    PLACE = "metric"
    CSS_PATH = "metric.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-high")]  # noqa: RUF012 - Textual's own type

    def compose_body(self) -> Iterable[Widget]:
        yield Empty("No metric is named yet.", "Name one in compilot.toml, then ctrl+r.", id="metric-empty")
        yield Problem(id="metric-problem")
        with Horizontal(id="metric-columns"):
            yield EditorPane()
            with Pane(title="On rows", id="bench"), Views(id="views"):
                with TabPane("Rows", id="view-rows"):
                    yield RowsPane()
                with TabPane("Findings", id="view-findings"):
                    yield FindingsPane()
                with TabPane("Versions", id="view-versions"):
                    yield VersionsPane(lambda: self.text)
                with TabPane("Rescored", id="view-rescored"):
                    yield RescoredPane()

    async def show(self, **target: Any) -> None:
        if target.get("line"):
            self.wanted_line = int(target["line"])
            if self.opened is not None:
                self.go_to_wanted()

    def copied_text(self) -> str | None:
        return self.query_one(RowsPane).copied() if self.query_one(Views).active == "view-rows" else self.text

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return self.busy
        opened = self.opened
        if action == "copy_builtin":
            return opened is not None and opened.builtin
        if action in ("save", "template", "discard"):
            return opened is not None and not self.editor.code.read_only
        if action in ("test", "examine", "answers", "rescore"):
            return opened is not None and not self.busy
        if action in ("next_finding", "previous_finding"):
            return bool(self.query_one(FindingsPane).findings) if self.is_mounted else False
        return opened is not None if action in ("edit", "next_view", "previous_view") else True

    def show_busy(self, text: str) -> None:
        self.query_one("#bench", Pane).name_pane("On rows", text)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # A class of its own: a terminal that loses the focus takes it from every widget.
        self.set_class(self.query_one("#bench") in event.widget.ancestors, "-reading")

    # Editing

    def action_edit(self) -> None:
        self.editor.code.focus()

    @on(EditorPane.Paused)
    def check_typed(self) -> None:
        if self.opened is not None:
            self.read = check_text(self.opened, self.text)
            self.show_wrong()

    def show_wrong(self) -> None:
        """The text's own mistakes, under it and at their lines."""
        path = self.opened.path if self.opened else None
        failed = [finding for finding in self.read if finding.level in ("fail", "warn")]
        lines = frozenset(line for one in failed if (line := find_line(one.where, path)) is not None)
        told = ""
        if failed:
            line = find_line(failed[0].where, path)
            told = f"line {line}: {failed[0].what}" if line else failed[0].what
        self.editor.show_wrong(told, lines)
        self.show_findings()

    def _go_to(self, where: str) -> None:
        line = find_line(where, self.opened.path if self.opened else None)
        if line is None:
            self.compilot.say(f"this is not in the editor: {where}" if where else "it names no line")
            return
        self.editor.code.go_to(line)
        self.editor.code.focus()

    @on(FindingsPane.Chosen)
    def open_finding(self, message: FindingsPane.Chosen) -> None:
        self._go_to(message.finding.where)

    @on(RowsPane.JumpAsked)
    def open_row(self, message: RowsPane.JumpAsked) -> None:
        self._go_to(message.where)

    def action_next_finding(self) -> None:
        self._step_finding(1)

    def action_previous_finding(self) -> None:
        self._step_finding(-1)

    def _step_finding(self, by: int) -> None:
        finding = self.query_one(FindingsPane).step(by)
        if finding is None:
            self.compilot.say("no finding names a line")
        else:
            self._go_to(finding.where)

    def action_next_view(self) -> None:
        self.query_one(Views).step(1)

    def action_previous_view(self) -> None:
        self.query_one(Views).step(-1)

    @on(Views.TabActivated)
    def show_view(self, message: Views.TabActivated) -> None:
        if message.pane.id == "view-versions" and self.opened is not None:
            self.query_one(VersionsPane).show(self.opened.versions)

    @on(VersionsPane.Chosen)
    def restore(self, message: VersionsPane.Chosen) -> None:
        self.editor.code.put_text(message.version.text)
        self.compilot.say(f"version {message.version.number} is in the editor, unsaved; ctrl+z takes it back")
        self.query_one(VersionsPane).show(self.opened.versions if self.opened else ())

    @work(exclusive=True, group="dialog")
    async def action_discard(self) -> None:
        from ..widgets.dialogs import Confirm

        opened = self.opened
        if opened is None or not self.editor.changed:
            self.compilot.say("nothing is unsaved")
            return
        if await self.app.push_screen_wait(
            Confirm("Take back all that was not saved?", yes="Take back", danger=True)
        ):
            self.editor.code.put_text(self.editor.baseline)
            self.compilot.say("ctrl+z in the editor brings it back")

    @work(exclusive=True, group="dialog")
    async def action_template(self) -> None:
        from ..widgets.dialogs import Choose

        opened, draft = self.opened, self.session.draft
        if opened is None or draft is None:
            return
        names = [(f"{one.name}  {one.summary}", one.name) for one in TEMPLATES.values()]
        name = await self.app.push_screen_wait(Choose("Which template?", names))
        if name is None:
            return
        whole = not self.text.strip()
        if not whole:
            places = [("in the place of the whole text", True), ("at the cursor", False)]
            placed = await self.app.push_screen_wait(Choose("Where?", places))
            if placed is None:
                return
            whole = placed
        text = TEMPLATES[name].fill((*(draft.data.labels or ()), "answer")[0], opened.attribute)
        code = self.editor.code
        code.put_text(text) if whole else code.insert(text)
        code.focus()

    @work(exclusive=True, group="dialog")
    async def action_copy_builtin(self) -> None:
        from ..widgets.dialogs import Ask

        opened, workspace = self.opened, self.session.workspace
        if opened is None or workspace is None or not opened.builtin:
            return
        name = await self.app.push_screen_wait(Ask("Copy it into which new file?", "metrics.py"))
        if name is None:
            return
        try:
            await asyncio.to_thread(copy_builtin, workspace, opened, name.strip())
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self.session.reload()
