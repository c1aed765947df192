"""Listing and copying samples: complete copies or none, and nothing written over."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from core import errors, samples
from core.errors import WorkspaceError
from core.samples import copy_sample, describe_samples, sample_names


def test_the_five_samples_are_listed_with_a_line_each():
    assert sample_names() == ("extract", "pipeline7", "router", "tiny", "triage")
    lines = describe_samples()
    assert tuple(lines) == sample_names()
    for line in lines.values():
        assert 20 < len(line) <= 120
        assert "\n" not in line
        assert line.endswith(".")


@pytest.mark.parametrize("name", sample_names())
def test_a_copy_holds_the_same_files_as_the_sample(name: str, tmp_path: Path):
    written = copy_sample(name, tmp_path / "deep" / "new")
    folder = tmp_path / "deep" / "new"
    assert {"compilot.toml", "program.py", "metrics.py", "README.md"} <= {path.name for path in written}
    assert sorted(written) == sorted(path for path in folder.rglob("*") if path.is_file())
    for path in written:
        original = samples._samples_folder() / name / path.relative_to(folder)
        assert path.read_bytes() == original.read_bytes()


def test_a_folder_with_other_files_keeps_them(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    copy_sample("tiny", tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "compilot.toml").exists()


def test_an_existing_file_is_never_written_over(tmp_path: Path):
    (tmp_path / "metrics.py").write_text("mine")
    with pytest.raises(WorkspaceError) as caught:
        copy_sample("tiny", tmp_path)
    assert "metrics.py" in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.py"]
    assert (tmp_path / "metrics.py").read_text() == "mine"


def test_a_dangling_link_is_not_written_through(tmp_path: Path):
    folder = tmp_path / "ws"
    folder.mkdir()
    (folder / "program.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(WorkspaceError, match=r"program\.py"):
        copy_sample("tiny", folder)
    assert not (tmp_path / "elsewhere.py").exists()


@pytest.mark.parametrize(
    ("asked", "near"), [("Router", "router"), ("pipeline", "pipeline7"), ("triag", "triage")]
)
def test_an_unknown_name_is_answered_with_the_nearest(asked: str, near: str, tmp_path: Path):
    with pytest.raises(WorkspaceError) as caught:
        copy_sample(asked, tmp_path / "ws")
    assert asked in caught.value.what
    assert near in caught.value.fix
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("asked", ["", "../router", "router/../tiny", "zzzzzz", "/etc"])
def test_a_name_is_never_a_path(asked: str, tmp_path: Path):
    with pytest.raises(WorkspaceError) as caught:
        copy_sample(asked, tmp_path / "ws")
    assert "router" in caught.value.where
    assert caught.value.fix
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("below", ["", "ws"])
def test_a_file_in_the_way_is_named(below: str, tmp_path: Path):
    blocked = tmp_path / "blocked"
    blocked.write_text("mine")
    with pytest.raises(WorkspaceError) as caught:
        copy_sample("tiny", blocked / below)
    assert "blocked" in caught.value.where
    assert caught.value.fix
    assert blocked.read_text() == "mine"


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_copy_that_is_cut_off_leaves_nothing_behind(
    stop: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "notes.txt").write_text("mine")
    copied = []

    def copy_two(source, out):
        copied.append(out.name)
        out.write(b"half")
        if len(copied) == 3:
            raise stop

    monkeypatch.setattr(samples.shutil, "copyfileobj", copy_two)
    with pytest.raises((KeyboardInterrupt, WorkspaceError)) as caught:
        copy_sample("tiny", tmp_path / "ws")
    assert len(copied) == 3
    assert [path.name for path in (tmp_path / "ws").iterdir()] == ["notes.txt"]
    if isinstance(caught.value, WorkspaceError):
        assert "No space left" in caught.value.what
    copied.clear()
    with pytest.raises((KeyboardInterrupt, WorkspaceError)):
        copy_sample("tiny", tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_samples_are_found_inside_an_installed_package_and_leftovers_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "site" / "installed_core"
    shutil.copytree(samples._samples_folder() / "tiny", package / "sample_data" / "tiny")
    for module in (samples, errors):
        shutil.copy(module.__file__, package)
    (package / "__init__.py").touch()
    for leftover in ("__pycache__/program.cpython-311.pyc", ".compilot/store.json"):
        path = package / "sample_data" / "tiny" / leftover
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.syspath_prepend(str(package.parent))
    try:
        installed = importlib.import_module("installed_core.samples")
        assert installed.sample_names() == ("tiny",)
        written = installed.copy_sample("tiny", tmp_path / "ws")
    finally:
        for name in [name for name in sys.modules if name.startswith("installed_core")]:
            del sys.modules[name]
    assert sorted(path.name for path in written) == [
        "README.md",
        "comments.jsonl",
        "compilot.toml",
        "metrics.py",
        "program.py",
    ]
