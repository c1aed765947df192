"""Removes a run from a workspace."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from ..errors import RunError
from .folder import RunFolder


def remove_run(path: Path) -> None:
    """Delete a run's folder with its events, answers and candidates.

    Raises `RunError` while its process lives, and when the folder cannot be deleted. A damaged run goes like
    any other. A deletion that is cut short leaves a hidden folder and no half of a run.
    """
    folder = RunFolder(path)
    if folder.has_process():
        raise RunError(
            f"run {folder.run_id} is running",
            where=str(path),
            fix=f"`compilot runs stop {folder.run_id}` first",
        )
    hidden = path.with_name(f".removed-{path.name}-{secrets.token_hex(3)}")
    try:
        path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise RunError(
            f"run {folder.run_id} cannot be deleted: {error.strerror}",
            where=str(error.filename or path),
            fix="give yourself write permission on the workspace's .compilot folder",
        ) from error
