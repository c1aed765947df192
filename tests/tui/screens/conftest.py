"""The app on a copy of a sample workspace, driven by real keys."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.trust import read_trust, remember_trust
from core.workspace import Workspace
from tests.tui.screens.waiting import OpenApp, until
from tui.app import CompilotApp
from tui.settings import Settings


@pytest.fixture
def open_app(tmp_path: Path) -> OpenApp:
    """`async with open_app("triage", size=(80, 24)) as pilot:`; its code is trusted unless told otherwise."""

    @asynccontextmanager
    async def opened(
        sample: str | None = "router",
        *,
        size: tuple[int, int] = (120, 40),
        root: Path | None = None,
        trusted: bool = True,
        **settings: Any,
    ) -> Any:
        folder = root or tmp_path / (sample or "empty")
        if sample and not (folder / "compilot.toml").exists():
            Workspace.init_sample(sample, folder)
        folder.mkdir(exist_ok=True)
        if trusted:
            remember_trust(folder, read_trust(folder).fingerprint)
        app = CompilotApp(folder, Settings(**{"theme": "dark", **settings}))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.places)
            await pilot.pause()
            yield pilot
            app.workers.cancel_all()  # as leaving the app does; a test's app closes without

    return opened
