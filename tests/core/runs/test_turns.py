"""Queued runs: they wait for the run before them, whatever becomes of it, and can be stopped meanwhile."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from core.errors import RunError
from core.runs import control
from core.runs.folder import RunFolder
from core.runs.launch import start_run
from core.runs.listing import run_folders
from core.runs.process import describe_self
from core.runs.removal import remove_run
from core.runs.shelf import RunShelf
from core.runs.turns import is_turn, last_in_line, put_after
from tests.support.runs import finish, make_recipe, make_workspace, wait_for


def make_folder(workspace, run_id: str) -> RunFolder:
    folder = RunFolder(workspace / ".compilot" / "runs" / run_id)
    folder.create(make_recipe(workspace, "GEPA"), workspace, time.time())
    return folder


def test_whose_turn_it_is(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    first = make_folder(workspace, "261101-100000-gepa-aaaa")
    second = make_folder(workspace, "261101-110000-gepa-bbbb")
    assert last_in_line(workspace) is None
    assert is_turn(second), "it was not queued"
    put_after(second, first.run_id)
    assert is_turn(second), "the run before it has no process"
    first.write_owner(describe_self(1))
    assert not is_turn(second)
    assert last_in_line(workspace) == first.run_id
    first.write_owner(msgspec.structs.replace(describe_self(1), pid=2**22 + os.getpid()))
    assert is_turn(second)
    remove_run(first.path)
    assert is_turn(second), "the run before it was deleted"


def test_a_run_waits_for_the_whole_line_when_the_one_between_goes(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    first, second, third = (make_folder(workspace, f"261101-1{n}0000-gepa-aaaa") for n in range(3))
    gone = msgspec.structs.replace(describe_self(1), pid=2**22 + os.getpid())
    for folder in (first, second, third):
        folder.write_owner(describe_self(1))
    put_after(second, first.run_id)
    put_after(third, second.run_id)
    second.write_owner(gone)
    assert not is_turn(third), "the one between was stopped, the first still runs"
    remove_run(second.path)
    assert not is_turn(third), "the one between was removed, the first still runs"
    first.write_owner(gone)
    assert is_turn(third)


@pytest.mark.parametrize("after", ["../elsewhere", "261101-100000-gepa-aaab"])
def test_a_run_that_does_not_exist_is_no_run_to_wait_for(tmp_path, after):
    workspace = make_workspace(tmp_path / "w")
    first = make_folder(workspace, "261101-100000-gepa-aaaa")
    with pytest.raises(RunError, match="there is no run") as caught:
        start_run(make_recipe(workspace, "LabeledFewShot"), workspace, after=after)
    assert run_folders(workspace) == [first.path], "nothing is left of the run that did not start"
    if after.startswith("26"):
        assert caught.value.fix == f"did you mean {first.run_id}?"
    with pytest.raises(RunError, match="there is no run"):
        put_after(first, after)


@pytest.mark.slow
def test_runs_begin_one_after_the_other(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    first = start_run(make_recipe(workspace, "GEPA", dials={"latency": 0.05}), workspace)
    second = start_run(make_recipe(workspace, "LabeledFewShot"), workspace, after=first.run_id)
    third = start_run(make_recipe(workspace, "LabeledFewShot"), workspace, after=second.run_id)
    for waiting in (second, third):
        state = wait_for(waiting, lambda state: state.phase == "queued")
        assert state.status == "pending"
    wait_for(first, lambda state: state.status == "running")
    assert next(run.run_id for run in RunShelf(workspace).read()) == first.run_id
    control.stop(third.folder)
    assert finish(third).status == "stopped"
    control.kill(first.folder)
    state = finish(second)
    assert state.status == "completed", state.detail
    assert state.best.val is not None
