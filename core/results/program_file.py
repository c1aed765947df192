"""Writes a candidate as a program file, in a process that may import the user's program."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from pathlib import Path

from ..children import run_child
from ..errors import RunError
from ..runs.folder import RunFolder


def write_program_file(
    run: Path, candidate: str, destination: Path, *, cancel: threading.Event | None = None
) -> None:
    """The candidate as plain `MyProgram().load(path)` reads it. Raises `RunError` also when cancelled."""
    folder = RunFolder(run)
    best = folder.read_json("result.json")
    if best and best.get("best", {}).get("candidate") == candidate and folder.program.exists():
        shutil.copyfile(folder.program, destination)
        return
    with tempfile.TemporaryFile() as output:
        status = run_child(
            "results.program_file",
            str(run),
            candidate,
            str(destination),
            output=output,
            cancel=cancel,
            cancelled=RunError("writing the program was cancelled", fix="export again when you want it"),
        )
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
    if status:
        raise RunError(
            f"candidate {candidate} cannot be written: {lines[-1] if lines else 'no output'}",
            where=str(run),
            fix="`compilot program show` tells whether the program still loads",
        )


def main(arguments: list[str]) -> int:
    """`RUN CANDIDATE FILE`: load the program, give it the candidate's state, save it."""
    from ..errors import CompilotError
    from ..programs.imports import open_project
    from ..programs.load import load_program
    from ..programs.save import save_program
    from ..programs.state import apply_state
    from ..runs.revive import read_candidate

    folder = RunFolder(Path(arguments[0]))
    stored = folder.read_recipe()
    root = Path(stored.workspace)
    try:
        open_project(root)
        program = load_program(stored.recipe.program, root)
        apply_state(program, read_candidate(folder, arguments[1])["state"])
        save_program(program, Path(arguments[2]))
    except CompilotError as error:
        print(error.what, file=sys.stderr)  # noqa: T201 - read by the parent
        return 1
    return 0
