"""What the palette finds: commands of every place, runs, data files and candidates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode

from .key_table import show_key
from .registry import PLACES, Command, commands_of
from .text import clean
from .widgets.foreign import foreign

if TYPE_CHECKING:
    from .app import CompilotApp

_MOST_RUNS = 200


class Entry(NamedTuple):
    """A line of the palette."""

    text: str
    help: str
    do: Callable[[], Any]
    first: bool = False
    """Shown before anything is typed."""
    keys: str = ""

    @property
    def told(self) -> Content:
        return foreign(self.text) + Content.styled(f"  {self.keys}", "$text-muted")


class CompilotProvider(Provider):
    """Everything that can be done or opened, found by name."""

    async def startup(self) -> None:
        app = cast("CompilotApp", self.app)
        self._entries = list(_commands(app))
        self._entries += await asyncio.to_thread(_things, app)

    async def discover(self) -> Hits:
        for entry in self._entries:
            if entry.first:
                yield DiscoveryHit(entry.told, entry.do, text=entry.text, help=entry.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self._entries:
            score = matcher.match(entry.text)
            if score > 0:
                yield Hit(score, entry.told, entry.do, text=entry.text, help=entry.help)


def binds(pane: type, command: Command) -> bool:
    """Whether this kind of widget binds the command's key."""
    return any(getattr(binding, "id", None) == command.id for binding in getattr(pane, "BINDINGS", ()))


async def perform(app: CompilotApp, command: Command, place: str) -> None:
    """Do a command of any place, as its key would there."""
    if place not in ("app", app.place):
        await app.go(place)
    target: DOMNode = app if place == "app" else app.screen
    if command.pane:
        panes = [pane for pane in app.screen.query("*") if binds(type(pane), command)]
        if not panes:
            app.say(f"{command.label} does not work here now")
            return
        target = panes[0]
        panes[0].focus()
    if not await app.run_action(command.action, target):
        app.say(f"{command.label} does not work here now")


def _commands(app: CompilotApp) -> Iterator[Entry]:
    for place in (app.place, "app", *(name for name in PLACES if name != app.place)):
        title = PLACES.get(place, "App" if place == "app" else place.title())
        for command in commands_of(place):
            yield Entry(
                f"{title}: {command.label}",
                Content(command.help).markup,
                partial(perform, app, command, place),
                first=place in (app.place, "app"),
                keys=show_key(app.settings.keys.get(command.id, command.key)),
            )


def _things(app: CompilotApp) -> list[Entry]:
    """Runs, their candidates and the folder's data files; read in a thread."""
    from core.runs.folder import RunFolder
    from core.runs.listing import run_folders

    root = app.session.root
    found = []
    for folder in reversed(run_folders(root)[-_MOST_RUNS:]):
        found.append(Entry(f"Run {folder.name}", "Follow it.", partial(app.go, "runs", run=folder.name)))
        found.append(
            Entry(f"Results of {folder.name}", "What it found.", partial(app.go, "results", run=folder.name))
        )
        for path in sorted(RunFolder(folder).candidates.glob("*.json")):
            found.append(
                Entry(
                    f"Candidate {path.stem} of {folder.name}",
                    "Its prompt, parents and scores.",
                    partial(app.go, "results", run=folder.name, candidate=path.stem),
                )
            )
    for path in _data_files(root):
        name = clean(path.relative_to(root))
        found.append(Entry(f"Data file {name}", "Browse it.", partial(app.go, "data", file=path)))
    return found


def _data_files(root: Path) -> list[Path]:
    suffixes = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx"}
    return sorted(
        path
        for pattern in ("*", "*/*")
        for path in root.glob(pattern)
        if path.suffix in suffixes and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
