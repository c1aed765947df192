"""Append-only logs: what was acknowledged is there, what a crash cut short is reported, never invented."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.store import BadLine, JsonlWriter, read_jsonl, tail_jsonl
from core.store import jsonl as jsonl_module

_TEXT = st.text(max_size=20)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)
_OBJECTS = st.dictionaries(_TEXT, _VALUES, max_size=4)


def _wait_until(done: Any, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.005)
    return False


@settings(max_examples=40, deadline=None)
@given(objects=st.lists(_OBJECTS, max_size=12), cut=st.integers(0, 40), count=st.integers(0, 15))
def test_round_trip_torn_tail_and_appending_after_it(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]], cut: int, count: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    with JsonlWriter(path) as log:
        for number, obj in enumerate(objects):
            log.append(obj, sync=number % 3 == 0)
    whole = path.read_bytes()
    assert list(read_jsonl(path)) == objects
    assert tail_jsonl(path, count) == (objects[-count:] if count else [])

    path.write_bytes(whole[: max(0, len(whole) - cut)])
    kept = path.read_bytes()
    complete = kept.count(b"\n") + (0 if kept.endswith(b"\n") or len(kept) + 1 != len(whole) else 1)
    bad: list[BadLine] = []
    before = list(read_jsonl(path, bad.append))
    assert before[:complete] == objects[:complete]
    with JsonlWriter(path) as log:
        log.append({"after": 1}, sync=True)
    after = list(read_jsonl(path, bad.append))
    assert after == [*before, {"after": 1}]


def test_a_line_arrives_within_the_flush_time_without_another_append(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path, flush_seconds=0.05) as log:
        log.append({"n": 1})
        assert _wait_until(lambda: path.read_bytes() == b'{"n":1}\n')
        log.append({"n": 2})
        assert _wait_until(lambda: path.read_bytes().endswith(b'{"n":2}\n'))


def test_unsynced_lines_are_batched_and_a_synced_one_takes_them_along(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path, flush_seconds=60) as log:
        log.append({"n": 1})
        log.append({"n": 2})
        assert path.read_bytes() == b""
        log.append({"n": 3}, sync=True)
        assert [obj["n"] for obj in read_jsonl(path)] == [1, 2, 3]


def test_many_threads_lose_and_mix_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path, flush_seconds=0.01) as log:

        def write(who: int) -> None:
            for number in range(300):
                log.append({"who": who, "n": number}, sync=number % 50 == 0)

        threads = [threading.Thread(target=write, args=(who,)) for who in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    rows = list(read_jsonl(path))
    for who in range(6):
        assert [row["n"] for row in rows if row["who"] == who] == list(range(300))


def test_text_and_numbers_that_json_cannot_hold_still_make_a_valid_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path) as log:
        log.append({"x": "\ud800", "n": 2**70, "nan": float("nan"), "esc": "\x1b]0;X\x07\u2028\u0085\r\n"})
        log.append({"n": float("inf")})
    first, second = read_jsonl(path, pytest.fail)
    assert first["x"] == "?"
    assert first["nan"] is None
    assert first["esc"] == "\x1b]0;X\x07\u2028\u0085\r\n"
    assert second == {"n": None}
    assert path.read_bytes().count(b"\n") == 2


def test_garbage_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n":1}\n\x00\x00\x00\n[1]\n\n\xff\xfe\n{"n":2}\n{"n":')
    bad: list[BadLine] = []
    assert [obj["n"] for obj in read_jsonl(path, bad.append)] == [1, 2]
    assert [(line.number, line.torn) for line in bad] == [(2, False), (3, False), (5, False), (7, True)]


def test_a_missing_log_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(StoreError):
        JsonlWriter(tmp_path / "no" / "a.jsonl")


def test_tail_of_a_long_file_reads_its_end_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path) as log:
        for number in range(20_000):
            log.append({"n": number, "text": "x" * 50})
    assert [row["n"] for row in tail_jsonl(path, 3)] == [19_997, 19_998, 19_999]
    assert len(tail_jsonl(path, 5_000)) == 5_000


def test_a_full_disk_raises_and_the_log_is_whole_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    log = JsonlWriter(path, flush_seconds=60)
    log.append({"n": 0}, sync=True)
    real, room = os.write, 5

    def nearly_full(descriptor: int, data: Any) -> int:
        nonlocal room
        taken = bytes(data)[:room]
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room -= len(taken)
        return real(descriptor, taken)

    with monkeypatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", nearly_full)
        for number in (1, 2):
            with pytest.raises(StoreError) as caught:
                log.append({"n": number}, sync=number == 1)
            assert "disk space" in caught.value.fix
    log.append({"n": 3}, sync=True)
    log.close()
    assert [row["n"] for row in read_jsonl(path, pytest.fail)] == [0, 1, 2, 3]


def test_a_failed_background_flush_is_raised_by_the_next_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = JsonlWriter(tmp_path / "a.jsonl", flush_seconds=0.01)

    def fail(*_: Any) -> int:
        raise OSError(errno.EIO, "fault")

    with monkeypatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", fail)
        log.append({"n": 1})
        assert _wait_until(lambda: log._error is not None)
        with pytest.raises(StoreError):
            log.append({"n": 2})
    log.close()
    assert [row["n"] for row in read_jsonl(tmp_path / "a.jsonl")] == [1, 2]


def test_a_closed_log_refuses_lines(tmp_path: Path) -> None:
    log = JsonlWriter(tmp_path / "a.jsonl")
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.append({})


_WRITER = """
import sys
from core.store import JsonlWriter
log = JsonlWriter(sys.argv[1])
for number in range(10**9):
    log.append({"n": number, "text": "x" * 200}, sync=True)
    sys.stdout.write(f"{number}\\n"); sys.stdout.flush()
"""


@pytest.mark.faults
def test_a_killed_writer_loses_no_acknowledged_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for round_number in range(10):
        start = sum(1 for _ in read_jsonl(path, lambda _: None)) if path.exists() else 0
        child = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(20 + 13 * round_number):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split(b"\n")
        child.wait()
        acknowledged = max([acknowledged, *(int(line) for line in rest[:-1])])
        rows = [row["n"] for row in read_jsonl(path, lambda _: None)]
        assert rows[start : start + acknowledged + 1] == list(range(acknowledged + 1))


def test_lines_are_plain_json(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "a.jsonl") as log:
        log.append({1: "int key", "nested": {"list": [1, 2.5, None, True]}})
    assert orjson.loads((tmp_path / "a.jsonl").read_bytes())["1"] == "int key"
