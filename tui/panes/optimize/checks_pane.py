"""Everything a run needs, checked: what passes, what is doubtful, what has to be mended and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from core.errors import CompilotError
from core.findings import Level
from core.workbench.preflight import Check

from ...registry import PLACES
from ...widgets.foreign import foreign
from ...widgets.pane import Pane
from ...widgets.problem import Problem

_MARKS: dict[Level, tuple[str, str]] = {
    "pass": ("✓", "$text-success"),
    "info": ("·", "$text-muted"),
    "warn": ("!", "$text-warning"),
    "fail": ("✗", "$text-error"),
}


class ChecksPane(Pane):
    """The checks, and the button that starts the run."""

    DEFAULT_CSS = """
    ChecksPane {
        VerticalScroll { height: 1fr; }
        #checks { height: auto; }
        Button { width: 1fr; height: 1; min-width: 10; border: none; }
    }
    """

    @dataclass
    class Launch(Message):
        """The button was pressed."""

    def __init__(self) -> None:
        super().__init__(title="Checks", id="ready", classes="page-launch")
        self._checks: list[Check] = []
        self._note = ""

    def compose(self) -> ComposeResult:
        yield Problem(id="check-problem")
        with VerticalScroll():
            yield Static(id="checks", markup=False)
        yield Button("Launch (L)", id="launch", variant="primary", compact=True)

    def show_checks(self, checks: Sequence[Check], note: str = "") -> None:
        """The worst first; `note` stands above, e.g. that they are not up to date."""
        self.name_pane("Checks", describe_state(checks))
        self.query_one(Problem).show(None)
        self._checks, self._note = sort_checks(checks), note
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = max(30, self.query_one(VerticalScroll).size.width - 1)
        lines = [foreign(self._note, "$text-muted")] if self._note else []
        lines += [describe_check(check, width) for check in self._checks]
        text = Content("\n").join(lines)
        shown = self.query_one("#checks", Static)
        if shown.content != text:
            shown.update(text)

    def show_problem(self, error: CompilotError) -> None:
        self.query_one(Problem).show(error)

    @on(Button.Pressed)
    def _launch(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Launch())


def sort_checks(checks: Sequence[Check]) -> list[Check]:
    """The worst first, in the order of the work among equals."""
    order: list[Level] = ["fail", "warn", "pass", "info"]
    return sorted(checks, key=lambda check: order.index(check.status))


def describe_state(checks: Sequence[Check]) -> str:
    failed = sum(check.status == "fail" for check in checks)
    doubtful = sum(check.status == "warn" for check in checks)
    if failed:
        return f"{failed} to mend"
    return f"{doubtful} doubtful" if doubtful else "ready" if checks else ""


def describe_check(check: Check, width: int) -> Content:
    """Mark, name, what was found; below it how to mend what does not pass, with the place's key.

    What passes takes one line of this width.
    """
    mark, style = _MARKS[check.status]
    quiet = check.status in ("pass", "info")
    line = (
        Content.styled(f"{mark} ", style)
        + foreign(f"{check.name:<17}", "$text-muted" if quiet else "")
        + foreign(check.detail if quiet else describe_failure(check), "$text-muted" if quiet else "")
    )
    if quiet:
        return line.truncate(width, ellipsis=True)
    if not check.fix:
        return line
    place = mending_place(check)
    key = f" ({list(PLACES).index(place) + 1})" if place else ""
    return line + Content("\n") + Content.styled("  → ", style) + foreign(check.fix + key)


def describe_failure(check: Check) -> str:
    """What was found, and where, unless that was said."""
    told = not check.where or check.where in check.detail
    return check.detail if told else f"{check.detail} ({check.where})"


def mending_place(check: Check) -> str | None:
    """The place where the check can be mended; None where it cannot be in the app."""
    if check.name in ("program", "data", "metric"):
        return check.name
    return "optimize" if check.name == "optimizer" else None
