"""The first start: copy a sample, open a folder, or make a workspace from a program and its data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.errors import CompilotError
from core.samples import describe_samples
from core.workspace import Workspace

from ..widgets.dialogs import Ask
from ..widgets.foreign import foreign
from ..widgets.pane import Pane
from ..widgets.problem import Problem
from .base import Place


class WelcomeScreen(Place):
    """A list of ways to begin."""

    PLACE = "welcome"
    CSS_PATH = "welcome.tcss"

    def compose_body(self) -> ComposeResult:
        with Pane(title="Start", id="start"):
            yield Static(self._where(), id="where")
            yield OptionList(*self._options(), id="ways", markup=False)
            yield Problem()

    def on_mount(self) -> None:
        ways = self.query_one("#ways", OptionList)
        ways.highlighted = 0
        ways.focus()

    def action_down(self) -> None:
        self.query_one("#ways", OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one("#ways", OptionList).action_cursor_up()

    @on(OptionList.OptionSelected, "#ways")
    def begin(self, event: OptionList.OptionSelected) -> None:
        way = event.option.id or ""
        if way.startswith("sample-"):
            self._copy_sample(way.removeprefix("sample-"))
        elif way == "open":
            self._open_folder()
        else:
            self._make_workspace()

    def _where(self) -> Content:
        root = self.session.root
        told = (
            "is a workspace" if self.session.is_workspace else "is no workspace yet: it has no compilot.toml"
        )
        return foreign(root, "bold") + Content.styled(f" {told}.", "$text-muted")

    def _options(self) -> list[Option | None]:
        samples = [
            Option(
                Content.styled(f"{name:<12}", "bold") + foreign(text, "$text-muted"),
                id=f"sample-{name}",
            )
            for name, text in describe_samples().items()
        ]
        return [
            Option(
                Content("Make a workspace here, from the program and data found in this folder"), id="make"
            ),
            Option(Content("Open another folder"), id="open"),
            None,
            Option(
                Content.styled("or copy a sample workspace (embedded models, no key):", "$text-muted"),
                disabled=True,
            ),
            *samples,
        ]

    @work(exclusive=True, group="dialog")
    async def _copy_sample(self, name: str) -> None:
        start = self.session.root
        free = not start.exists() or not any(start.iterdir())
        proposed = start if free else start / name
        answer = await self.app.push_screen_wait(
            Ask(f"Copy the sample '{name}' into", str(proposed), "The folder is made when it is missing.")
        )
        if answer:
            await self._enter(lambda: Workspace.init_sample(name, Path(answer).expanduser()))

    @work(exclusive=True, group="dialog")
    async def _open_folder(self) -> None:
        answer = await self.app.push_screen_wait(
            Ask("Open the folder", str(self.session.root), check=_check_folder)
        )
        if answer:
            await self.compilot.open_workspace(Path(answer).expanduser().resolve())
            if not self.session.is_workspace:
                self.query_one("#where", Static).update(self._where())

    @work(exclusive=True, group="dialog")
    async def _make_workspace(self) -> None:
        from core.discover import discover

        root = self.session.root
        found = await asyncio.to_thread(discover, root)
        program = await self.app.push_screen_wait(
            Ask(
                "The program",
                found.programs[0].target if found.programs else "question -> answer",
                "file.py:Name, package.module:Name, or a signature like: question -> answer",
            )
        )
        if not program:
            return
        data = await self.app.push_screen_wait(
            Ask(
                "The data file",
                found.data[0].path if found.data else "",
                "csv, tsv, json, jsonl, parquet or arrow; as seen from the folder",
            )
        )
        if data:
            await self._enter(lambda: Workspace.init(root, program=program, data=data))

    async def _enter(self, make: Callable[[], Workspace]) -> None:
        """Make the workspace and open it, or show why not."""
        try:
            workspace = await asyncio.to_thread(make)
        except CompilotError as error:
            self.query_one(Problem).show(error)
            return
        await self.compilot.open_workspace(workspace.root)


def _check_folder(text: str) -> str | None:
    return None if Path(text).expanduser().is_dir() else "there is no such folder"
