"""The profile pane: what is wrong with which rows, columns in numbers, label balance."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.data.profile import Finding
from core.data.survey import Survey
from core.errors import CompilotError
from core.wording import plural

from ...registry import bindings
from ...widgets.pane import LatePane
from ...widgets.problem import Problem
from .profile_text import describe_balance, describe_columns, describe_finding, summarize


class ProfilePane(LatePane):
    """Findings that lead to their rows, above the numbers they come from."""

    PANE = "profile"
    BINDINGS = bindings("data", pane="profile")

    class Chosen(Message):
        """A finding whose rows are to be seen."""

        def __init__(self, finding: Finding) -> None:
            self.finding = finding
            super().__init__()

    def __init__(self, id: str | None = None) -> None:
        super().__init__(title="Profile", id=id)
        self.survey: Survey | None = None
        self._state: str | Content = ""
        self._problem: CompilotError | None = None

    def compose_content(self) -> ComposeResult:
        yield Problem(id="trouble")
        yield Static("", id="state", markup=False)
        yield OptionList(id="findings", markup=False)
        with VerticalScroll(id="numbers"):
            yield Static("", id="figures", markup=False)

    def show_wait(self, text: str) -> None:
        """Say what is missing for a profile, or that it is being made."""
        self._state = text
        self.redraw()

    def show_problem(self, error: CompilotError | None) -> None:
        self._problem, self._state = error, ""
        self.redraw()

    def show_survey(self, survey: Survey) -> None:
        self.survey, self._state, self._problem = survey, summarize(survey.profile), None
        found = survey.profile.findings
        self.name_pane("Profile", plural(len(found), "finding") if found else "no findings")
        self.redraw()

    def draw(self) -> None:
        self.query_one("#trouble", Problem).show(self._problem)
        self.query_one("#state", Static).update(self._state)
        found = () if self.survey is None else self.survey.profile.findings
        findings = self.query_one("#findings", OptionList)
        kept = findings.highlighted
        findings.clear_options()
        findings.add_options(Option(describe_finding(finding)) for finding in found)
        findings.display = bool(found)
        if found:
            findings.highlighted = min(kept or 0, len(found) - 1)
        self._show_figures()

    def _show_figures(self) -> None:
        if self.survey is not None:
            profile = self.survey.profile
            width = max(self.content_size.width - 1, 20)
            blocks = [describe_columns(profile, width)]
            if profile.balance:
                blocks.append(describe_balance(profile, width))
            self.query_one("#figures", Static).update(Content("\n\n").join(blocks))

    def on_resize(self, event: events.Resize) -> None:
        self.redraw()

    async def focus_content(self) -> None:
        await self.fill()
        findings = self.query_one("#findings")
        (findings if findings.display else self.query_one("#numbers")).focus()

    @on(OptionList.OptionSelected, "#findings")
    def choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.survey is not None:
            self.post_message(self.Chosen(self.survey.profile.findings[event.option_index]))

    def action_finding_down(self) -> None:
        if self.query_one("#findings").has_focus:
            self.query_one("#findings", OptionList).action_cursor_down()
        else:
            self.query_one("#numbers", VerticalScroll).scroll_down(animate=False)

    def action_finding_up(self) -> None:
        if self.query_one("#findings").has_focus:
            self.query_one("#findings", OptionList).action_cursor_up()
        else:
            self.query_one("#numbers", VerticalScroll).scroll_up(animate=False)
