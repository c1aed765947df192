"""Versions of the metric: when, what they scored, and how each differs from the text in the editor."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from core.metrics.versions import MetricVersion

from ...registry import bindings
from ...text import percent
from ...widgets.empty import Empty
from ...widgets.foreign import foreign
from ...widgets.reading import Entries, Reading

_STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-primary"}


def describe_version(version: MetricVersion, now: str) -> Content:
    """Its number, time, score and note on one line."""
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.saved))
    line = Content.styled(f"{version.number:>3}  ", "bold") + Content(day)
    if version.score is not None:
        line += Content(f"  {percent(version.score)}")
    if version.text == now:
        line += Content.styled("  in the editor", "$text-success")
    return line + foreign(f"  {version.note}", "$text-muted") if version.note else line


def describe_difference(version: MetricVersion, now: str) -> Content:
    """What this version would change in the editor's text, as a unified diff."""
    lines = list(
        difflib.unified_diff(
            now.splitlines(),
            version.text.splitlines(),
            "editor",
            f"version {version.number}",
            lineterm="",
            n=2,
        )
    )
    if not lines:
        return Content("The editor holds this version.")
    return Content("\n").join([foreign(line, _STYLES.get(line[:1], "$text-muted")) for line in lines])


class VersionList(Entries):
    """Enter restores."""

    PANE = "versions"
    BINDINGS = bindings("metric", pane="versions")

    class RestoreAsked(Message):
        def __init__(self, place: int) -> None:
            self.place = place
            super().__init__()

    def action_restore(self) -> None:
        if self.highlighted is not None:
            self.post_message(self.RestoreAsked(self.highlighted))


class VersionsPane(Vertical):
    """The list, newest first, with the difference below."""

    class Chosen(Message):
        """Put this version into the editor."""

        def __init__(self, version: MetricVersion) -> None:
            self.version = version
            super().__init__()

    def __init__(self, now: Callable[[], str]) -> None:
        super().__init__(id="versions")
        self.versions: Sequence[MetricVersion] = ()
        self._now = now

    def compose(self) -> ComposeResult:
        yield Empty("No versions yet.", "Each ctrl+s keeps one.", id="versions-empty")
        yield VersionList(id="versions-list")
        yield Reading(id="versions-difference")

    def show(self, versions: Sequence[MetricVersion]) -> None:
        """Other versions, or the same ones beside another text."""
        self.versions = versions
        now = self._now()
        entries = self.query_one(VersionList)
        here = entries.highlighted or 0
        entries.show([describe_version(version, now) for version in versions], here)
        self.query_one("#versions-empty").display = not versions
        entries.display = self.query_one(Reading).display = bool(versions)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_index < len(self.versions):
            version = self.versions[event.option_index]
            self.query_one(Reading).show(describe_difference(version, self._now()))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self.versions[event.option_index]))

    def on_version_list_restore_asked(self, message: VersionList.RestoreAsked) -> None:
        message.stop()
        self.post_message(self.Chosen(self.versions[message.place]))
