"""Listing, showing, watching and removing runs, on logs made by hand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from core.runs import events as ev
from core.runs.control import read_control
from core.runs.folder import RunFolder
from core.runs.turns import last_in_line
from core.workspace import Workspace
from tests.support.stories import ending, story

FIRST, SECOND = "261101-100000-gepa-aaaa", "261102-100000-gepa-bbbb"
MakeRun = Callable[..., Path]


def test_no_runs_yet(invoke, workspace: Workspace) -> None:
    answer = invoke("runs", "ls", "-w", workspace.root)
    assert (answer.code, answer.out) == (0, "")
    assert "compilot run" in answer.err
    assert invoke("runs", "ls", "-w", workspace.root, "--json").json == []
    answer = invoke("runs", "show", "-w", workspace.root)
    assert answer.code == 1
    assert "no runs yet" in answer.err


def test_runs_are_listed_newest_first(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    make_run(FIRST)
    make_run(SECOND, *story(), *ending("stopped", "budget"))
    lines = invoke("runs", "ls", "-w", workspace.root).out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", SECOND, FIRST]
    assert "stopped (budget)" in lines[1]
    assert "25.0 %" in lines[1]
    assert "75.0 %" in lines[1]
    rows = invoke("runs", "ls", "-w", workspace.root, "--json").json
    assert [row["run_id"] for row in rows] == [SECOND, FIRST]
    assert rows[0]["best"] == 0.75


def test_a_damaged_run_is_listed_with_the_others_and_can_be_removed(
    invoke, workspace: Workspace, make_run: MakeRun
) -> None:
    make_run(FIRST)
    damaged = make_run(SECOND)
    (damaged / "owner.json").write_text('{"pid": 12')
    lines = invoke("runs", "ls", "-w", workspace.root).out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[SECOND, "damaged"], [FIRST, "completed"]]
    rows = invoke("runs", "ls", "-w", workspace.root, "--json").json
    assert "owner.json is damaged" in rows[0]["stop_reason"]
    assert last_in_line(workspace.root) is None
    assert invoke("runs", "rm", SECOND, "-y", "-w", workspace.root).code == 0
    assert not damaged.exists()


def test_a_run_is_shown_to_people_and_to_scripts(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    make_run(FIRST)
    answer = invoke("runs", "show", "-w", workspace.root)
    for said in (
        "completed after 1 min 15 s",
        "+50.0 and +50.0 points",
        "cbbbbbbbbbb",
        "1,208",
        "a row is empty",
        "hello from the optimizer",
    ):
        assert said in answer.out, said
    state = invoke("runs", "show", FIRST[:10], "-w", workspace.root, "--json").json
    for key in ("status", "stop_reason", "phase", "trial", "best", "ledger", "candidates", "owner"):
        assert key in state
    assert state["status"] == "completed"
    assert state["best"]["test"] == 0.7
    assert isinstance(state["owner"]["pid"], int)


@pytest.mark.parametrize("name", ["../x", "x" * 300, "a\nb", "", "261", "\x1b[2J", "/etc"])
def test_names_that_are_no_run_are_refused(
    invoke, workspace: Workspace, make_run: MakeRun, name: str
) -> None:
    make_run(FIRST)
    make_run(SECOND)
    for command in (("runs", "show"), ("runs", "kill"), ("runs", "rm", "-y"), ("eval",)):
        answer = invoke(*command, name, "-w", workspace.root)
        assert answer.code == 1
        assert answer.err.startswith("error: ")
        assert "\x1b" not in answer.err
    assert len(list(workspace.runs_dir.iterdir())) == 2


def test_watching_a_run_that_ended_tells_how(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    make_run(FIRST)
    answer = invoke("runs", "watch", "-w", workspace.root)
    assert answer.code == 0
    assert "trial 1: 75.0 % on 8 val rows, 1 errored, cbbbbbbbbbb, the best so far" in answer.out
    assert "warning: a row is empty" in answer.out
    assert "completed after" in answer.out


def test_a_run_without_a_score_has_nothing_to_export(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    ended = ev.RunEnded(
        status="stopped",
        stop_reason="budget",
        detail="calls cap reached: 60 of 60",
        seconds=3.0,
        scores={"baseline": {"val": None, "test": None}, "best": {"val": None, "test": None}},
        best="caaaaaaaaaa",
        artifact="/somewhere/program.json",
    )
    begun, phase, noted, *_ = story()
    folder = make_run(FIRST, begun, phase, noted, ended)
    out = invoke("runs", "watch", folder.name, "-w", workspace.root).out
    assert "calls cap reached" in out
    assert "compilot export" not in out
    assert "program.json" not in out
    folder = make_run(SECOND)
    assert "next: compilot export" in invoke("runs", "watch", folder.name, "-w", workspace.root).out


def test_watching_with_json_ends_with_the_result(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    make_run(FIRST)
    answer = invoke("runs", "watch", "-w", workspace.root, "--json")
    assert answer.out.count("\n") == 1
    assert answer.json["status"] == "completed"
    answer = invoke("runs", "watch", "-w", workspace.root, "--progress", "json")
    first, *_, last = map(orjson.loads, answer.out.splitlines())
    assert first["type"] == "progress"
    assert last["best"] == {"val": 0.75, "test": 0.7, "candidate": "cbbbbbbbbbb"}
    assert {
        "run_id",
        "stop_reason",
        "optimizer",
        "baseline",
        "ledger",
        "rollouts",
        "seconds",
        "artifact",
    } <= set(last)


def test_a_run_whose_process_is_gone_fails_and_says_how_to_go_on(
    invoke, workspace: Workspace, make_run: MakeRun
) -> None:
    make_run(FIRST, *story())
    answer = invoke("runs", "watch", "-w", workspace.root, "--json")
    assert answer.code == 1
    assert answer.json["status"] == "dead"
    assert f"compilot runs resume {FIRST}" in answer.err
    assert invoke("runs", "show", "-w", workspace.root, "--json").json["status"] == "dead"


def test_a_failed_run_is_exit_code_1_with_its_reason(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    end = ev.RunEnded(
        status="failed", stop_reason="failed", detail="the metric raised", where="metrics.py:3", fix="mend it"
    )
    make_run(FIRST, *story(), end)
    answer = invoke("runs", "watch", "-w", workspace.root)
    assert answer.code == 1
    assert answer.err.splitlines()[-3:] == [
        "error: the metric raised",
        "  where: metrics.py:3",
        "  fix: mend it",
    ]


@pytest.mark.timeout(20)
def test_stop_waits_as_long_as_it_was_told_to(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    make_run(FIRST, *story(), owned=True)
    began = time.monotonic()
    answer = invoke("runs", "stop", "-w", workspace.root, "--wait", "0.3", "--json")
    assert answer.json["status"] == "stopping"
    assert 0.3 <= time.monotonic() - began < 5


@pytest.mark.parametrize("command", ["pause", "stop", "kill"])
def test_a_run_without_a_process_cannot_be_controlled(
    invoke, workspace: Workspace, make_run: MakeRun, command: str
) -> None:
    make_run(FIRST)
    answer = invoke("runs", command, "-w", workspace.root)
    assert answer.code == 1
    assert "no living process" in answer.err


@pytest.mark.parametrize("command", ["pause", "stop", "kill"])
def test_a_completed_run_is_not_said_to_go_on(
    invoke, workspace: Workspace, make_run: MakeRun, command: str
) -> None:
    RunFolder(make_run(FIRST)).write_json("result.json", {"status": "completed"})
    answer = invoke("runs", command, "-w", workspace.root)
    assert answer.code == 1
    assert "has completed" in answer.err
    assert "resume" not in answer.err


def test_pausing_leaves_the_word_in_the_folder(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    folder = make_run(FIRST, *story(), owned=True)
    for command, word in (("pause", "pause"), ("resume", "run")):
        answer = invoke("runs", command, "-w", workspace.root, "--json")
        assert answer.code == 0
        assert answer.json["run_id"] == FIRST
        control = read_control(RunFolder(folder))
        assert control is not None
        assert control.command == word


def test_removing_asks_once_and_takes_the_whole_folder(
    invoke, workspace: Workspace, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(FIRST)
    make_run(SECOND)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    answer = invoke("runs", "rm", FIRST, "-w", workspace.root)
    assert (answer.code, answer.out) == (1, "")
    assert "nothing removed" in answer.err
    assert "interrupted" not in answer.err
    assert (workspace.runs_dir / FIRST).exists()
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "y")
    assert invoke("runs", "rm", FIRST, "-w", workspace.root).code == 0
    assert [path.name for path in workspace.runs_dir.iterdir()] == [SECOND]
    answer = invoke("runs", "rm", SECOND, SECOND, "-y", "-w", workspace.root, "--json")
    assert answer.json == {"removed": [SECOND]}
    assert list(workspace.runs_dir.iterdir()) == []


def test_only_yes_removes_a_run_unasked(
    invoke, workspace: Workspace, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(FIRST)
    for terminal, arguments in ((True, ["--json"]), (False, []), (False, ["--json"])):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda answer=terminal: answer))
        answer = invoke("runs", "rm", "latest", "-w", workspace.root, *arguments)
        assert answer.code == 2
        assert "-y" in answer.err
    assert (workspace.runs_dir / FIRST).exists()


def test_a_minibatch_score_is_not_listed_as_the_best(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    half = ev.BestChanged(candidate="caaaaaaaaaa", score=0.97, kind="minibatch", split="train")
    make_run(FIRST, *story()[:3], half)
    line = invoke("runs", "ls", "-w", workspace.root).out.splitlines()[1]
    assert "97" not in line
    row = invoke("runs", "ls", "-w", workspace.root, "--json").json[0]
    assert (row["best"], row["best_kind"]) == (0.97, "minibatch")


def test_runs_that_cannot_be_read_are_no_missing_runs(
    invoke, workspace: Workspace, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(FIRST)
    closed = make_run(SECOND)
    access = os.access

    def close(*paths: Path) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: path not in paths and access(path, mode))

    close(closed)
    answer = invoke("runs", "ls", "-w", workspace.root)
    assert [line.split()[:2] for line in answer.out.splitlines()[1:]] == [
        [SECOND, "damaged"],
        [FIRST, "completed"],
    ]
    assert f"cannot be read: {closed}" in answer.err
    close(workspace.runs_dir)
    for command in ("ls", "show"):
        answer = invoke("runs", command, "-w", workspace.root)
        assert answer.code == 1
        assert str(workspace.runs_dir) in answer.err


def test_a_living_run_is_not_removed(invoke, workspace: Workspace, make_run: MakeRun) -> None:
    folder = make_run(FIRST, *story(), owned=True)
    answer = invoke("runs", "rm", "latest", "-y", "-w", workspace.root)
    assert answer.code == 1
    assert "stop" in answer.err
    assert folder.exists()


@pytest.mark.parametrize(
    ("name", "found"), [("2", "cbbbbbbbbbb"), ("caaa", "caaaaaaaaaa"), ("cb", "cbbbbbbbbbb")]
)
def test_a_candidate_is_found_by_number_or_beginning(make_run: MakeRun, name: str, found: str) -> None:
    from tui.commands.runs import find_candidate

    assert find_candidate(make_run(FIRST), name) == found


@pytest.mark.parametrize("name", ["9", "c", "x", "../b"])
def test_a_candidate_that_is_not_there(
    invoke, workspace: Workspace, make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    make_run(FIRST)
    answer = invoke("export", "--candidate", name, "-o", tmp_path / "out", "-w", workspace.root)
    assert answer.code == 1
    assert "runs show" in answer.err
    assert not (tmp_path / "out").exists()


def test_hostile_words_in_a_log_cannot_steer_the_terminal(
    invoke, workspace: Workspace, make_run: MakeRun
) -> None:
    bad = "\x1b]0;X\x07\x9b31m\u202e[/nope][bold"
    make_run(
        FIRST,
        *story(optimizer=bad),
        ev.LogLine(message=bad, level="error"),
        ev.Warned(what=bad, fix=bad),
        ev.CandidateNoted(id=bad, file=bad, origin=bad),
        ev.EvaluationEnded(evaluation="e", kind="full", split="val", score=1.0, size=1, candidate=bad),
        ev.RunEnded(status="failed", stop_reason="failed", detail=bad, where=bad, fix=bad),
    )
    for command in (("ls",), ("show",), ("watch",)):
        answer = invoke("runs", *command, "-w", workspace.root)
        for text in (answer.out, answer.err):
            assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
