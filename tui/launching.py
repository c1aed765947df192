"""Starts a run from the app: its own process, followed from the Runs place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CompilotError
from core.recipe import Recipe

if TYPE_CHECKING:
    from core.runs.launch import RunHandle

    from .app import CompilotApp


async def ask_turn(app: CompilotApp, root: Path) -> str | None:
    """The run to wait for, where another one is live and the person wants to; None to start at once.

    Raises `LookupError` when the question is left without an answer.
    """
    from core.runs.follow import load_state
    from core.runs.turns import last_in_line
    from core.workspace import Workspace

    from .widgets.dialogs import Choose

    before = await asyncio.to_thread(last_in_line, root)
    if before is None:
        return None
    state = await asyncio.to_thread(load_state, Workspace(root).runs_dir / before)
    how = "is paused until it is resumed" if state.status == "paused" else "is live"
    options = [("Start when it is over", "after"), ("Start at once, beside it", "now")]
    chosen = await app.push_screen_wait(Choose(f"{before} {how}", options, "after"))
    if chosen is None:
        raise LookupError(before)
    return before if chosen == "after" else None


async def start(app: CompilotApp, recipe: Recipe) -> None:
    """Start it and show it; what keeps it from starting is told."""
    workspace = app.session.workspace
    if workspace is None:
        return
    try:
        after = await ask_turn(app, workspace.root)
    except LookupError:
        return
    except CompilotError as error:
        app.say_error(error)
        return
    app.say("starting the run's process…")

    def launch() -> RunHandle:
        from core.runs.launch import start_run

        workspace.prepare()
        return start_run(recipe, workspace.root, after=after)

    try:
        handle = await asyncio.to_thread(launch)
    except CompilotError as error:
        app.say_error(error)
        return
    app.session.note("runs")
    await app.go("runs", run=handle.run_id)
