"""Score a saved program: a run's best, any candidate of it, or a program file."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import orjson

from ..children import run_child
from ..data.seal import remember_look
from ..errors import CompilotError, RunError
from ..recipe import SPLITS, Recipe
from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.limits import apply_limits, read_limits
from ..workspace import Workspace
from .score import ScoreRequest

_KEPT = ("request.json", "score.json", "out.log")
"""Of a scoring's folder: what `recorded` reads later, and what the scoring printed."""


def evaluate_run(
    run: Path,
    *,
    split: str = "test",
    candidate: str | None = None,
    replay: bool = True,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """Score a candidate of a run (its best by default) over a split, in a fresh process.

    With `replay` the run's recorded answers are used where the prompts are the same. Gives run_id, candidate,
    split, data (the split's hash), score (0 to 1 over rows without error), size, errors, ledger and rows.
    Raises `RunError` soon after `cancel` is set.
    """
    folder = RunFolder(run)
    stored = folder.read_recipe()
    candidate = candidate or best_candidate(folder)
    result = _score(
        Path(stored.workspace),
        ScoreRequest(
            recipe=apply_limits(stored.recipe, read_limits(folder)),
            workspace=stored.workspace,
            split=check_split(split),
            folder="",
            run=str(run),
            candidate=candidate,
            replay=replay,
        ),
        cancel,
    )
    _remember(Path(stored.workspace), result, f"eval of {folder.run_id}")
    return {"run_id": folder.run_id, "candidate": candidate, **result}


def evaluate_file(
    program: Path,
    recipe: Recipe,
    workspace: Path,
    *,
    split: str = "test",
    replay_run: Path | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """Score a program file (as `export` or dspy's `save` writes it) with a workspace's recipe."""
    path = program / "program.json" if program.is_dir() else program
    if not path.is_file():
        raise RunError("there is no such program file", where=str(path), fix="name a run, or an export")
    result = _score(
        workspace,
        ScoreRequest(
            recipe=recipe,
            workspace=str(workspace),
            split=check_split(split),
            folder="",
            program=str(path.resolve()),
            run=str(replay_run) if replay_run else None,
            replay=replay_run is not None,
        ),
        cancel,
    )
    _remember(workspace, result, f"eval of {path.name}")
    return {"program": str(path), **result}


def _remember(workspace: Path, result: dict[str, Any], by: str) -> None:
    """The workspace counts the looks at its test part."""
    if result["split"] == "test":
        remember_look(Workspace(workspace).store, result["data"], by)


def best_candidate(folder: RunFolder) -> str:
    """The candidate that a run keeps. Raises `RunError` where it never scored one."""
    best = load_state(folder.path).best.candidate
    if best is None:
        recorded = folder.read_json("best.json")
        best = recorded["candidate"] if recorded else None
    if best is None:
        raise RunError(
            f"run {folder.run_id} has not scored a candidate yet",
            where=str(folder.path),
            fix="let it go on until the baseline is scored",
        )
    return best


def check_split(split: str) -> str:
    if split not in SPLITS:
        raise RunError(f"there is no split {split[:40]!r}", fix="use train, val or test")
    return split


def _score(workspace: Path, request: ScoreRequest, cancel: threading.Event | None) -> dict[str, Any]:
    """Run the request in a child process, in a folder of its own."""
    evaluations = workspace / ".compilot" / "evals"
    evaluations.mkdir(parents=True, exist_ok=True)
    folder = evaluations / f"{time.strftime('%y%m%d-%H%M%S')}-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    folder.mkdir(mode=0o700)
    request = msgspec.structs.replace(request, folder=str(folder))
    try:
        (folder / "request.json").write_bytes(msgspec.json.encode(request))
        with (folder / "out.log").open("wb") as output:
            status = run_child(
                "results.score",
                str(folder / "request.json"),
                output=output,
                cwd=folder,
                cancel=cancel,
                cancelled=RunError("the scoring was cancelled", fix="score again when you want the result"),
            )
    except BaseException:
        # Nobody waits for what it came to.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _clear(folder)
    answer = folder / "score.json"
    if not answer.exists():
        raise RunError(
            f"the scoring process ended without a result (exit status {status})",
            where=str(folder / "out.log"),
            fix="its output is in that file",
        )
    result: dict[str, Any] = orjson.loads(answer.read_bytes())
    if "error" in result:
        raise CompilotError.from_dict(result["error"])
    return result


def _clear(folder: Path) -> None:
    """Remove the copy of the run's journal and all else that only the scoring itself needed."""
    for path in folder.iterdir():
        if path.name in _KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
