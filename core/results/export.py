"""Export what won: a program file that plain dspy loads, verified in a fresh process, and a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from ..errors import RunError
from ..optimizers.supplied import find_spec
from ..runs.folder import RunFolder
from ..runs.follow import load_state
from ..runs.revive import read_candidate
from ..runs.worker import read_versions
from ..store.atomic import write_atomic
from .evaluate import best_candidate, evaluate_file, evaluate_run
from .program_file import write_program_file

MANIFEST_VERSION = 1


def export_run(run: Path, destination: Path, *, candidate: str | None = None) -> dict[str, Any]:
    """Write `program.json` and `manifest.json` into `destination`; gives the manifest.

    The file is loaded again in a fresh process and scored on val from the run's recorded answers: the same
    score with no new call proves that it sends the very prompts that were optimized. A program that lives at
    run time only (its state file is not all of it) says so in the manifest and is scored from the run.
    Raises `RunError` where the destination holds other files, or the exported program scores differently or
    not at all.
    """
    folder = RunFolder(run)
    stored = folder.read_recipe()
    candidate = candidate or best_candidate(folder)
    record = read_candidate(folder, candidate)
    state = load_state(run)
    assert stored.recipe.optimizer is not None
    artifact = find_spec(stored.recipe.optimizer.name, stored.recipe.optimizer.params).artifact
    plain = not record.get("runtime") and artifact.kind != "ensemble"
    _prepare(destination)
    program = destination / "program.json"
    write_program_file(run, candidate, program)
    if plain:
        result = evaluate_file(program, stored.recipe, Path(stored.workspace), split="val", replay_run=run)
    else:
        result = evaluate_run(run, split="val", candidate=candidate)
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
    write_atomic(
        destination / "manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2), mode=0o644
    )
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


def _prepare(destination: Path) -> None:
    """Make the folder; an earlier export in it is replaced, anything else is not."""
    try:
        destination.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the export folder cannot be made: {error.strerror}",
            where=str(destination),
            fix="choose another with -o",
        ) from error
    others = {path.name for path in destination.iterdir()} - {"program.json", "manifest.json"}
    if others:
        raise RunError(
            "the export folder holds other files",
            where=f"{destination}: {', '.join(sorted(others)[:3])}",
            fix="choose an empty folder with -o",
        )
