"""Where a table's cache lies, whether it still fits its files, and when it goes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..problems import Problem
from ..sources import Source
from .layout import ColumnLayout

VERSION = 1
_KEEP_SECONDS = 30 * 24 * 3600.0
_KEEP_PART_SECONDS = 24 * 3600.0
_UNCACHED = ("python", "hf")


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """Where one batch lies in the cache file."""

    offset: int
    length: int
    rows: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished cache file holds; written last, so that its being there means the cache is whole."""

    version: int = VERSION
    columns: list[ColumnLayout]
    schema: str
    """Arrow schema, serialized, in base 64."""
    extents: list[Extent]
    problems: list[Problem]
    problem_count: int
    lost: int
    """Rows that could not be loaded."""


class CacheSlot:
    """The place of one table's cache, named by its files' paths and their state: a change misses it."""

    def __init__(self, sources: Sequence[Source], folder: Path) -> None:
        self.folder = folder
        self.reusable = all(source.format not in _UNCACHED for source in sources)
        """Whether a cache of these sources can be trusted later: code and remote data change unseen."""
        paths = [str(source.path.resolve()) + source.target for source in sources]
        state = [(*_identity(source), source.format, source.encoding or "") for source in sources]
        self._prefix = _digest(paths)
        self.stem = f"{self._prefix}-{_digest([VERSION, state])}"

    @property
    def data(self) -> Path:
        return self.folder / f"{self.stem}.arrow"

    @property
    def contents(self) -> Path:
        return self.folder / f"{self.stem}.json"

    def load(self) -> Contents | None:
        """The finished cache, if it is there and whole."""
        if not self.reusable:
            return None
        try:
            contents = msgspec.json.decode(self.contents.read_bytes(), type=Contents)
            size = self.data.stat().st_size
        except (OSError, msgspec.MsgspecError):
            return None
        end = max((extent.offset + extent.length for extent in contents.extents), default=0)
        if contents.version != VERSION or size < end:
            return None
        for path in (self.data, self.contents):
            with contextlib.suppress(OSError):
                os.utime(path)
        return contents

    def prune(self) -> None:
        """Drops caches of earlier states of these files, and any that nobody opened for a month."""
        now = time.time()
        for path in self.folder.glob("*"):
            stale = path.name.startswith(self._prefix) and not path.name.startswith(self.stem)
            with contextlib.suppress(OSError):
                kept = _KEEP_PART_SECONDS if path.suffix == ".part" else _KEEP_SECONDS
                if stale or path.stat().st_mtime < now - kept:
                    path.unlink()


def default_cache_folder(state_dir: Path | None) -> Path:
    """In the workspace's state folder, or the user's cache folder outside any workspace."""
    if state_dir is not None:
        return state_dir / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("compilot")) / "tables"


def _identity(source: Source) -> tuple[int, int, int, int]:
    if source.format == "hf":
        return (0, 0, 0, 0)
    status = source.path.stat()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]
