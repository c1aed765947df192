"""From what a person names to files that are safe to open: format, compression, encoding."""

from __future__ import annotations

import difflib
import glob
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ..errors import DataError

FormatName = Literal["csv", "tsv", "json", "jsonl", "parquet", "arrow", "xlsx", "python", "hf"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)
Compression = Literal["gzip", "zstd"]

_SUFFIXES: dict[str, FormatName] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".py": "python",
}
_COMPRESSED: dict[str, Compression] = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "feather version 1"),
    (b"PK\x03\x04", "xlsx or zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"%PDF", "pdf"),
    (b"SQLite format 3", "sqlite"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
)
_EXPECTED = {"parquet": ("parquet",), "arrow": ("arrow",), "xlsx": ("xlsx or zip",)}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One file (or Hugging Face dataset) and how to read it."""

    path: Path
    format: FormatName
    name: str
    """As the person wrote it: the name in messages."""
    compression: Compression | None = None
    encoding: str | None = None
    target: str = ""
    """`python`: the attribute that holds the examples; `hf`: the dataset."""

    @property
    def size(self) -> int:
        """Bytes on disk; 0 for what is no file."""
        return 0 if self.format == "hf" else self.path.stat().st_size


def find_sources(
    text: str, root: Path, *, format: str | None = None, encoding: str | None = None, field: str = "data.path"
) -> list[Source]:
    """The files that `text` names below `root`: a path, a glob, `examples.py:attribute` or `hf:name`.

    Raises `DataError` when there is none, when one is no regular file, or when its format cannot be told.
    """
    if format is not None and format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise DataError(
            f"unknown data format: {format}", where="data.format", fix=f"{hint}known: {', '.join(FORMATS)}"
        )
    if text.startswith("hf:"):
        return [Source(path=root, format="hf", name=text, target=text.removeprefix("hf:"))]
    if "\0" in text or not text.strip():
        raise DataError(f"not a path: {text!r}", where=field)
    return [_describe(name, target, root, format, encoding) for name, target in _expand(text, root, field)]


def _expand(text: str, root: Path, field: str) -> list[tuple[str, str]]:
    if os.path.lexists(root / Path(text).expanduser()):
        return [(text, "")]
    path, colon, target = text.rpartition(":")
    if colon and path.endswith(".py") and target.isidentifier():
        return [(path, target)]
    if glob.has_magic(text):
        found = sorted(glob.glob(text, root_dir=root, recursive=True))
        files = [name for name in found if not (root / name).is_dir()]
        if files:
            return [(name, "") for name in files]
        raise DataError(f"no file matches {text}", where=field, fix=f"looked below {root}")
    return [(text, "")]


def _describe(name: str, target: str, root: Path, format: str | None, encoding: str | None) -> Source:
    path = root / Path(name).expanduser()
    check_regular(path, name)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = _COMPRESSED.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    known = next((name for name in FORMATS if name == format), None) or (
        _SUFFIXES.get(suffixes[-1]) if suffixes else None
    )
    known = known or (None if compression else _format_by_magic(path))
    if known is None:
        raise DataError(
            "the file's format cannot be told from its name",
            where=name,
            fix=f"set data.format to one of {', '.join(FORMATS)}",
        )
    if not compression:
        _check_magic(path, known, name)
    return Source(
        path=path, format=known, name=name, compression=compression, encoding=encoding, target=target
    )


def check_regular(path: Path, name: str) -> None:
    """Raises `DataError` unless `path` is (a link to) a regular, readable file; opens nothing that blocks."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise DataError(f"the link points to nothing: {os.readlink(path)}", where=name) from None
        raise DataError("no such file", where=name, fix=_nearby(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"the file cannot be opened: {reason}", where=name) from None
    if stat.S_ISDIR(mode):
        inside = sorted(entry.name for entry in path.iterdir() if entry.suffix in _SUFFIXES)[:5]
        fix = f"name a file in it, or a glob: {', '.join(inside)}" if inside else "name a file"
        raise DataError("this is a folder, not a data file", where=name, fix=fix)
    if not stat.S_ISREG(mode):
        raise DataError(
            f"this is a {_special(mode)}, not a regular file",
            where=name,
            fix="copy its content to a file first",
        )
    if not os.access(path, os.R_OK):
        raise DataError("no permission to read the file", where=name)


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "named pipe"
    if stat.S_ISSOCK(mode):
        return "socket"
    return "device"


def _nearby(path: Path) -> str:
    try:
        names: Iterable[str] = os.listdir(path.parent)
    except OSError:
        return f"the folder {path.parent} does not exist either"
    near = difflib.get_close_matches(path.name, list(names), 1, 0.6)
    return f"did you mean {near[0]}?" if near else f"looked in {path.parent}"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _format_by_magic(path: Path) -> FormatName | None:
    head = _head(path)
    looks = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    return next((name for name in FORMATS if name == looks), None)


def _check_magic(path: Path, format: FormatName, name: str) -> None:
    head = _head(path)
    if not head and format != "python":
        raise DataError("the file is empty", where=name)
    looks = next((known for magic, known in _MAGIC if head.startswith(magic)), None)
    if looks and looks not in _EXPECTED.get(format, ()):
        raise DataError(
            f"the file is read as {format} but its content is {looks}",
            where=name,
            fix="rename it, or set data.format",
        )
