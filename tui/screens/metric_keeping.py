"""The half of the Metric place that keeps the text: opening, drafts, other programs' changes, saving."""

from __future__ import annotations

import asyncio
import time

from textual import work

from core.errors import CompilotError
from core.workspace import Workspace

from ..panes.metric.editor import EditorPane
from ..panes.metric.opening import (
    Opened,
    check_text,
    digest,
    is_stale,
    keep_typing,
    open_metric,
    read_again,
    save_metric,
    set_aside,
)
from ..panes.metric.versions import VersionsPane
from ..widgets.problem import Problem
from .metric_trials import MetricTrials

KEEP_SECONDS = 2.0
"""After a change, until what was typed is kept on disk."""


class MetricKeeping(MetricTrials):
    """What is typed is kept as a draft; nothing that was typed is ever dropped without being a version."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted_line: int | None = None
        """Where another place sent the person before the text was read."""
        self._kept_text = ""
        self._settling = False
        """Whether the file is looked at, or asked about: coming back from a question asks no other."""

    def on_mount(self) -> None:
        self._show_parts()
        self.set_interval(KEEP_SECONDS, self.keep_draft)
        self.open_text()

    @property
    def editor(self) -> EditorPane:
        return self.query_one(EditorPane)

    @property
    def text(self) -> str:
        return self.editor.text

    def go_to_wanted(self) -> None:
        """To the line that another place asked for, into the editor."""
        if self.wanted_line is not None:
            self.editor.code.go_to(self.wanted_line)
            self.editor.code.focus()
            self.wanted_line = None

    def show_wrong(self) -> None:
        """Show what reading the text finds."""
        raise NotImplementedError

    async def on_screen_resume(self) -> None:
        if self.opened is not None and not self._settling:
            self._settle_with_disk()

    def on_screen_suspend(self) -> None:
        self.keep_draft()

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        draft = self.session.draft
        if draft is None or not parts & {"config", "metric", "draft"}:
            return
        if self.opened is None or self.opened.spec != draft.metric:
            self.open_text()
        elif not self._settling:
            self._settle_with_disk()

    def unsaved_work(self) -> str | None:
        if self.opened is None or not self.editor.changed:
            return None
        self.keep_draft()
        return f"edits of {self.opened.name} (kept, and offered when you come back)"

    @work(exclusive=True, group="open")
    async def open_text(self) -> None:
        workspace, draft = self.session.workspace, self.session.draft
        if workspace is None or draft is None:
            self._fail(self.session.problem)
            return
        labels = tuple(draft.data.labels or ())
        try:
            opened = await asyncio.to_thread(open_metric, workspace, draft.metric, labels)
        except CompilotError as error:
            self._fail(error)
            return
        self.opened = opened
        self.query_one("#metric-problem", Problem).show(None)
        note = "comes with Compilot: i copies it into a file" if opened.builtin else ""
        self.editor.open(opened.name, opened.text, note, read_only=opened.builtin)
        self._kept_text = self.text
        self._opened_anew()
        # Where a line stands in the pane is known once the pane is laid out.
        if self.wanted_line is not None:
            self.call_after_refresh(self.go_to_wanted)
        elif opened.source is not None and opened.source.line:
            self.call_after_refresh(self.editor.code.go_to, opened.source.line)
        if opened.draft is not None:
            self._settling = True
            try:
                await self._offer_draft(workspace, opened)
            finally:
                self._settling = False

    def _fail(self, error: CompilotError | None) -> None:
        self.opened = None
        self.query_one("#metric-problem", Problem).show(error)
        self._show_parts()
        self.refresh_bindings()

    def _opened_anew(self) -> None:
        self.read = check_text(self.opened, self.text) if self.opened else []
        self.examined = []
        self.show_wrong()
        self.query_one(VersionsPane).show(self.opened.versions if self.opened else ())
        self._show_parts()
        self.refresh_bindings()

    def _show_parts(self) -> None:
        opened = self.opened is not None
        self.query_one("#metric-columns").display = opened
        self.query_one("#metric-empty").display = not opened and not self.query_one("#metric-problem").display

    async def _offer_draft(self, workspace: Workspace, opened: Opened) -> None:
        """An edit that was not saved: taken up, or kept as a version."""
        draft = opened.draft
        if draft is None:
            return
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(draft.saved))
        changed = (
            " The file was changed since." if opened.source and opened.source.digest != draft.digest else ""
        )
        if await self._ask_which(
            f"An edit of {opened.name} from {day} was not saved.{changed}", "Go on with it"
        ):
            self.editor.code.put_text(draft.text)
        else:
            await self._set_aside(workspace, draft.text, f"unsaved edit of {day}")

    async def _ask_which(self, question: str, mine: str) -> bool:
        """True for the edit, False for the file's text; the edit is then kept as a version."""
        from ..widgets.dialogs import Choose

        options = [(mine, True), ("Take the file's text; the edit becomes a version", False)]
        return bool(await self.app.push_screen_wait(Choose(question, options)))

    async def _set_aside(self, workspace: Workspace, text: str, note: str) -> None:
        if self.opened is None:
            return
        try:
            self.opened = await asyncio.to_thread(set_aside, workspace, self.opened, text, note)
        except CompilotError as error:
            self.compilot.say_error(error)
        self.query_one(VersionsPane).show(self.opened.versions)

    @work(exclusive=True, group="disk")
    async def _settle_with_disk(self) -> None:
        await self._settle()

    async def _settle(self) -> bool:
        """Another program's change of the file is read, or asked about; False where it stays unsettled."""
        if self._settling:
            return False
        self._settling = True
        try:
            return await self._read_change()
        finally:
            self._settling = False

    async def _read_change(self) -> bool:
        workspace, opened = self.session.workspace, self.opened
        if workspace is None or opened is None or not await asyncio.to_thread(is_stale, opened):
            return True
        try:
            again = await asyncio.to_thread(read_again, workspace, opened)
        except CompilotError as error:
            self.compilot.say_error(error)
            return False
        if again.gone:
            self.opened = again
            self.editor.lose_file()
            return True
        mine, edited = self.text, self.editor.changed
        if edited and mine != again.text:
            question = f"{opened.name} was changed by another program, and here too."
            if await self._ask_which(question, "Keep the text here; saving it replaces the file's"):
                self.opened = again
                self.editor.rebase(again.text, "")
                return False
            await self._set_aside(workspace, mine, "edit that gave way to the file's text")
            again = again._replace(versions=self.opened.versions if self.opened else ())
        self.opened = again
        self.editor.open(again.name, again.text, "read again from disk")
        self._kept_text = self.text
        self._opened_anew()
        return True

    @work(exclusive=True, group="save")
    async def action_save(self) -> None:
        workspace = self.session.workspace
        if workspace is None or self.opened is None or not await self._settle():
            return
        text = self.text
        # A draft that is still on its way to disk must not come after the save.
        for worker in [worker for worker in self.workers if worker.group == "draft"]:
            await worker.wait()
        score = self.score if self.examined_digest == digest(text) else None
        try:
            self.opened = await asyncio.to_thread(save_metric, workspace, self.opened, text, score)
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        self._kept_text = text
        self.editor.rebase(text, f"saved as version {self.opened.versions[0].number}")
        self.query_one(VersionsPane).show(self.opened.versions)
        self.session.note("metric")

    def keep_draft(self) -> None:
        """What was typed goes to disk, beside the workspace's state, when it has changed."""
        if self.opened is None or self.opened.builtin or self.text == self._kept_text:
            return
        self._kept_text = self.text
        self._write_draft(self.opened, self.text)

    @work(thread=True, exclusive=True, group="draft", exit_on_error=False)
    def _write_draft(self, opened: Opened, text: str) -> None:
        workspace = self.session.workspace
        if workspace is not None:
            try:
                keep_typing(workspace, opened, text)
            except CompilotError as error:
                self.app.call_from_thread(self.compilot.say_error, error)
