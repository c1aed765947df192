"""The split pane: sizes and classes of train, val and test, as they would be, live."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from core.data.load import plan_parts
from core.data.survey import Survey
from core.errors import CompilotError, DataError
from core.recipe import DataSpec

from ...registry import bindings
from ...text import clean
from ...widgets.pane import LatePane
from ...widgets.problem import Problem
from ...widgets.text_field import TextField
from .profile_text import describe_finding, describe_split
from .shares import PARTS, read_split, write_split

_WAIT_SECONDS = 0.25
_ABOUT_SPLIT = (
    "leak",
    "near_leak",
    "group_straddles",
    "class_missing",
    "rare_class",
    "small",
    "large_val",
    "advice",
)


class SplitPane(LatePane):
    """Fields for the split and, under them, what it comes to."""

    PANE = "split"
    BINDINGS = bindings("data", pane="split")

    class Wanted(Message):
        """What this split would hold is wanted."""

        def __init__(self, spec: DataSpec) -> None:
            self.spec = spec
            super().__init__()

    class Saved(Message):
        """This split is to be written and frozen."""

        def __init__(self, spec: DataSpec) -> None:
            self.spec = spec
            super().__init__()

    class Forgotten(Message):
        """The frozen split is to be made anew."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Split", id=id)
        self.saved: DataSpec | None = None
        self.draft: DataSpec | None = None
        self.survey: Survey | None = None
        self._strata: list[str] = []
        self._fields_stale = True
        self._wait = ""
        self._problem: CompilotError | None = None
        self._timer: Timer | None = None

    def compose_content(self) -> ComposeResult:
        with Horizontal(id="shares"):
            for name in (*PARTS, "seed"):
                yield Label(name)
                yield TextField(id=name, compact=True)
        with Horizontal(id="strata"):
            yield Label("stratify by")
            yield TextField(id="stratify", compact=True, placeholder="columns, with commas between")
        yield Problem(id="trouble")
        with VerticalScroll(id="result"):
            yield Static("", id="figures", markup=False)

    @property
    def unsaved(self) -> bool:
        return self.draft is not None and self.draft != self.saved

    def show_spec(self, spec: DataSpec | None, classes: list[str]) -> None:
        """Show the split of a data section; `classes` are the columns worth stratifying by."""
        if spec != self.saved:
            self.draft, self.survey, self._fields_stale = spec, None, True
        self.saved, self._strata = spec, classes
        if spec is None:
            self._wait = "Only the workspace's own data is split."
        self._tell_state()

    def show_survey(self, survey: Survey | None, spec: DataSpec | None) -> None:
        """What the split of `spec` holds; ignored when another one is wanted by now."""
        if survey is None or spec is None or spec != self.draft:
            return
        self.survey, self._problem = survey, None
        self._tell_state()

    def draw(self) -> None:
        self.query_one("#trouble", Problem).show(self._problem)
        self.query_one("#shares").display = self.query_one("#strata").display = self.is_made
        self.query_one("#stratify", Input).suggester = SuggestFromList(self._strata)
        if self._fields_stale and self.draft is not None:
            self._fields_stale = False
            for name, text in write_split(self.draft).items():
                field = self.query_one(f"#{name}", Input)
                with field.prevent(Input.Changed):
                    field.value = text
        told = (
            Content.styled(self._wait, "$text-muted") if self.survey is None else self._figures(self.survey)
        )
        self.query_one("#figures", Static).update(told)

    def _figures(self, survey: Survey) -> Content:
        width = max(self.content_size.width - 1, 20)
        blocks = [describe_split(survey.profile, width)]
        findings = [finding for finding in survey.profile.findings if finding.kind in _ABOUT_SPLIT]
        if findings:
            blocks.append(Content("\n").join(map(describe_finding, findings)))
        if survey.notes:
            blocks.append(Content("\n").join(Content.styled(clean(n), "$text-muted") for n in survey.notes))
        return Content("\n\n").join(blocks)

    def on_resize(self, event: events.Resize) -> None:
        self.redraw()

    def show_problem(self, error: CompilotError | None) -> None:
        self._problem = error
        self.redraw()

    def show_wait(self, text: str) -> None:
        self._wait = text
        self.redraw()

    async def focus_content(self) -> None:
        await self.fill()
        shown = self.query_one("#shares").display
        self.query_one("#train" if shown else "#result").focus()

    @property
    def is_made(self) -> bool:
        """Whether there is anything to split: the parts may be files of their own."""
        try:
            return self.saved is not None and bool(plan_parts(self.saved)[1])
        except DataError:
            # The survey tells what is wrong with the section.
            return False

    def _tell_state(self) -> None:
        if self.unsaved:
            state = "unsaved, ctrl+s saves and freezes"
        elif self.survey is None:
            state = ""
        elif not self.is_made:
            state = "the parts are files of their own"
        elif self.survey.frozen:
            state = f"frozen · {self.survey.split}"
        else:
            state = "not frozen yet, ctrl+s freezes"
        self.name_pane("Split", state)
        self.redraw()

    @on(Input.Changed)
    def read_fields(self, event: Input.Changed) -> None:
        event.stop()
        if self.saved is None:
            return
        typed = {name: self.query_one(f"#{name}", Input).value for name in (*PARTS, "seed", "stratify")}
        try:
            self.draft = read_split(self.saved, typed)
        except DataError as error:
            self.show_problem(error)
            return
        self._problem = None
        self._tell_state()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_WAIT_SECONDS, self._want)

    def _want(self) -> None:
        if self.draft is not None:
            self.post_message(self.Wanted(self.draft))

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "save_split":
            done = self.survey is not None and self.survey.frozen and not self.unsaved
            return None if not self.is_made or done else True
        if action == "forget_split":
            return True if self.survey is not None and self.survey.frozen else None
        return None if action == "drop_split" and not self.unsaved else True

    def action_save_split(self) -> None:
        if self._problem is not None:
            self.app.bell()
        elif self.draft is not None:
            self.post_message(self.Saved(self.draft))

    def action_forget_split(self) -> None:
        self.post_message(self.Forgotten())

    def action_drop_split(self) -> None:
        spec, self.saved = self.saved, None
        self.show_spec(spec, [])
        self.show_problem(None)
        self._want()
