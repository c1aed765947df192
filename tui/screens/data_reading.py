"""How the Data place opens files, reads all their rows, and saves what was decided about them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial

from textual import on, work

from core.data.freeze import forget_frozen
from core.data.overlay import Overlay
from core.data.paging.table import PagedTable
from core.data.survey import Survey, SurveyJob, run_survey
from core.errors import CompilotError, DataError
from core.recipe import DataSpec
from core.workspace import Workspace

from ..panes.data.columns import ColumnsPane
from ..panes.data.files import Target, changed_fields, own_target
from ..panes.data.marks import RowMarks
from ..panes.data.opening import open_apart
from ..panes.data.profile import ProfilePane
from ..panes.data.split import SplitPane
from ..widgets.dialogs import Confirm
from ..widgets.rows import Line
from .data_edits import RowEditing

_INDEX_SECONDS = 0.2


class DataReading(RowEditing):
    """The file that is open, what is known of all its rows, and its roles and split."""

    def __init__(self) -> None:
        super().__init__()
        self.target: Target | None = None
        self.survey: Survey | None = None
        self._table: PagedTable | None = None
        self._overlay = Overlay()
        self._stamp: object = None
        self._cancel = threading.Event()
        self._cancel_preview = threading.Event()
        self._mounted = asyncio.Event()

    def on_compose(self) -> None:
        """Reading begins while the panes are being made."""
        self.open_own()

    def on_mount(self) -> None:
        self._mounted.set()

    def on_unmount(self) -> None:
        self._cancel.set()
        self._cancel_preview.set()
        if self._table is not None:
            self._table.close()

    @property
    def editable(self) -> tuple[Workspace, PagedTable] | None:
        workspace, target, table = self.session.workspace, self.target, self._table
        if workspace is None or table is None or target is None or target.spec is None:
            return None
        return workspace, table

    def classes_of(self, column: str) -> list[str]:
        return [] if self.survey is None else list(self.survey.profile.balance.get(column, ()))

    def open_own(self) -> None:
        """Open the workspace's data, or see what changed about it."""
        self.open_target(None)

    def _find_own(self) -> Target:
        if self.session.workspace is None:
            raise self.session.problem or DataError("no workspace is open", where=str(self.session.root))
        return own_target(self.session.workspace, None if self.target is None else self.target.text)

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        if parts & {"config", "data", "split"}:
            if self.target is None or self.target.spec is not None:
                self.open_own()
            else:
                self.open_target(self.target)

    @work(exclusive=True, group="open")
    async def open_target(self, target: Target | None) -> None:
        """Open a file, or the workspace's own; where it is open already, see what of it changed."""
        known = None if self._table is None else self._stamp
        try:
            target = target or self._find_own()
            opened = await open_apart(target, known, trusted=self.session.trusted, panes=self._mounted)
            if opened.needs_trust:
                if not await self.compilot.trusted():
                    raise DataError(
                        "this data is made by the folder's code, which may not run",
                        where=target.text,
                        fix="ctrl+r asks again",
                    )
                opened = await open_apart(target, known, trusted=True, panes=self._mounted)
        except CompilotError as error:
            await self._mounted.wait()
            self.table_pane.show_problem(error)
            return
        if opened.table is not None:
            self._close()
            self._table, self._stamp = opened.table, opened.stamp
        self.target, self._overlay = target, opened.overlay
        self.table_pane.show_problem(None)
        self.show_data(opened.lines)
        self._survey(opened.large)
        if opened.table is not None:
            # Once the first rows are on screen: what indexing loads would keep them waiting.
            self.set_timer(_INDEX_SECONDS, partial(self._start_index, opened.table))

    def _start_index(self, table: PagedTable) -> None:
        if table is self._table:
            try:
                table.start_index()
            except OSError as error:
                what = f"the file cannot be indexed: {error.strerror or error}"
                self.table_pane.show_problem(DataError(what, where=str(error.filename or "")))

    def _close(self) -> None:
        self.table_pane.close_table()
        if self._table is not None:
            self._table.close()
        self.survey, self.steps = None, []

    def show_data(self, lines: Sequence[Line] = ()) -> None:
        """Show what is known now: rows (the first `lines` at once), marks, roles, split."""
        target, table = self.target, self._table
        if target is None or table is None:
            return
        columns = self.query_one(ColumnsPane)
        columns.show_columns(target.spec, table.state.columns)
        marks = RowMarks(table, target.text, self.survey, self._overlay)
        if self.table_pane.source is None:
            self.table_pane.open_table(target.text, table, columns.roles, marks, lines)
        else:
            self.table_pane.set_marks(columns.roles, marks)
        self.query_one(SplitPane).show_spec(
            target.spec, [] if self.survey is None else list(self.survey.profile.balance)
        )
        self.refresh_bindings()

    @on(ColumnsPane.Changed)
    def show_roles(self, event: ColumnsPane.Changed) -> None:
        if self._table is not None and self.target is not None:
            marks = RowMarks(self._table, self.target.text, self.survey, self._overlay)
            self.table_pane.set_marks(event.roles, marks)

    # All rows: profile and split

    def action_survey(self) -> None:
        self._survey(False)

    @work(exclusive=True, group="survey")
    async def _survey(self, only_small: bool) -> None:
        """Profile the data and place its rows; with `only_small`, say how to ask for it instead."""
        self._cancel.set()
        cancel = self._cancel = threading.Event()
        target, profile, split = self.target, self.query_one(ProfilePane), self.query_one(SplitPane)
        if target is None:
            return
        if only_small:
            profile.show_wait("Large data: press r to read and profile all rows.")
            split.show_wait("Large data: press r to see what each part holds.")
            return
        profile.show_wait("Reading all rows …" if self.survey is None else "Reading all rows again …")
        split.show_wait("Reading all rows …")
        try:
            survey = await asyncio.to_thread(run_survey, target.survey_job, cancel)
        except CompilotError as error:
            profile.show_problem(error)
            split.show_problem(error)
            return
        if survey is not None and target == self.target:
            self.survey = survey
            profile.show_survey(survey)
            self.show_data()
            split.show_survey(survey, target.spec)
            self.refresh_bindings()

    @on(SplitPane.Wanted)
    def preview_split(self, event: SplitPane.Wanted) -> None:
        self._preview(event.spec)

    @work(exclusive=True, group="preview")
    async def _preview(self, spec: DataSpec) -> None:
        self._cancel_preview.set()
        cancel = self._cancel_preview = threading.Event()
        if self.target is None:
            return
        job = self.target._replace(spec=spec).survey_job
        try:
            survey = await asyncio.to_thread(run_survey, job, cancel)
        except CompilotError as error:
            self.query_one(SplitPane).show_problem(error)
        else:
            self.query_one(SplitPane).show_survey(survey, spec)

    # Saving

    @on(ColumnsPane.Saved)
    def save_roles(self, event: ColumnsPane.Saved) -> None:
        self._save(event.spec, self.query_one(ColumnsPane))

    @on(SplitPane.Saved)
    def save_split(self, event: SplitPane.Saved) -> None:
        self._save(event.spec, self.query_one(SplitPane), freeze=True)

    @work(exclusive=True, group="save")
    async def _save(self, spec: DataSpec, pane: ColumnsPane | SplitPane, freeze: bool = False) -> None:
        workspace, target = self.session.workspace, self.target
        if workspace is None or target is None or target.spec is None:
            return
        changes = changed_fields(target.spec, spec)
        try:
            workspace.prepare()
            if changes:
                await asyncio.to_thread(self.session.write_config, {"data": changes})
            if freeze:
                await self._freeze(target._replace(spec=spec))
        except CompilotError as error:
            pane.show_problem(error)
            return
        self.session.reload()
        self.compilot.say("split saved and frozen" if freeze else "roles saved in compilot.toml")

    async def _freeze(self, target: Target) -> None:
        job = target.survey_job
        freezing = SurveyJob(root=job.root, spec=job.spec, state_dir=job.state_dir, freeze=True)
        await asyncio.to_thread(run_survey, freezing)

    @on(SplitPane.Forgotten)
    def ask_to_forget(self) -> None:
        self._forget()

    @work(exclusive=True, group="dialog")
    async def _forget(self) -> None:
        workspace, target = self.session.workspace, self.target
        if workspace is None or target is None or target.spec is None:
            return
        detail = "Rows may change parts: scores before and after are not of the same rows."
        ask = Confirm("Forget the frozen split and make it anew?", detail, yes="Forget", danger=True)
        if not await self.app.push_screen_wait(ask):
            return
        try:
            await asyncio.to_thread(partial(forget_frozen, target.spec, workspace.state_dir))
        except OSError as error:
            self.query_one(SplitPane).show_problem(
                DataError(f"the split cannot be forgotten: {error.strerror}", where=str(workspace.state_dir))
            )
            return
        self.session.note("split", "data")
