"""Folders of runs that nobody runs, for views: any events, owned by a living process or by none."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import msgspec

from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.process import describe_self
from core.store import JsonlWriter
from core.workspace import Workspace


def write_run(
    workspace: Workspace,
    events: Sequence[ev.Event],
    *,
    run_id: str = "261101-100000-gepa-aaaa",
    owned: bool = False,
    optimizer: str = "GEPA",
    start: float | None = None,
) -> RunFolder:
    """A run with these events, a second apart. `owned` makes this process its living owner."""
    workspace.prepare()
    folder = RunFolder(workspace.runs_dir / run_id)
    start = time.time() - 100 if start is None else start
    folder.create(workspace.recipe(optimizer=optimizer), workspace.root, start)
    owner = describe_self(1)
    folder.write_owner(owner if owned else msgspec.structs.replace(owner, pid=2**22 + os.getpid()))
    append_events(folder, events, start=start)
    return folder


def append_events(folder: RunFolder, events: Sequence[ev.Event], *, start: float, after: int = 0) -> None:
    """Events a second apart, numbered from `after` + 1."""
    with JsonlWriter(folder.events) as log:
        for number, event in enumerate(events, start=after + 1):
            stamped = msgspec.structs.replace(event, seq=number, t=start + number)
            log.append(msgspec.to_builtins(stamped))
