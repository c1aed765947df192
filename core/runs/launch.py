"""Where a run is started: a small protocol, and the local process that serves it by default."""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import bootstrap
from ..errors import RunError
from ..recipe import Recipe
from ..workspace import Workspace
from .control import send
from .folder import RunFolder, check_run_id
from .follow import load_state
from .listing import find_run
from .process import HAS_PROCESS, Owner, is_alive
from .reduce import FINAL
from .turns import put_after


@dataclass(frozen=True)
class RunHandle:
    """A run that was started."""

    run_id: str
    folder: Path
    pid: int


class Runner(Protocol):
    """A place where runs run."""

    def submit(self, folder: RunFolder, *, force: bool) -> int:
        """Start the run's process; gives its pid."""
        ...


class LocalRunner:
    """A process of this machine in a session of its own: it outlives the terminal that started it."""

    def submit(self, folder: RunFolder, *, force: bool = False) -> int:
        arguments = ["--anyway"] if force else []
        with folder.output.open("ab") as output:
            before = output.tell()
            process = subprocess.Popen(
                bootstrap.command("runs.worker", str(folder.path), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=folder.path,
                env={**bootstrap.environment(), "PYTHONUNBUFFERED": "1"},
            )
        folder.output.chmod(0o600)
        wait_for_owner(folder, process, output_from=before)
        return process.pid


def new_run_id(optimizer: str, now: float | None = None) -> str:
    """Sorts by time, tells the optimizer, never repeats."""
    stamp = time.strftime("%y%m%d-%H%M%S", time.localtime(now))
    name = re.sub(r"[^a-z0-9]+", "-", optimizer.rpartition(":")[2].lower())[:12]
    return check_run_id(f"{stamp}-{name}-{secrets.token_hex(2)}")


def start_run(
    recipe: Recipe,
    workspace: Path,
    *,
    run_id: str | None = None,
    after: str | None = None,
    runner: Runner | None = None,
) -> RunHandle:
    """Start a run in its own process and return at once. With `after`, the id of another run of the
    workspace, the process waits until that run is over.

    Raises `RunError` where no optimizer is chosen, the id is taken, there is no run `after` or the folder
    cannot be written; `WorkspaceError` where the workspace can keep nothing.
    """
    if recipe.optimizer is None:
        raise RunError(
            "no optimizer is chosen",
            where="optimizer.name in compilot.toml",
            fix="add one there, or use --optimizer NAME",
        )
    name = check_run_id(run_id) if run_id else new_run_id(recipe.optimizer.name)
    root = workspace.resolve()
    Workspace(root).prepare()
    # Looked up before the new run is the latest, and before there is a folder to leave behind.
    before = find_run(root, after).name if after is not None else None
    folder = RunFolder(root / ".compilot" / "runs" / name)
    folder.create(recipe, root, time.time())
    if before is not None:
        put_after(folder, before)
    pid = (runner or LocalRunner()).submit(folder, force=False)
    return RunHandle(name, folder.path, pid)


def resume_run(path: Path, *, force: bool = False, runner: Runner | None = None) -> RunHandle:
    """Go on with a run whose process ended: its journal is replayed, nothing is paid twice.

    Raises `RunError` while a process owns the run, when it has completed, and for one that ran in a notebook.
    """
    folder = RunFolder(path)
    folder.read_recipe()
    result = folder.read_json("result.json")
    if result is not None and result.get("status") == "completed":
        raise RunError(
            f"run {folder.run_id} has completed: there is nothing to resume",
            where=str(path),
            fix="`compilot run` starts another one",
        )
    owner = folder.read_owner()
    if owner is not None and owner.in_process:
        raise RunError(
            f"run {folder.run_id} ran inside a notebook or script, over objects that no file names",
            where=str(path),
            fix="compile again there; its candidates and scores stay readable",
        )
    owner = wait_for_exit(folder) if load_state(path).status in FINAL else folder.read_owner()
    if owner is not None and is_alive(owner):
        raise RunError(
            f"run {folder.run_id} is running already, as process {owner.pid}",
            where=str(path),
            fix=f"`compilot runs watch {folder.run_id}` follows it",
        )
    send(folder, "run")
    pid = (runner or LocalRunner()).submit(folder, force=force)
    return RunHandle(folder.run_id, path, pid)


def wait_for_exit(folder: RunFolder, seconds: float = 20.0) -> Owner | None:
    """The owner of a run that has ended, once its process is gone too."""
    owner = folder.read_owner()
    deadline = time.monotonic() + seconds
    while is_alive(owner) and time.monotonic() < deadline:
        time.sleep(0.02)
    return owner


def wait_for_owner(
    folder: RunFolder, process: subprocess.Popen[bytes], *, output_from: int, seconds: float = 20.0
) -> None:
    """Return once the process owns the run; raises `RunError` if it ends before, with the last line that it
    wrote behind `output_from` in its output."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        owner = folder.read_owner()
        if owner is not None and owner.pid == process.pid:
            return
        code = process.poll()
        if code is not None:
            raise _ended_at_once(folder, code, output_from)
        time.sleep(0.01)


def _ended_at_once(folder: RunFolder, code: int, output_from: int) -> RunError:
    if code == HAS_PROCESS:
        return RunError(
            f"run {folder.run_id} has a process already",
            where=str(folder.path),
            fix=f"`compilot runs watch {folder.run_id}` follows it, "
            f"`compilot runs stop {folder.run_id}` ends it",
        )
    lines = folder.output.read_bytes()[output_from:].decode(errors="replace").strip().splitlines()
    return RunError(
        f"the run's process ended at once (exit status {code})" + (f": {lines[-1][:300]}" if lines else ""),
        where=str(folder.output),
        fix=f"mend what the end of that file tells, then `compilot runs resume {folder.run_id}`",
    )
