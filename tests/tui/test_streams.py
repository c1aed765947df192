"""Where the command line cannot write, or is interrupted: one line, the declared exit code, no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.support.terminal import compilot

full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@full_disk
@pytest.mark.parametrize("arguments", [("runs", "ls", "--json"), ("data", "show"), ("--help",)])
def test_a_full_disk_under_stdout_is_one_line(workspace: Workspace, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            compilot(*arguments), cwd=workspace.root, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "error: cannot write the output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault" not in done.stderr


def test_a_closed_stdout_is_told(workspace: Workspace) -> None:
    done = _shell('"$@" >&-', "runs", "ls", cwd=workspace.root)
    assert (done.returncode, done.stderr) == (1, "error: cannot write the output: stdout is closed\n")


def test_closed_stdin_and_stderr_do_no_harm(workspace: Workspace) -> None:
    done = _shell('"$@" <&- 2>&-', "runs", "ls", "--json", cwd=workspace.root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_a_reader_that_goes_away_ends_it_quietly(workspace: Workspace) -> None:
    done = _shell('"$@" | head -1', "data", "show", "-n", "2000", cwd=workspace.root)
    assert done.stdout.startswith("row")
    assert "error" not in done.stderr


def test_letters_that_the_encoding_lacks_are_replaced(workspace: Workspace) -> None:
    done = _shell('PYTHONIOENCODING=latin-1 "$@"', "data", "show", "-n", "2", cwd=workspace.root)
    assert done.returncode == 0
    assert "?" in done.stdout


@pytest.mark.parametrize("module", ["click", "msgspec", "core.recipe"])
def test_an_interrupt_while_modules_load_is_130(workspace: Workspace, module: str) -> None:
    """The signal comes in the middle of the first import of the module."""
    code = f"""
import os, signal, sys
class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.argv = ["compilot", "data", "show"]
import tui.start
sys.meta_path.insert(0, Finder())
tui.start.main()
"""
    done = subprocess.run(
        [compilot()[0], "-c", code], cwd=workspace.root, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_after_the_end_leaves_the_exit_code(workspace: Workspace) -> None:
    code = """
import os, signal, sys
sys.argv = ["compilot", "runs", "ls", "--json"]
import tui.start
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT):
        kill(pid, number)
sys.late = Late()
tui.start.main()
"""
    done = subprocess.run(
        [compilot()[0], "-c", code], cwd=workspace.root, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def _shell(line: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line, "sh", *compilot(*arguments)], cwd=cwd, capture_output=True, text=True, timeout=60
    )
