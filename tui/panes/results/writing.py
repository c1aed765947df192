"""What the Results place writes: an export that is verified, a report. Both take a while, and say so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from textual import work
from textual.content import Content

from core.errors import CompilotError

from ...screens.base import Place
from ...widgets.dialogs import Ask
from ...widgets.views import Views
from .loading import RunView, is_code
from .summary import describe_exported

T = TypeVar("T")


class ResultWriting(Place):
    """Subclasses show what was written: `tell`, `show_summary`, `name_views`."""

    def __init__(self) -> None:
        super().__init__()
        self.view: RunView | None = None
        self.candidate = ""
        self.busy = ""
        """What is being written, with its seconds; empty when nothing is."""
        self.exported: dict[tuple[Path, str], Content] = {}
        self._since: tuple[str, float] | None = None

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)

    @work(group="writing")
    async def action_export(self) -> None:
        view, candidate = self.view, self.candidate
        if view is None or not candidate or self.busy:
            return
        chosen = await self.app.push_screen_wait(
            Ask(
                f"Export {candidate} into which folder?",
                str(Path("exports") / f"{view.path.name}-{candidate}"),
                "It is loaded again in a fresh process and scored before this says that it is done.",
                check=_check_name,
            )
        )
        if chosen is None or not await self.compilot.trusted():
            return
        destination = self.session.root / Path(chosen.strip()).expanduser()

        def export() -> dict[str, Any]:
            from core.results.export import export_run

            return export_run(view.path, destination, candidate=candidate)

        manifest = await self._write("exporting and verifying", export)
        if manifest is not None:
            self.exported[view.path, candidate] = describe_exported(manifest)
            self.show_summary()
            self.query_one(Views).go("view-summary")
            self.compilot.say("exported and verified")

    @work(group="writing")
    async def action_report(self) -> None:
        view = self.view
        if view is None or self.busy:
            return
        chosen = await self.app.push_screen_wait(
            Ask(
                "Write the report into which file?",
                str(Path("reports") / f"{view.path.name}.md"),
                "Markdown; a name that ends in .json gets JSON.",
                check=_check_name,
            )
        )
        if chosen is None or (is_code(view.recipe.data) and not await self.compilot.trusted()):
            return
        destination = self.session.root / Path(chosen.strip()).expanduser()

        def write() -> Path:
            from core.results.report import write_report

            return write_report(view.path, destination)

        written = await self._write("writing the report", write)
        if written is not None:
            self.compilot.say(f"written to {written}")

    async def _write(self, what: str, call: Callable[[], T]) -> T | None:
        """What the call gives, from a thread; None where it failed, which is shown."""
        self._since = what, time.monotonic()
        self._tick()
        self.tell(None)
        try:
            return await asyncio.to_thread(call)
        except CompilotError as error:
            self.tell(error)
            return None
        finally:
            self._since, self.busy = None, ""
            self.name_views()
            self.refresh_bindings()

    def _tick(self) -> None:
        if self._since is not None:
            what, since = self._since
            self.busy = f"{what}… {time.monotonic() - since:.0f} s"
            self.name_views()

    def tell(self, error: CompilotError | None) -> None:
        """Show an error, or none."""

    def show_summary(self) -> None:
        """Show what was exported."""

    def name_views(self) -> None:
        """Show what is being written."""


def _check_name(text: str) -> str | None:
    return None if text.strip() else "it needs a name"
