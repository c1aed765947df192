"""What a person can do to a run. Everything slow is done in a thread; what goes wrong is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import work

from core.errors import CompilotError
from core.recipe import Budget
from core.runs import control
from core.runs.folder import RunFolder
from core.runs.launch import resume_run
from core.runs.limits import caps_of, read_limits, set_limits
from core.runs.process import is_alive
from core.runs.reduce import FINAL
from core.runs.removal import remove_run

from ...screens.base import Place
from ...widgets.dialogs import Confirm
from .limits import AskLimits

WORKS_IN: dict[str, frozenset[str]] = {
    "pause": frozenset({"running"}),
    "resume": frozenset({"paused", "stopped", "failed", "killed", "dead"}),
    "stop": frozenset({"pending", "running", "paused"}),
    "kill": frozenset({"pending", "running", "paused", "stopping"}),
    "limits": frozenset({"running", "paused", "stopped", "failed", "killed", "dead"}),
    "remove": FINAL | {"damaged"},
}
"""Action → statuses of a run in which it makes sense."""
_NEEDS_RUN = ("results", "folder")


class RunActions(Place):
    """The commands about the chosen run; the screen says which that is."""

    @property
    def chosen_path(self) -> Path | None:
        """The folder of the chosen run."""
        raise NotImplementedError

    @property
    def chosen_status(self) -> str:
        raise NotImplementedError

    @property
    def chosen_problem(self) -> tuple[str, str]:
        """Why it ended, and what mends it."""
        raise NotImplementedError

    def runs_changed(self) -> None:
        """Look at all runs again, now."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in WORKS_IN:
            return self.chosen_path is not None and self.chosen_status in WORKS_IN[action]
        if action in _NEEDS_RUN:
            return self.chosen_path is not None
        return super().check_action(action, parameters)

    def copied_text(self) -> str | None:
        return self.chosen_path.name if self.chosen_path is not None else None

    def action_pause(self) -> None:
        if self.chosen_path is not None:
            self._do(control.pause, self.chosen_path, said="pausing: calls in flight finish")

    def action_resume(self) -> None:
        path = self.chosen_path
        if path is None:
            return
        if self.chosen_status == "paused":
            self._do(control.resume, path, said="going on")
        else:
            self._resume(path)

    @work(exclusive=True, group="resume")
    async def _resume(self, path: Path) -> None:
        """A new process takes the run up where it was."""
        if not await self.compilot.trusted():
            return
        force = False
        detail, fix = self.chosen_problem
        if "--anyway" in fix:
            force = await self.app.push_screen_wait(
                Confirm(f"Go on with {path.name} anyway?", detail, yes="Go on", danger=True)
            )
            if not force:
                return
        self.compilot.say("starting the run's process…")
        try:
            await asyncio.to_thread(resume_run, path, force=force)
        except CompilotError as error:
            self.compilot.say_error(error)
        self.runs_changed()

    @work(exclusive=True, group="dialog")
    async def action_stop(self) -> None:
        path = self.chosen_path
        if path is not None and await self.app.push_screen_wait(
            Confirm(
                f"Stop {path.name}?",
                "Calls in flight finish, the best so far is kept. It can be resumed.",
                yes="Stop",
            )
        ):
            self._do(control.stop, path, said="stopping: the best so far is kept")

    @work(exclusive=True, group="dialog")
    async def action_kill(self) -> None:
        path = self.chosen_path
        if path is not None and await self.app.push_screen_wait(
            Confirm(
                f"Kill {path.name}?",
                "Its process ends at once; calls in flight are lost. What was paid for stays: "
                "a resume goes on with it.",
                yes="Kill",
                danger=True,
            )
        ):
            self._do(control.kill, path, said="killed")

    @work(exclusive=True, group="dialog")
    async def action_remove(self) -> None:
        path = self.chosen_path
        if path is not None and await self.app.push_screen_wait(
            Confirm(
                f"Delete {path.name}?",
                "Its events, candidates and the answers paid for are gone for good.",
                yes="Delete",
                danger=True,
            )
        ):
            self._do(remove_run, path, said="deleted")

    @work(exclusive=True, group="dialog")
    async def action_limits(self) -> None:
        path = self.chosen_path
        if path is None:
            return
        try:
            caps, threads, most = await asyncio.to_thread(_limits_now, path)
        except CompilotError as error:
            self.compilot.say_error(error)
            return
        chosen = await self.app.push_screen_wait(AskLimits(f"Limits of {path.name}", caps, threads, most))
        if chosen is not None:
            self._do(_set_limits, path, chosen.budget, chosen.num_threads, said="limits set")

    async def action_results(self) -> None:
        if self.chosen_path is not None:
            await self.compilot.go("results", run=self.chosen_path.name)

    def action_folder(self) -> None:
        if self.chosen_path is not None:
            self.compilot.copy(str(self.chosen_path))

    @work(group="act")
    async def _do(self, act: Callable[..., Any], *given: Any, said: str) -> None:
        try:
            await asyncio.to_thread(act, *given)
        except CompilotError as error:
            self.compilot.say_error(error)
        else:
            self.compilot.say(said)
        self.runs_changed()


def _limits_now(path: Path) -> tuple[dict[str, float], int, int]:
    """Caps, threads, and how many threads the attempt has."""
    folder = RunFolder(path)
    recipe, limits = folder.read_recipe().recipe, read_limits(folder)
    budget = limits.budget if limits is not None else recipe.budget
    threads = limits.num_threads if limits is not None else recipe.run.num_threads
    return caps_of(budget), threads, recipe.run.num_threads if is_alive(folder.read_owner()) else threads


def _set_limits(path: Path, budget: Budget, num_threads: int) -> None:
    set_limits(path, budget=budget, num_threads=num_threads)
