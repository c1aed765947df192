"""What is wrong with the metric: from reading its text at once, from the doctor after a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from core.errors import CompilotError
from core.findings import Finding, sort_findings

from ...widgets.foreign import foreign, foreign_lines
from ...widgets.reading import Entries
from .judged import find_line

_STYLES = {
    "fail": "bold $text-error",
    "warn": "$text-warning",
    "info": "$text-muted",
    "pass": "$text-success",
}
_INDENT = "      "


def finding_of(error: CompilotError) -> Finding:
    """An error of the metric's own code, as one thing to mend."""
    return Finding("fail", "metric.cannot_load", error.what, error.where, error.fix)


def merge_findings(read: Sequence[Finding], examined: Sequence[Finding]) -> list[Finding]:
    """Of both, the worst first; what reading the text found stands for the same place once."""
    known = {(finding.code, finding.where) for finding in read}
    return sort_findings([*read, *(one for one in examined if (one.code, one.where) not in known)])


def describe_finding(finding: Finding, path: Path | None) -> Content:
    """Level, line and words; under it how to mend it and the rows that show it."""
    line = find_line(finding.where, path)
    head = Content.styled(f"{finding.level:<4}  ", _STYLES[finding.level])
    if line is not None:
        head += Content.styled(f"line {line}  ", "bold")
    parts = [head + foreign(finding.what)]
    if finding.where and line is None:
        parts.append(foreign(f"{_INDENT}{finding.where}", "$text-muted"))
    if finding.fix:
        parts.append(Content.styled(f"{_INDENT}fix  ", "$text-muted") + foreign(finding.fix))
    for evidence in finding.evidence[:2]:
        told = [f"row {evidence.row}"]
        told += [f"score {evidence.score:g}"] if evidence.score is not None else []
        told += [
            text
            for text in (evidence.detail, f"expected {evidence.expected}" * bool(evidence.expected))
            if text
        ]
        parts.append(foreign(f"{_INDENT}{'  '.join(told)}"[:300], "$text-muted"))
    return Content("\n").join(parts)


class FindingsPane(Vertical):
    """The list; enter jumps to the line."""

    class Chosen(Message):
        def __init__(self, finding: Finding) -> None:
            self.finding = finding
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="findings")
        self.findings: list[Finding] = []
        self._path: Path | None = None
        self._note = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="findings-note", markup=False)
        yield Entries(id="findings-list")

    def show(self, findings: list[Finding], path: Path | None, note: str) -> None:
        """Other findings; nothing is sent when they are the same ones."""
        if (findings, path, note) == (self.findings, self._path, self._note):
            return
        entries = self.query_one(Entries)
        here = entries.highlighted or 0
        self.findings, self._path, self._note = findings, path, note
        self.query_one("#findings-note", Static).update(foreign_lines(note))
        entries.show([describe_finding(finding, path) for finding in findings], here)
        entries.display = bool(findings)

    def step(self, by: int) -> Finding | None:
        """The next finding that has a line in this file, around the end."""
        entries = self.query_one(Entries)
        placed = [n for n, one in enumerate(self.findings) if find_line(one.where, self._path) is not None]
        if not placed:
            return None
        here = -1 if entries.highlighted is None else entries.highlighted
        if here in placed:
            chosen = placed[(placed.index(here) + by) % len(placed)]
        else:
            chosen = next((n for n in placed if n > here), placed[0]) if by > 0 else placed[-1]
        entries.highlighted = chosen
        return self.findings[chosen]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self.findings[event.option_index]))
