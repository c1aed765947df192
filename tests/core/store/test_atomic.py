"""A whole-file write leaves the old content or the new one, whatever fails and whenever the process dies."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreError
from core.store import atomic
from core.store.atomic import write_atomic


def _entries(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_writes_bytes_and_text_with_the_mode_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_atomic(target, b"\x00old")
    assert target.read_bytes() == b"\x00old"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    write_atomic(target, "n\u00e4w", mode=0o644)
    assert target.read_text(encoding="utf-8") == "n\u00e4w"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert _entries(tmp_path) == {"a.json"}


def test_a_missing_folder_is_said_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        write_atomic(tmp_path / "none" / "a", b"x")
    assert "none" in caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize("step", ["write", "fsync", "replace", "fchmod"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_any_failing_step_keeps_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    target = tmp_path / "a"
    write_atomic(target, b"old")

    def fail(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, step, fail)
        with pytest.raises(StoreError) as caught:
            write_atomic(target, b"new" * 1000)
    assert target.read_bytes() == b"old"
    assert _entries(tmp_path) == {"a"}
    assert os.strerror(code) in caught.value.what
    assert caught.value.fix


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda fd, data: real(fd, bytes(data[:3])))
    write_atomic(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


@pytest.mark.parametrize("step", ["write", "fsync", "replace", "open"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_at_a_step_leaves_old_or_new(tmp_path: Path, step: str, when: str) -> None:
    target = tmp_path / "a"
    write_atomic(target, b"old")
    child = os.fork()
    if child == 0:
        real = getattr(os, step)

        def die(*args: Any, **options: Any) -> Any:
            if when == "after":
                real(*args, **options)
            os._exit(9)

        setattr(atomic.os, step, die)
        write_atomic(target, b"new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    assert target.read_bytes() in (b"old", b"new")
    write_atomic(target, b"next")
    assert target.read_bytes() == b"next"
