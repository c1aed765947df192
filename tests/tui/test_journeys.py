"""The command line as a person uses it: real processes, real optimizers, embedded models."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.samples import copy_sample

COMPILOT = [sys.executable, "-m", "tui.cli"]


def compilot(*arguments: str | Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [*COMPILOT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)


def last_json(done: subprocess.CompletedProcess[str]) -> Any:
    return orjson.loads(done.stdout.splitlines()[-1])


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Terminal:
    """A pseudo-terminal of 80×24 with a command in it."""

    def __init__(self, *arguments: str | Path) -> None:
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
            signal.signal(
                signal.SIGHUP, signal.SIG_DFL
            )  # tests that run under nohup inherit that it is ignored
            os.execv(sys.executable, [*COMPILOT, *map(str, arguments)])
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.screen = b""

    def read_until(self, text: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while text.encode() not in self.screen:
            assert time.monotonic() < end, self.screen[-3000:]
            if not self._read():
                raise AssertionError(f"ended before {text!r}: {self.screen[-3000:]!r}")

    def press(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def exit_code(self) -> int:
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 0.2)
        if not ready:
            return True
        try:
            chunk = os.read(self._descriptor, 65536)
        except OSError:
            # Linux says EIO when the last process on the terminal has gone.
            return False
        self.screen += chunk
        return bool(chunk)


@pytest.fixture
def router(tmp_path: Path) -> Path:
    copy_sample("router", tmp_path / "router")
    return tmp_path / "router"


@pytest.fixture
def triage(tmp_path: Path) -> Iterator[Path]:
    """A paced workspace; whatever still runs in it at the end is killed."""
    folder = tmp_path / "triage"
    copy_sample("triage", folder)
    yield folder
    for owner in folder.glob(".compilot/runs/*/owner.json"):
        pid = orjson.loads(owner.read_bytes())["pid"]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def test_run_export_and_score_give_one_story(router: Path, tmp_path: Path) -> None:
    done = compilot("run", "-w", router, "--optimizer", "LabeledFewShot", "--json", "--max-minutes", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    result = last_json(done)
    assert result["status"] == result["stop_reason"] == "completed"
    assert set(result["best"]) >= {"val", "test", "candidate"}
    assert result["best"]["test"] > result["baseline"]["test"]
    student = result["ledger"]["student"]
    assert student["asked"] == sum(student[name] for name in ("paid", "joined", "replayed", "errors"))
    assert (router / ".compilot" / ".gitignore").read_text() == "*\n"

    scored = last_json(compilot("eval", "-w", router, "--json"))
    assert scored["score"] == pytest.approx(result["best"]["test"])

    exported = compilot("export", "-w", router, "-o", tmp_path / "out", "--json")
    assert last_json(exported)["verified"]["score"] == pytest.approx(result["best"]["val"])
    again = last_json(compilot("eval", tmp_path / "out", "-w", router, "--json"))
    assert again["score"] == pytest.approx(result["best"]["test"])


def test_a_program_that_is_not_there_fails_in_three_lines(router: Path) -> None:
    done = compilot("run", "-w", router, "--set", "program.target=program.py:Nope", "--json")
    assert done.returncode == 1
    assert last_json(done)["status"] == "failed"
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) == 3
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_piped_output_is_plain_lines(router: Path) -> None:
    done = compilot("run", "-w", router, "--optimizer", "LabeledFewShot")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "compiling with LabeledFewShot" in done.stdout
    assert "completed after" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_progress_as_json_lines_ends_with_the_result(router: Path) -> None:
    done = compilot("run", "-w", router, "--optimizer", "LabeledFewShot", "--progress", "json")
    *progress, result = map(orjson.loads, done.stdout.splitlines())
    assert len(progress) >= 3
    assert all(line["type"] == "progress" for line in progress)
    assert result["status"] == "completed"


@pytest.mark.slow
def test_a_detached_run_outlives_its_starter_and_can_be_stopped(triage: Path) -> None:
    began = time.monotonic()
    started = last_json(compilot("run", "-w", triage, "--detach", "--json"))
    assert time.monotonic() - began < 10
    assert set(started) >= {"run_id", "pid", "folder"}
    assert is_alive(started["pid"])
    terminal = Terminal("runs", "watch", "-w", triage)
    terminal.read_until("compile")
    terminal.press(b"\x03")
    assert terminal.exit_code() == 130
    assert b"goes on" in terminal.screen
    assert is_alive(started["pid"])
    stopped = compilot("runs", "stop", "-w", triage, "--json")
    assert stopped.returncode == 0
    assert last_json(stopped)["status"] == "stopped"
    assert not is_alive(started["pid"])


@pytest.mark.slow
def test_a_paused_run_calls_no_model_until_it_is_resumed(triage: Path) -> None:
    last_json(compilot("run", "-w", triage, "--detach", "--json"))

    def state() -> Any:
        return last_json(compilot("runs", "show", "-w", triage, "--json"))

    compilot("runs", "pause", "-w", triage)
    end = time.monotonic() + 30
    while state()["status"] != "paused":
        assert time.monotonic() < end
    time.sleep(0.5)
    before = state()
    time.sleep(1.0)
    assert state()["ledger"] == before["ledger"]
    assert compilot("runs", "resume", "-w", triage).returncode == 0
    while state()["status"] != "running":
        assert time.monotonic() < end + 30


@pytest.mark.slow
def test_a_killed_run_is_resumed_by_the_same_word(router: Path) -> None:
    started = last_json(
        compilot(
            "run", "-w", router, "--optimizer", "GEPA", "--set", "max_metric_calls=200", "--detach", "--json"
        )
    )
    folder = Path(started["folder"])
    end = time.monotonic() + 60
    while len(list((folder / "candidates").glob("*.json"))) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(started["pid"], signal.SIGKILL)
    while last_json(compilot("runs", "show", "-w", router, "--json"))["status"] != "dead":
        assert time.monotonic() < end
    done = compilot("runs", "resume", "-w", router, "--watch", "--json")
    assert done.returncode == 0, done.stderr
    assert last_json(done)["status"] == "completed"


@pytest.mark.slow
def test_ctrl_c_once_stops_and_keeps_the_best(triage: Path) -> None:
    terminal = Terminal("run", "-w", triage)
    terminal.read_until("trial 2")
    terminal.press(b"\x03")
    assert terminal.exit_code() == 130
    assert b"stopped" in terminal.screen
    state = last_json(compilot("runs", "show", "-w", triage, "--json"))
    assert state["status"] == "stopped"
    assert state["best"]["candidate"]
    assert not is_alive(state["owner"]["pid"])


@pytest.mark.slow
def test_ctrl_c_twice_kills(triage: Path) -> None:
    done = subprocess.Popen(
        [*COMPILOT, "run", "-w", str(triage), "--set", "models.student.dials.latency=3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stdout is not None
    for line in done.stdout:
        if "scoring the program as it is" in line:
            break
    done.send_signal(signal.SIGINT)
    time.sleep(0.5)
    done.send_signal(signal.SIGINT)
    out, err = done.communicate(timeout=30)
    assert done.returncode == 130
    assert "Ctrl+C again kills" in err
    assert "killed" in out
    assert "compilot runs resume" in err
    state = last_json(compilot("runs", "show", "-w", triage, "--json"))
    assert state["status"] == "killed"
    assert not is_alive(state["owner"]["pid"])


@pytest.mark.slow
def test_closing_the_terminal_leaves_the_run_alive(triage: Path) -> None:
    terminal = Terminal("run", "-w", triage)
    terminal.read_until("baseline")
    os.kill(terminal.pid, signal.SIGHUP)
    terminal.exit_code()
    state = last_json(compilot("runs", "show", "-w", triage, "--json"))
    assert state["status"] == "running"
    assert is_alive(state["owner"]["pid"])
