"""Unsaved edits of a metric, kept beside the workspace's state so that a crash costs no typing."""

from __future__ import annotations

import contextlib
import hashlib
import time
from pathlib import Path

import msgspec

from ..store.atomic import write_atomic

FOLDER = "drafts"


class Draft(msgspec.Struct, frozen=True):
    """A text that was typed and not saved."""

    target: str
    text: str
    digest: str
    """Of the file that the edit began from."""
    saved: float
    """Unix seconds."""


def keep_draft(state_dir: Path, target: str, text: str, digest: str) -> Draft:
    """Keep an unsaved text in the place of the one before. Raises `StoreError` when it cannot be written."""
    draft = Draft(target, text, digest, time.time())
    path = _path_of(state_dir, target)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, msgspec.json.encode(draft))
    return draft


def read_draft(state_dir: Path, target: str) -> Draft | None:
    """The unsaved text of a target; None where there is none, or none that can be read."""
    try:
        draft = msgspec.json.decode(_path_of(state_dir, target).read_bytes(), type=Draft)
    except (OSError, msgspec.DecodeError):
        return None
    return draft if draft.target == target else None


def drop_draft(state_dir: Path, target: str) -> None:
    """Forget the unsaved text: it was saved, or is not wanted."""
    with contextlib.suppress(OSError):
        _path_of(state_dir, target).unlink(missing_ok=True)


def _path_of(state_dir: Path, target: str) -> Path:
    return state_dir / FOLDER / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.json"
