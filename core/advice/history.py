"""What past runs of a workspace recorded: how often it changed, and how its baseline scored."""

from __future__ import annotations

import hashlib
import time
from itertools import pairwise
from pathlib import Path

from ..errors import RunError
from ..recipe import Recipe
from ..runs.folder import Provenance, RunFolder, StoredRecipe
from ..runs.listing import run_folders
from .situation import Edited, History

_LOOKED_AT = 20
"""Newest runs that are read."""
_DAY = 86_400.0


class _Past:
    """One run's own word on what it was made from."""

    def __init__(self, stored: StoredRecipe, provenance: Provenance, baseline: float | None) -> None:
        self.created = stored.created
        self.recipe = stored.recipe
        self.code = provenance.code
        self.data = provenance.data
        self.baseline = baseline

    def is_alike(self, other: _Past) -> bool:
        """Whether both scored the same program in the same way."""
        return not self.differs(other) and self.recipe.models.get("student") == other.recipe.models.get(
            "student"
        )

    def differs(self, later: _Past) -> tuple[str, ...]:
        """What changed from this run to a later one: files, the data, what the recipe names."""
        names = [
            name
            for name in sorted(self.code.keys() | later.code.keys())
            if self.code.get(name) != later.code.get(name)
        ]
        if self.data != later.data:
            names.append("the data")
        names += [
            part
            for part in ("program", "metric")
            if getattr(self.recipe, part) != getattr(later.recipe, part)
        ]
        return tuple(names)


def read_history(recipe: Recipe, root: Path, data_hash: str | None, now: float | None = None) -> History:
    """The newest runs, what changed between them, and what changed since the last one.

    `data_hash` is that of the parts as they are now; None where they could not be loaded. Runs whose files
    cannot be read are left out: they tell nothing.
    """
    now = time.time() if now is None else now
    past = [found for path in run_folders(root)[-_LOOKED_AT:] if (found := _read(RunFolder(path)))]
    past.sort(key=lambda run: run.created)
    if not past:
        return History()
    edits = [
        Edited(days=max(0.0, (now - after.created) / _DAY), what=what)
        for before, after in pairwise(past)
        if (what := before.differs(after))
    ]
    last = past[-1]
    since = _changed_since(last, recipe, root, data_hash)
    if since:
        edits.append(Edited(days=0.0, what=since))
    alike = [run for run in past if run.is_alike(last)] if not since else []
    return History(
        runs=len(past),
        edits=tuple(reversed(edits)),
        baselines=tuple(run.baseline for run in alike if run.baseline is not None),
    )


def _read(folder: RunFolder) -> _Past | None:
    try:
        provenance = folder.read_provenance()
        if provenance is None:
            return None
        result = folder.read_json("result.json") or {}
        return _Past(folder.read_recipe(), provenance, (result.get("baseline") or {}).get("val"))
    except RunError:
        return None


def _changed_since(last: _Past, recipe: Recipe, root: Path, data_hash: str | None) -> tuple[str, ...]:
    names = [name for name, sha in sorted(last.code.items()) if _hash(root / name) != sha]
    if data_hash is not None and data_hash != last.data:
        names.append("the data")
    names += [part for part in ("program", "metric") if getattr(recipe, part) != getattr(last.recipe, part)]
    return tuple(names)


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
