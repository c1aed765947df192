"""The frozen split: which part each row was given, kept by the row's hash so that growth moves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ..errors import StoreError
from ..recipe import DataSpec
from ..store.atomic import write_atomic

_VERSION = 1


class _Frozen(msgspec.Struct, frozen=True):
    version: int
    settings: dict[str, object]
    parts: dict[str, list[str]]


def freeze_path(spec: DataSpec, state_dir: Path) -> Path:
    """Where this split is remembered: one file for each way of splitting each file."""
    settings = msgspec.json.encode(_settings(spec), order="deterministic")
    return state_dir / "splits" / f"{hashlib.sha256(settings).hexdigest()[:16]}.json"


def _settings(spec: DataSpec) -> dict[str, object]:
    sizes = {
        "train": spec.split.train,
        "val": spec.split.val,
        "test": spec.split.test,
        "seed": spec.split.seed,
    }
    return {
        "files": [spec.path, spec.train, spec.val, spec.test],
        "split": sizes,
        "stratify": spec.stratify,
        "group": spec.group,
    }


def load_frozen(spec: DataSpec, state_dir: Path) -> dict[str, str]:
    """Part by row key; empty when nothing is frozen yet. Raises `StoreError` for a damaged file."""
    path = freeze_path(spec, state_dir)
    try:
        frozen = msgspec.json.decode(path.read_bytes(), type=_Frozen)
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"the frozen split cannot be read: {error}",
            where=str(path),
            fix="restore the file, or delete it to split afresh (rows may change parts)",
        ) from None
    return {key: part for part, keys in frozen.parts.items() for key in keys}


def save_frozen(spec: DataSpec, state_dir: Path, assignments: Mapping[str, str]) -> None:
    """Writes the assignments whole and atomically."""
    parts: dict[str, list[str]] = {}
    for key, part in assignments.items():
        parts.setdefault(part, []).append(key)
    frozen = _Frozen(_VERSION, _settings(spec), {part: sorted(keys) for part, keys in parts.items()})
    write_atomic(freeze_path(spec, state_dir), msgspec.json.encode(frozen))


def forget_frozen(spec: DataSpec, state_dir: Path) -> bool:
    """Forgets the frozen split, so that the next one is made afresh; gives whether there was one."""
    path = freeze_path(spec, state_dir)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def number_copies(hashes: Iterable[str]) -> list[str]:
    """A key for each row: its hash, and for the second and later copies of a row its number too."""
    seen: dict[str, int] = {}
    keys = []
    for digest in hashes:
        seen[digest] = count = seen.get(digest, 0) + 1
        keys.append(digest if count == 1 else f"{digest}.{count}")
    return keys
