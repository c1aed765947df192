"""Starts a run from the app: its own process, followed from the Runs place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.errors import CompilotError
from core.recipe import Recipe

if TYPE_CHECKING:
    from core.runs.launch import RunHandle

    from .app import CompilotApp


async def start(app: CompilotApp, recipe: Recipe) -> None:
    """Start it and show it; what keeps it from starting is told."""
    workspace = app.session.workspace
    if workspace is None:
        return
    app.say("starting the run's process…")

    def launch() -> RunHandle:
        from core.runs.launch import start_run

        workspace.prepare()
        return start_run(recipe, workspace.root)

    try:
        handle = await asyncio.to_thread(launch)
    except CompilotError as error:
        app.say_error(error)
        return
    app.session.note("runs")
    await app.go("runs", run=handle.run_id)
