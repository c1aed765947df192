"""The process of a run: it stays under control, and its end is written before it leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import RunError
from core.runs import control
from core.runs.execute import Outcome
from core.runs.folder import RunFolder
from core.runs.launch import resume_run, start_run, wait_for_owner
from core.runs.process import is_alive
from core.runs.worker import Session
from tests.support.runs import finish, make_recipe, make_workspace, totals, wait_for


def test_a_tick_that_fails_does_not_end_the_control_of_a_run(tmp_path):
    workspace = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(workspace, "GEPA", dials={"latency": 0.05}), workspace)
    wait_for(run, lambda state: totals(state)["paid"] > 0)
    folder = RunFolder(run.folder)
    (run.folder / "limits.json").mkdir()
    wait_for(run, lambda state: "control failed" in folder.output.read_text())
    control.stop(run.folder)
    assert finish(run).status == "stopped"
    assert folder.output.read_text().count("control failed") == 1, "one line for what fails at every tick"


def test_who_ends_a_run_second_waits_until_its_end_is_written(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "w")
    folder = RunFolder(workspace / ".compilot" / "runs" / "261101-100000-gepa-aaaa")
    folder.create(make_recipe(workspace, "GEPA"), workspace, time.time())
    session = Session(folder, 1, force=False)
    writes, go_on, told = threading.Event(), threading.Event(), []
    write_json = RunFolder.write_json

    def write_slowly(self, name, value):
        writes.set()
        assert go_on.wait(10)
        return write_json(self, name, value)

    def end_second():
        session._end(Outcome("completed", "completed"))
        told.append(json.loads((folder.path / "result.json").read_text())["status"])

    monkeypatch.setattr(RunFolder, "write_json", write_slowly)
    first = threading.Thread(target=session._end, args=[Outcome("stopped", "stopped")])
    second = threading.Thread(target=end_second)
    first.start()
    assert writes.wait(10)
    second.start()
    second.join(0.3)
    assert second.is_alive()
    go_on.set()
    first.join()
    second.join()
    assert told == ["stopped"]
    assert folder.events.read_text().count('"run_ended"') == 1


@pytest.mark.parametrize("state", ["paused", "queued", "running"])
def test_a_run_whose_folder_is_deleted_leaves_no_process(tmp_path, state):
    workspace = make_workspace(tmp_path / "w")
    recipe = make_recipe(workspace, "GEPA", dials={"latency": 0.5})
    run = before = start_run(recipe, workspace)
    wait_for(run, lambda now: totals(now)["paid"] > 0)
    if state == "paused":
        control.pause(run.folder)
        wait_for(run, lambda now: now.status == "paused")
    if state == "queued":
        run = start_run(recipe, workspace, after=before.run_id)
        wait_for(run, lambda now: now.phase == "queued")
    owner = RunFolder(run.folder).read_owner()
    end = time.monotonic() + 10
    while is_alive(owner) and time.monotonic() < end:
        # The process may make a file in the very moment in which the folder is emptied.
        shutil.rmtree(run.folder, ignore_errors=True)
        time.sleep(0.02)
    assert not is_alive(owner)
    if before is not run:
        control.kill(before.folder)


def test_of_two_resumes_at_once_the_loser_is_told_of_the_other(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "w")
    run = start_run(make_recipe(workspace, "GEPA", dials={"latency": 0.2}), workspace)
    wait_for(run, lambda state: totals(state)["paid"] > 0)
    control.kill(run.folder)
    monkeypatch.setattr("core.runs.launch.is_alive", lambda owner: False)

    def resume():
        try:
            return resume_run(run.folder)
        except RunError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        ends = [future.result() for future in [pool.submit(resume), pool.submit(resume)]]
    control.kill(run.folder)
    [error] = [end for end in ends if isinstance(end, RunError)]
    assert error.what == f"run {run.run_id} has a process already"
    assert error.where == str(run.folder)
    assert f"compilot runs watch {run.run_id}" in error.fix


def test_a_process_that_ends_at_once_tells_its_own_last_line(tmp_path):
    folder = RunFolder(tmp_path)
    folder.output.write_text("Average Metric: 3 / 4\n")
    before = folder.output.stat().st_size
    with folder.output.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-c", "raise SystemExit('no room')"], stderr=output)
    with pytest.raises(RunError) as caught:
        wait_for_owner(folder, process, output_from=before)
    assert caught.value.what == "the run's process ended at once (exit status 1): no room"
    assert "Average" not in str(caught.value)
