"""A run is read as it grows: nothing twice, nothing missing, whatever happens to its files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import RunError
from core.runs import events as ev
from core.runs.shelf import RunShelf
from core.workspace import Workspace
from tests.support.run_folders import append_events, write_run
from tests.support.stories import ending, story
from tui.follower import OutputTail, RunReader
from tui.notify import News, RunWatch, describe_end, tell_news
from tui.settings import Settings


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


def test_only_news_are_told(workspace: Workspace) -> None:
    folder = write_run(workspace, story(), owned=True)
    reader = RunReader(folder.path)
    first = reader.read()
    assert first is not None
    assert first.first
    assert first.settled
    assert first.state.trial == 2
    assert first.threads == 8
    assert any("hello" in line.text for line in first.lines)
    assert reader.read() is None
    append_events(folder, [ev.LogLine(message="more")], start=time.time(), after=100)
    more = reader.read()
    assert more is not None
    assert [line.text for line in more.lines] == ["more"]
    assert not more.first


def test_a_half_written_line_waits_for_its_end(workspace: Workspace) -> None:
    folder = write_run(workspace, story(), owned=True)
    reader = RunReader(folder.path)
    reader.read()
    with folder.events.open("ab") as log:
        log.write(b'{"type":"log","seq":900,"t":1.0,"message":"h\xc3')
        log.flush()
        assert reader.read() is None
        log.write(b'\xa9"}\n')
    told = reader.read()
    assert told is not None
    assert told.lines[-1].text == "hé"


def test_a_log_that_begins_anew_is_shown_anew(workspace: Workspace) -> None:
    folder = write_run(workspace, [*story(), *ending()], owned=True)
    reader = RunReader(folder.path)
    reader.read()
    folder.events.unlink()
    append_events(folder, story("COPRO")[:3], start=time.time())
    again = reader.read()
    assert again is not None
    assert again.first
    assert again.state.optimizer == "COPRO"
    assert again.state.status == "running"


def test_a_dead_owner_is_noticed_without_a_new_event(workspace: Workspace) -> None:
    folder = write_run(workspace, story(), owned=True)
    reader = RunReader(folder.path)
    reader.read()
    owner = folder.read_owner()
    assert owner is not None
    import msgspec

    folder.write_owner(msgspec.structs.replace(owner, pid=2**22 + os.getpid()))
    told = reader.read()
    assert told is not None
    assert told.state.status == "dead"
    assert told.lines == ()


def test_what_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        RunReader(tmp_path).read()


def test_output_of_progress_bars_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    tail = OutputTail(path)
    assert tail.read() == []
    path.write_bytes(b"one\r\n  0%|\r 50%|\r100%|\n\n\xff\xfe broken\npart")
    assert [line.text for line in tail.read()] == ["one", "100%|", "\ufffd\ufffd broken"]
    with path.open("ab") as file:
        file.write(b"ial\n")
    assert [line.text for line in tail.read()] == ["partial"]
    path.write_bytes(b"new\n")
    assert [line.text for line in tail.read()] == ["new"], "a capped file begins anew"


def test_the_shelf_reads_what_changed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    done = write_run(workspace, [*story(), *ending()], run_id="261101-100000-gepa-aaaa")
    live = write_run(
        workspace, story("COPRO"), run_id="261031-100000-copro-bbbb", owned=True, optimizer="COPRO"
    )
    shelf = RunShelf(workspace.root)
    first = shelf.read()
    assert [(run.run_id, run.status) for run in first] == [
        (live.run_id, "running"),
        (done.run_id, "completed"),
    ]
    assert (first[1].baseline, first[1].best, first[1].best_kind) == (0.25, 0.75, "full")
    read: list[str] = []
    import core.runs.shelf as module

    original = module.summarize
    monkeypatch.setattr(
        module, "summarize", lambda state, path: (read.append(path.name), original(state, path))[1]
    )
    append_events(live, ending(), start=time.time(), after=100)
    second = shelf.read()
    assert read == [live.run_id], "a run that is over is not read again"
    assert {run.run_id: run.status for run in second}[live.run_id] == "completed"
    (done.path / "recipe.json").write_text("{")
    (done.path / "events.jsonl").write_text("")
    damaged = next(run for run in shelf.read() if run.run_id == done.run_id)
    assert damaged.status in ("damaged", "dead")


def test_the_shelf_takes_a_recorded_result_for_the_log(workspace: Workspace) -> None:
    folder = write_run(workspace, story())
    row = {"paid": 3, "usd": 0.5}
    result = {
        "status": "stopped",
        "stop_reason": "budget",
        "optimizer": "GEPA",
        "baseline": {"val": 0.1, "test": None},
        "best": {"val": None, "test": None, "candidate": "c1"},
        "ledger": {"student": row, "reflection": row},
        "seconds": 12.0,
        "attempts": 1,
    }
    folder.write_json("result.json", result)
    folder.write_json("best.json", {"candidate": "c1", "score": 0.9, "kind": "minibatch", "split": "val"})
    (run,) = RunShelf(workspace.root).read()
    assert (run.status, run.stop_reason, run.calls, run.usd) == ("stopped", "budget", 6, 1.0)
    assert (run.best, run.best_kind) == (0.9, "minibatch")


def test_an_end_is_told_once(workspace: Workspace) -> None:
    import msgspec

    folder = write_run(workspace, story(), owned=True)
    watch = RunWatch(workspace.root)
    assert watch.look() == (1, [])
    assert watch.look() is None, "nothing changed"
    append_events(folder, ending(), start=time.time(), after=100)
    owner = folder.read_owner()
    assert owner is not None
    folder.write_owner(msgspec.structs.replace(owner, pid=2**22 + os.getpid()))
    news = watch.look()
    assert news is not None
    assert news.live == 0
    assert [describe_end(run) for run in news.ended] == ["GEPA completed · val 25.0 % → 75.0 % · 1 min 15 s"]
    assert watch.look() is None


class Loud:
    """An app's surface, as far as telling of an end needs it."""

    is_headless = False

    def __init__(self, root: Path, **settings: bool) -> None:
        self.session = SimpleNamespace(root=root, live_runs=0, note=lambda *parts: None)
        self.settings = Settings(**settings)
        self.sent: list[str] = []
        self.rung = 0
        self.said: list[str] = []
        self._driver = SimpleNamespace(write=self.sent.append)

    def bell(self) -> None:
        self.rung += 1

    def notify(self, text: str, **_: object) -> None:
        self.said.append(text)


def test_ends_are_told_in_every_way_that_is_on(workspace: Workspace) -> None:
    (ended,) = RunShelf(write_run(workspace, [*story("[b]\x1b]0;x\x07"), *ending()]).path.parents[2]).read()
    hostile = workspace.root.parent / "ws\x1b]0;PWNED\x07"
    loud = Loud(hostile)
    tell_news(loud, News(0, [ended]))  # type: ignore[arg-type]
    assert loud.rung == 1
    assert len(loud.said) == 1
    title, desktop = loud.sent
    assert title.startswith("\x1b]2;Compilot · ")
    assert desktop.startswith("\x1b]9;Compilot: ")
    assert all(text.count("\x1b") == 1 and text.count("\x07") == 1 for text in loud.sent)
    quiet = Loud(hostile, notify_bell=False, notify_desktop=False, notify_title=False)
    tell_news(quiet, News(2, [ended]))  # type: ignore[arg-type]
    assert (quiet.rung, quiet.sent, len(quiet.said)) == (0, [], 1)
    assert quiet.session.live_runs == 2
