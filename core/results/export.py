"""Export what won: a program file that plain dspy loads, verified in a fresh process, and a manifest."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ..errors import RunError
from ..optimizers.supplied import find_spec
from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.limits import apply_limits, read_limits
from ..runs.revive import read_candidate
from ..runs.worker import read_versions
from ..store.atomic import write_atomic
from .evaluate import best_candidate, evaluate_file, evaluate_run
from .program_file import write_program_file

MANIFEST_VERSION = 1
_FILES = ("program.json", "manifest.json")
_STAGE = ".exporting-"


def export_run(
    run: Path,
    destination: Path,
    *,
    candidate: str | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """Write `program.json` and `manifest.json` into `destination`; gives the manifest.

    The file is loaded again in a fresh process and scored on val from the run's recorded answers: the same
    score with no new call proves that it sends the very prompts that were optimized. A program that lives at
    run time only (its state file is not all of it) says so in the manifest and is scored from the run.
    Both files come into place once that is done; where it fails, the destination is as it was.
    Raises `RunError` where the destination holds other files, or the exported program scores differently or
    not at all, and soon after `cancel` is set.
    """
    folder = RunFolder(run)
    stored = folder.read_recipe()
    candidate = candidate or best_candidate(folder)
    record = read_candidate(folder, candidate)
    state = load_state(run)
    assert stored.recipe.optimizer is not None
    artifact = find_spec(stored.recipe.optimizer.name, stored.recipe.optimizer.params).artifact
    plain = not record.get("runtime") and artifact.kind != "ensemble"
    program = destination / "program.json"
    with _staged(destination) as stage:
        written = stage / "program.json"
        write_program_file(run, candidate, written, cancel=cancel)
        if plain:
            root = Path(stored.workspace)
            recipe = apply_limits(stored.recipe, read_limits(folder))
            result = evaluate_file(written, recipe, root, split="val", replay_run=run, cancel=cancel)
        else:
            result = evaluate_run(run, split="val", candidate=candidate, cancel=cancel)
        if result["score"] is None:
            raise _all_errored(result, program)
        scored = state.candidate(candidate)
        before = scored.full("val") if scored else None
        new_calls = sum(role["paid"] for role in result["ledger"].values())
        same = before is None or abs(result["score"] - before) < 1e-9
        if not same and not new_calls:
            raise RunError(
                f"the exported program scores {result['score']:.4f} on val where the run scored {before:.4f}",
                where=str(program),
                fix="the program or the metric changed since the run, or is not deterministic",
            )
        manifest = {
            "version": MANIFEST_VERSION,
            "run_id": folder.run_id,
            "candidate": candidate,
            "origin": record["origin"],
            "optimizer": stored.recipe.optimizer.name,
            "program": stored.recipe.program.target,
            "recipe": stored.recipe.to_dict(),
            "recipe_hash": stored.recipe.hash,
            "seed": stored.recipe.run.seed,
            "scores": {
                "baseline": state.baseline,
                "val": before,
                "test": state.best.test if state.best.candidate == candidate else None,
            },
            "verified": {
                "split": "val",
                "score": result["score"],
                "errors": result["errors"],
                "same_as_run": same,
                "new_calls": new_calls,
                "reloaded": plain,
            },
            "portable": plain,
            "note": "A state file: plain `MyProgram().load(path)` reads it." if plain else artifact.note,
            "versions": read_versions(),
        }
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        write_atomic(stage / "manifest.json", content, mode=0o644)
    return {"folder": str(destination), "program_file": str(program), **manifest}


def _all_errored(result: dict[str, Any], program: Path) -> RunError:
    """A program that answers no row cannot be compared with what the run scored."""
    first = result["rows"][0]
    reason = first.get("error", "it has no score").partition("\n")[0]
    return RunError(
        f"every row of val errored, so the exported program has no score; the first: "
        f"row {first['row']}: {reason}",
        where=str(program),
        fix="correct that in the workspace, which program, metric and data are read from; then export again",
    )


@contextlib.contextmanager
def _staged(destination: Path) -> Iterator[Path]:
    """A folder for the files of an export, which come into place together; after a failure none is there."""
    made = [folder for folder in (destination, *destination.parents) if not folder.exists()]
    try:
        stage = _make_stage(destination)
        try:
            yield stage
            for name in _FILES:
                os.replace(stage / name, destination / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _make_stage(destination: Path) -> Path:
    """Inside the destination, as a rename must stay on one disk and its parent may be closed to us."""
    try:
        destination.mkdir(parents=True, exist_ok=True)
        _check_replaceable(destination)
        return Path(tempfile.mkdtemp(prefix=_STAGE, dir=destination))
    except OSError as error:
        raise RunError(
            f"the export folder cannot be made: {error.strerror}",
            where=str(destination),
            fix="choose another with -o",
        ) from error


def _check_replaceable(destination: Path) -> None:
    """An earlier export is replaced, anything else is not."""
    names = {path.name for path in destination.iterdir() if not path.name.startswith(_STAGE)}
    if others := names - set(_FILES):
        raise RunError(
            "the export folder holds other files",
            where=f"{destination}: {', '.join(sorted(others)[:3])}",
            fix="choose an empty folder with -o",
        )
    if names and not _is_export(destination / "manifest.json"):
        raise RunError(
            f"the export folder holds a {min(names, key=_FILES.index)} that no export wrote",
            where=str(destination),
            fix="choose an empty folder with -o, or move that file away",
        )


def _is_export(manifest: Path) -> bool:
    try:
        content = orjson.loads(manifest.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(content, dict) and {"version", "run_id", "candidate", "verified"} <= content.keys()
