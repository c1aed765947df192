"""The live part of the way over a real SSH connection that is lost in the middle of a run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from core.runs.follow import load_state
from core.runs.listing import run_folders
from core.runs.process import is_alive
from core.runs.reduce import RunState
from core.trust import read_trust, remember_trust
from core.workspace import Workspace
from tests.support.ssh import SshServer, have_ssh
from tests.support.terminal import ROOT, Terminal, compilot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not have_ssh(), reason="needs sshd, ssh and ssh-keygen (apt: openssh-server)"),
]


def test_a_run_outlives_the_connection_and_is_found_again(tmp_path: Path, home: Path) -> None:
    root = tmp_path / "work"
    Workspace.init_sample("triage", root)
    remember_trust(root, read_trust(root).fingerprint)
    keys = tmp_path / "ssh"
    keys.mkdir(mode=0o700)
    with SshServer(keys) as server:
        command = server.command(remote(root, home))
        with Terminal(command, columns=100, lines=30) as terminal:
            terminal.until("FacilityTriage")
            terminal.press("4")
            terminal.until("max_full_evals")
            terminal.press("L")
            terminal.until("Launch GEPA on FacilityTriage?")
            terminal.press("y")
            terminal.until("trial 1", 120)
            server.drop_connections()
            assert terminal.wait_exit() != 0
        before = state_of(root)
        assert before.status == "running"
        assert is_alive(before.owner)
        with Terminal(server.command(remote(root, home)), columns=100, lines=30) as terminal:
            terminal.until("1 live run")
            terminal.press("5")
            terminal.until("GEPA · ")
            terminal.until(lambda text: "trial" in text and "running" in text, 60)
            after = state_of(root)
            assert after.run_id == before.run_id
            assert [one.id for one in after.candidates][: len(before.candidates)] == [
                one.id for one in before.candidates
            ]
            terminal.press("s")
            terminal.until("best so far is kept")
            terminal.press("y")
            terminal.until("stopped", 60)
            terminal.press("q")
            assert terminal.wait_exit() == 0
    ended = state_of(root)
    assert (ended.status, ended.stop_reason) == ("stopped", "stopped")
    assert ended.best.candidate is not None


def remote(root: Path, home: Path) -> str:
    """The app, on the far side; the connection brings no COLORTERM along."""
    names = ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    environment = " ".join(f"{name}={shlex.quote(str(home))}" for name in names)
    return f"cd {shlex.quote(str(ROOT))} && env {environment} {shlex.join(compilot(root))}"


def state_of(root: Path) -> RunState:
    (folder,) = run_folders(root)
    return load_state(folder)
