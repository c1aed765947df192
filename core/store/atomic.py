"""Whole-file writes that leave the old content or the new one, never anything between."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from ..errors import StoreError

_FIXES = {
    errno.ENOSPC: "free some disk space, then do it again; nothing was changed",
    errno.EDQUOT: "your disk quota is used up: free some space, then do it again; nothing was changed",
    errno.EROFS: "the file system is read-only: work in a folder that can be written",
    errno.EACCES: "give yourself write permission on the folder, or work in another one",
    errno.EPERM: "give yourself write permission on the folder, or work in another one",
    errno.ENOENT: "the folder is gone: create it again, or open the workspace from where it is now",
    errno.EIO: "the disk reported a fault: check it before going on; nothing was changed",
}


def write_atomic(path: str | os.PathLike[str], data: bytes | str, mode: int = 0o600) -> None:
    """Write `data` to `path` so that a crash or a full disk leaves the old file or the new one.

    Text is written as UTF-8. Returns when the bytes and the new name are on disk.
    Raises `StoreError`, with the old content untouched, when any step fails.
    """
    target = Path(path)
    content = data.encode() if isinstance(data, str) else data
    try:
        temporary = write_temporary(target, content, mode)
        try:
            os.replace(temporary, target)
        except BaseException:
            remove_quietly(temporary)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise storage_error(f"cannot write {target.name}", target, error) from error


def write_temporary(target: Path, content: bytes, mode: int) -> Path:
    """Write `content`, synced, to a new file beside `target`; removed again when that fails."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        try:
            os.fchmod(descriptor, mode)
            write_fully(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        remove_quietly(Path(name))
        raise
    return Path(name)


def write_fully(descriptor: int, content: bytes) -> None:
    """`os.write` until every byte is out: a nearly full disk takes a part first and fails after."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_quietly(path: Path) -> None:
    """Clean up after a failure that is already on its way to the caller."""
    with contextlib.suppress(OSError):
        path.unlink()


def storage_error(what: str, path: Path, error: OSError) -> StoreError:
    """A `StoreError` for a failed system call, with what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    fix = _FIXES.get(error.errno or 0, "check the disk and the permissions of the folder, then do it again")
    return StoreError(f"{what}: {reason}", where=str(path), fix=fix)
