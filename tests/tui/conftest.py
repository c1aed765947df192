"""Workspaces and hand-made runs for the command line: no dspy, no process, no model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import orjson
import pytest

from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.process import describe_self
from core.store import JsonlWriter
from core.workspace import Workspace
from tests.support.stories import ending, story
from tui.cli import run_command


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


@dataclass
class Answer:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:  # type: ignore[type-arg]
        """The last line of stdout."""
        found = orjson.loads(self.out.splitlines()[-1])
        assert isinstance(found, (dict, list))
        return found  # type: ignore[return-value]


@pytest.fixture
def invoke(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        code = run_command([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def make_run(workspace: Workspace) -> Callable[..., Path]:
    """Writes the folder of a run that nobody runs; `owned` makes this test its living owner."""

    def make(run_id: str = "261101-100000-gepa-aaaa", *events: ev.Event, owned: bool = False) -> Path:
        workspace.prepare()
        folder = RunFolder(workspace.runs_dir / run_id)
        folder.create(workspace.recipe(optimizer="GEPA"), workspace.root, time.time())
        start = time.time() - 100
        with JsonlWriter(folder.events) as log:
            for number, event in enumerate(events or (*story(), *ending()), start=1):
                stamped = msgspec.structs.replace(event, seq=number, t=start + number)
                log.append(msgspec.to_builtins(stamped))
        owner = describe_self(1)
        folder.write_owner(owner if owned else msgspec.structs.replace(owner, pid=2**22 + os.getpid()))
        return folder.path

    return make
