"""What the Results place makes: a verified export, a score on test, a report. Each says how long it takes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from textual import work
from textual.content import Content

from core.errors import CompilotError
from core.wording import plural

from ...screens.base import Place
from ...widgets.dialogs import Ask, Confirm
from ...widgets.views import Views
from .loading import RunView, is_code
from .summary import describe_exported, describe_tested

T = TypeVar("T")


class ResultWriting(Place):
    """Subclasses show what was written: `tell`, `show_summary`, `name_views`."""

    def __init__(self) -> None:
        super().__init__()
        self.view: RunView | None = None
        self.candidate = ""
        self.busy = ""
        """What is being made, with its seconds; empty when nothing is."""
        self.told: dict[tuple[Path, str], dict[str, Content]] = {}
        """What exports and scorings of a candidate came to, the latest of each."""
        self._since: tuple[str, float] | None = None
        self._cancel: threading.Event | None = None

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)

    @property
    def cancellable(self) -> bool:
        """Whether something is being made that can be cancelled."""
        return self._cancel is not None

    def action_cancel(self) -> None:
        if self._cancel is not None:
            self._cancel.set()

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

        def export(cancel: threading.Event) -> dict[str, Any]:
            from core.results.export import export_run

            return export_run(view.path, destination, candidate=candidate, cancel=cancel)

        manifest = await self._make("exporting and verifying", export)
        if manifest is not None:
            self._tell_in_summary(view, candidate, "exported", describe_exported(manifest))
            self.compilot.say("exported and verified")

    @work(group="writing")
    async def action_score(self) -> None:
        view, candidate = self.view, self.candidate
        if view is None or not candidate or self.busy:
            return
        size = view.state.sizes.get("test")
        runs = plural(size, "program run") if size else "A program run for each test row"
        question = Confirm(
            f"Score {candidate} on test?",
            f"{runs}; what the run asked already is not paid again. A split that is looked at again and "
            "again is no longer held out.",
            yes="Score",
        )
        if not await self.app.push_screen_wait(question) or not await self.compilot.trusted():
            return

        def score(cancel: threading.Event) -> dict[str, Any]:
            from core.results.evaluate import evaluate_run

            return evaluate_run(view.path, candidate=candidate, cancel=cancel)

        result = await self._make("scoring on test", score)
        if result is not None:
            self._tell_in_summary(view, candidate, "tested", describe_tested(result))

    def _tell_in_summary(self, view: RunView, candidate: str, what: str, told: Content) -> None:
        self.told.setdefault((view.path, candidate), {})[what] = told
        self.show_summary()
        self.query_one(Views).go("view-summary")

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

    async def _make(self, what: str, call: Callable[[threading.Event], T]) -> T | None:
        """As `_write`, for what a child process makes; None also where a person cancelled it."""
        cancel = self._cancel = threading.Event()
        try:
            return await self._write(what, lambda: call(cancel))
        finally:
            # A thread that still waits for its child would keep the app from ending.
            cancel.set()

    async def _write(self, what: str, call: Callable[[], T]) -> T | None:
        """What the call gives, from a thread; None where it failed, which is shown."""
        self._since = what, time.monotonic()
        self._tick()
        self.tell(None)
        self.refresh_bindings()
        try:
            return await asyncio.to_thread(call)
        except CompilotError as error:
            if self._cancel is None or not self._cancel.is_set():
                self.tell(error)
            return None
        finally:
            self._since, self._cancel, self.busy = None, None, ""
            self.name_views()
            self.refresh_bindings()

    def _tick(self) -> None:
        if self._since is not None:
            what, since = self._since
            cancels = ", x cancels" if self.cancellable else ""
            self.busy = f"{what}… {time.monotonic() - since:.0f} s{cancels}"
            self.name_views()

    def tell(self, error: CompilotError | None) -> None:
        """Show an error, or none."""

    def show_summary(self) -> None:
        """Show what was made."""

    def name_views(self) -> None:
        """Show what is being made."""


def _check_name(text: str) -> str | None:
    return None if text.strip() else "it needs a name"
