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
from core.runs.process import describe_self
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
    put_after(second, "261101-090000-gone-cccc")
    assert is_turn(second), "the run before it was deleted"


def test_an_id_that_is_none_is_refused(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    with pytest.raises(RunError):
        start_run(make_recipe(workspace, "LabeledFewShot"), workspace, after="../elsewhere")


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
