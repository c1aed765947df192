"""What the app works on: what is vouched for, kept and remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StoreError
from core.recipe import OptimizerSpec
from core.trust import read_trust, remember_trust
from core.workspace import Workspace
from tui.session import Session


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Workspace.init_sample("router", tmp_path / "w")


def open_session(workspace: Workspace) -> Session:
    return Session(workspace.root, lambda parts: None)


def trust(root: Path) -> None:
    remember_trust(root, read_trust(root).fingerprint)


def test_what_the_app_writes_leaves_a_trusted_folder_trusted(workspace: Workspace) -> None:
    trust(workspace.root)
    session = open_session(workspace)
    session.change(optimizer=OptimizerSpec("SIMBA"))
    session.write_draft()
    assert 'name = "SIMBA"' in (workspace.root / "compilot.toml").read_text()
    assert read_trust(workspace.root).trusted


def test_code_that_others_changed_is_not_vouched_for_by_a_save(workspace: Workspace) -> None:
    trust(workspace.root)
    session = open_session(workspace)
    session.trusted = True
    program = workspace.root / "program.py"
    program.write_text(program.read_text() + "\nprint('pulled')\n")
    session.change(optimizer=OptimizerSpec("SIMBA"))
    session.write_draft()
    known = read_trust(workspace.root)
    assert (known.trusted, known.changed) == (False, True)


def test_the_warm_child_outlives_a_save(workspace: Workspace) -> None:
    session = open_session(workspace)
    try:
        child = session.desk().sandbox
        session.change(optimizer=OptimizerSpec("SIMBA"))
        session.write_draft()
        session.reload()
        assert session.desk().sandbox is child
        assert session.desk().recipe.optimizer == session.saved.optimizer  # type: ignore[union-attr]
    finally:
        session.close()


def test_what_cannot_be_written_now_is_written_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(workspace)
    session.remember("place", "runs")
    with monkeypatch.context() as broken:
        broken.setattr(
            Workspace, "prepare", lambda self: (_ for _ in ()).throw(StoreError("the disk is full"))
        )
        with pytest.raises(StoreError):
            session.flush()
    session.flush()
    again = open_session(workspace)
    again.load_remembered()
    assert again.recall("place") == "runs"
