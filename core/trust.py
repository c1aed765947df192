"""Whether a folder's Python may be run: asked once, remembered for that path and that content.

What is remembered lies with the person and not in the folder, which could otherwise vouch for itself. Whoever
writes a file of a trusted folder for the person remembers its new fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import user_state_path

from .errors import StoreError
from .store import Store, open_store

_CODE = (".py", ".toml")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", ".compilot", ".git", ".venv", "venv"})
_MAX_FILES = 5_000
_TABLE = "trusted_folders"


class Trust(msgspec.Struct, frozen=True):
    """What is known of a folder."""

    trusted: bool
    changed: bool
    """Trusted before, with other content than now."""
    fingerprint: str
    files: int
    """Source files the fingerprint covers."""


def read_trust(root: Path, *, store: Store | None = None) -> Trust:
    """Whether the person said yes to this folder with the content it has now. Runs none of it."""
    fingerprint, files = fingerprint_folder(root)
    known = _find(store or _own_store(), root)
    if known is None:
        return Trust(False, False, fingerprint, files)
    same = known["fingerprint"] == fingerprint
    return Trust(same, not same, fingerprint, files)


def remember_trust(root: Path, fingerprint: str, *, store: Store | None = None) -> None:
    """Remember a yes to the content with this fingerprint. Raises `StoreError` when it cannot be kept."""
    from tinydb import where

    path = str(root.resolve())
    with (store or _own_store()).transaction() as db:
        db.table(_TABLE).upsert(
            {"path": path, "fingerprint": fingerprint, "since": time.time()}, where("path") == path
        )


def fingerprint_folder(root: Path) -> tuple[str, int]:
    """A hash over the folder's Python and TOML files, names and content, and how many these are.

    Environments and caches inside the folder are left out. A folder of more than 5,000 such files gets a
    fingerprint that no other has, so that it is asked about each time.
    """
    digest = hashlib.sha256(str(root.resolve()).encode())
    count = 0
    for path in _code_files(root):
        count += 1
        if count > _MAX_FILES:
            return os.urandom(16).hex(), count
        name = str(path.relative_to(root))
        try:
            content = hashlib.sha256(path.read_bytes()).digest()
        except OSError:
            content = b"unreadable"
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + content)
    return digest.hexdigest()[:32], count


def _code_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        if "pyvenv.cfg" in names:
            folders[:] = []
            continue
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith(_CODE) and path.is_file():
                yield path


def _find(store: Store, root: Path) -> dict[str, Any] | None:
    from tinydb import where

    try:
        found = store.read().table(_TABLE).get(where("path") == str(root.resolve()))
    except StoreError:
        # Not to know is not to trust.
        return None
    return dict(found) if isinstance(found, dict) else None


def _own_store() -> Store:
    return open_store(user_state_path("compilot") / "store.json")
