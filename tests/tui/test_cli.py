"""The frame of the command line: help, exit codes, errors in three lines, nothing heavy imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from core.errors import WorkspaceError
from core.workspace import Workspace
from tui import cli as cli_module
from tui.cli import cli
from tui.commands import COMMANDS
from tui.lazy import LazyGroup

Invoke = Callable[..., object]


def _all_commands(
    group: LazyGroup, names: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*names, name), command))
        if isinstance(command, LazyGroup):
            found += _all_commands(command, (*names, name))
    return found


@pytest.mark.parametrize(("names", "command"), _all_commands(cli), ids=lambda value: str(value)[:40])
def test_every_command_says_what_it_does(invoke, names: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    answer = invoke(*names, "--help")
    assert answer.code == 0
    assert "Usage: compilot" in answer.out


def test_help_lists_every_command(invoke) -> None:
    for arguments in ((), ("--help",), ("-h",)):
        answer = invoke(*arguments)
        assert answer.code == 0
        for row in COMMANDS:
            assert row.name in answer.out
            assert row.help.split()[0] in answer.out


def test_the_version_is_told(invoke) -> None:
    assert invoke("--version").out.startswith("compilot ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "did you mean `run`"),
        (["runs", "sow"], "did you mean `show`"),
        (["run", "--nope"], "--nope"),
        (["run", "--seed", "x"], "--seed"),
        (["run", "--progress", "loud"], "--progress"),
        (["export"], "--output"),
        (["eval", "--split", "all"], "--split"),
        (["init", "x", "--sample", "router", "--data", "y"], "--sample"),
        (["run", "--set", "novalue"], "NAME=VALUE"),
        (["run", "--model", "boss=x"], "roles"),
    ],
)
def test_wrong_usage_is_exit_code_2_in_three_lines(
    invoke, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(workspace.root)
    answer = invoke(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  where: compilot")
    assert lines[2].startswith("  fix: ")
    assert said in answer.err


def test_an_error_with_json_is_an_object_on_stdout_too(invoke, tmp_path: Path) -> None:
    answer = invoke("runs", "ls", "--json", "--workspace", tmp_path)
    assert answer.code == 1
    assert answer.json["error"] == "WorkspaceError"
    assert "compilot init" in answer.json["fix"]
    assert answer.err.startswith("error: ")
    answer = invoke("runs", "ls", "--json", "--nope")
    assert answer.code == 2
    assert answer.json["error"] == "UsageError"


def test_hostile_words_in_an_error_cannot_steer_the_terminal(invoke, tmp_path: Path) -> None:
    for arguments in (["\x1b]0;X\x07"], ["runs", "ls", "--workspace", tmp_path / "\x1b[2J\u202e"]):
        answer = invoke(*arguments)
        assert answer.code in (1, 2)
        assert "\x1b" not in answer.err
        assert "\u202e" not in answer.err


def test_a_fault_of_our_own_shows_no_traceback_but_keeps_one(
    invoke, home: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Workspace, "open", fail)
    answer = invoke("runs", "ls")
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "ZeroDivisionError: oops" in answer.err
    (log,) = home.rglob("crash-*.log")
    assert "Traceback" in log.read_text()
    assert str(log) in answer.err


@pytest.mark.parametrize("raised", [KeyboardInterrupt, click.Abort])
def test_an_interrupt_is_exit_code_130(invoke, monkeypatch: pytest.MonkeyPatch, raised: type) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(Workspace, "open", interrupt)
    assert invoke("runs", "ls").code == 130


def test_a_reader_that_goes_away_is_no_error(workspace: Workspace) -> None:
    command = f"{sys.executable} -m tui.cli --help | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_errors_are_printed_once(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WorkspaceError("what", where="where", fix="fix")

    monkeypatch.setattr(cli_module.cli, "main", fail)
    assert invoke("runs").err == "error: what\n  where: where\n  fix: fix\n"


_LOADED = """
import sys
from tui.cli import run_command
run_command(sys.argv[1:])
sys.stderr.write(" ".join(sys.modules))
"""


def _modules(*arguments: str, cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], cwd=cwd, capture_output=True, text=True, env=os.environ
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["runs", "ls"], ["runs", "show"], ["run", "--optimizer", "Nope"], ["init"]]
)
def test_commands_never_load_dspy_or_the_users_code(
    workspace: Workspace, make_run, arguments: list[str]
) -> None:
    make_run()
    (workspace.root / "program.py").write_text("raise SystemExit('user code was run')")
    loaded = _modules(*arguments, cwd=workspace.root)
    assert "tui.cli" in loaded
    assert not loaded & {"dspy", "litellm", "textual", "polars", "numpy", "program"}


def test_help_loads_no_command_and_nothing_of_the_core_but_errors(tmp_path: Path) -> None:
    loaded = _modules("--help", cwd=tmp_path)
    assert not loaded & {"rich", "msgspec", "tomlkit", "tinydb", "core.runs", "core.workspace", "psutil"}
    assert not any(name.startswith("tui.commands.") for name in loaded)
