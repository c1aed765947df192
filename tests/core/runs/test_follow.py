"""Following a log that is written, torn, truncated or replaced under the reader."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import events as ev
from core.runs.control import send
from core.runs.folder import RunFolder
from core.runs.follow import EventTail, load_state
from core.runs.process import Owner, describe_self, is_alive, read_boot_id


def lines(count: int) -> bytes:
    events = [ev.LogLine(seq=i, message=f"zwölf ☃ {i}") for i in range(1, count + 1)]
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


@given(st.integers(0, 40), st.integers(0, 2**32))
def test_any_chunking_gives_every_event_once_in_order(tmp_path_factory, count, seed):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    data, rng, seen = lines(count), random.Random(seed), []
    tail = EventTail(path)
    with path.open("ab", buffering=0) as file:
        while data:
            size = rng.randint(1, 60)
            file.write(data[:size])
            data = data[size:]
            seen += [event.seq for event in tail.read()]
    assert seen == list(range(1, count + 1))


def test_torn_and_nul_lines_are_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(1) + b'{"type":"log","mess\n' + b"\0" * 40 + b"\n" + lines(2))
    assert [event.seq for event in EventTail(path).read()] == [1, 1, 2]


def test_truncation_and_replacement_start_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(5))
    tail = EventTail(path)
    assert len(tail.read()) == 5
    path.write_bytes(lines(2))
    assert len(tail.read()) == 2
    path.rename(tmp_path / "old")
    path.write_bytes(lines(4))
    assert len(tail.read()) == 4


def test_a_missing_log_is_empty(tmp_path):
    assert EventTail(tmp_path / "events.jsonl").read() == []


@pytest.mark.parametrize(
    "owner",
    [
        None,
        Owner(pid=0, create_time=0, boot_id=""),
        Owner(pid=2**22 + 1, create_time=0, boot_id=read_boot_id()),
        msgspec.structs.replace(describe_self(1), create_time=1.0, start_ticks=None),
        msgspec.structs.replace(describe_self(1), create_time=1.0, start_ticks=1),
        msgspec.structs.replace(describe_self(1), boot_id="another boot"),
    ],
)
def test_only_the_very_process_is_alive(owner):
    assert not is_alive(owner)
    assert is_alive(describe_self(1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_a_clock_that_is_set_ends_no_process(monkeypatch):
    """psutil gives the start of a process by the clock: the boot time that it adds moves with it."""
    before = describe_self(1)
    boot_time, create_time = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600)
    assert is_alive(before)
    assert not is_alive(msgspec.structs.replace(before, start_ticks=None)), "the times alone do differ"


def test_an_owner_without_ticks_is_known_by_its_time():
    assert is_alive(msgspec.structs.replace(describe_self(1), start_ticks=None))


@pytest.mark.parametrize(("command", "status"), [("kill", "killed"), ("pause", "dead")])
def test_a_gone_process_is_told_by_what_was_asked(tmp_path, command, status):
    folder = RunFolder(tmp_path / "run-1")
    folder.path.mkdir()
    folder.events.write_bytes(
        msgspec.json.encode(ev.RunStarted(run_id="run-1", attempt=1, optimizer="X", recipe_hash="")) + b"\n"
    )
    folder.write_owner(Owner(pid=2**22 + 1, create_time=0, boot_id=read_boot_id()))
    send(folder, command)
    assert load_state(folder.path).status == status
