from __future__ import annotations

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StopRun, StoreError
from core.models.journal import Journal, read_calls
from tests.core.models.metering import paid


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.write(paid("a", 0))
    journal.write(paid("a", 1, text="no" * 5000))
    assert journal.read("a", 0) == paid("a").response
    assert journal.read("a", 1) == paid("a", text="no" * 5000).response
    assert journal.read("b", 0) is None
    assert ("a", 1) in journal
    assert len(journal) == 2
    journal.close()


def test_the_first_writer_wins(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.write(paid(text="first"))
    journal.write(paid(text="second"))
    assert journal.read("k", 0) == paid(text="first").response
    journal.close()
    again = Journal(tmp_path / "j.sqlite")
    assert again.read("k", 0) == paid(text="first").response
    assert again.totals()["student"].paid == 1
    again.close()


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = Journal(tmp_path / "j.sqlite")
        journal.write(paid())
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        journal.close()
    finally:
        os.umask(old)


def test_totals_by_role_know_what_is_unknown(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.write(paid("a"))
    journal.write(paid("b", usd=None, input_tokens=None, output_tokens=None, cached_input_tokens=None))
    journal.write(paid("c", role="judge", cached_input_tokens=7, latency=2.0))
    journal.write_waste(paid("d", role="judge"))
    totals = journal.totals()
    journal.close()
    assert (totals["student"].paid, totals["student"].unpriced, totals["student"].without_usage) == (2, 1, 1)
    assert totals["student"].usd == 0.5
    judge = totals["judge"]
    assert (judge.paid, judge.input_tokens, judge.usd, judge.latency_max) == (1, 20, 1.0, 2.0)
    assert judge.cached_input_tokens == 7


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: journal.write(paid(f"k{number}")), range(400)))
    assert len(journal) == 400
    assert journal.totals()["student"].paid == 400
    journal.close()


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal, stop = Journal(path), threading.Event()
    seen = []

    def look() -> None:
        while not stop.is_set():
            seen.append(len(read_calls(path, limit=1000)))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(200):
        journal.write(paid(f"k{number}"))
    stop.set()
    reader.join()
    assert seen == sorted(seen)
    assert len(read_calls(path, limit=1000)) == 200
    journal.close()


def test_pages_of_calls(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = Journal(path)
    for number in range(10):
        journal.write(paid(f"k{number}", role="judge" if number % 2 else "student"))
    assert [call.key for call in read_calls(path, limit=3)] == ["k0", "k1", "k2"]
    assert [call.key for call in read_calls(path, after=3, limit=2)] == ["k3", "k4"]
    assert [call.key for call in read_calls(path, newest_first=True, limit=2)] == ["k9", "k8"]
    assert [call.seq for call in read_calls(path, newest_first=True, before=3)] == [2, 1]
    assert {call.role for call in read_calls(path, role="judge")} == {"judge"}
    call = read_calls(path, limit=1, with_text=True)[0]
    assert call.prompt == [("system", "be brief"), ("user", "ask k0")]
    assert call.answer == "yes"
    assert read_calls(path, limit=1)[0].request is None
    journal.close()
    assert read_calls(tmp_path / "none.sqlite") == []


def test_tool_calls_and_media_are_shown(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    call = paid()
    parts = [{"type": "tool_call", "name": "search", "input": {"q": 1}}, {"type": "image", "data": "…"}]
    call.response["message"]["parts"] = parts
    journal.write(call)
    journal.close()
    assert read_calls(tmp_path / "j.sqlite", with_text=True)[0].answer == 'search({"q":1})\n[image]'


def test_a_full_disk_stops_the_run_and_keeps_what_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.write(paid("before"))
    journal._writer.execute("PRAGMA max_page_count=1")
    with pytest.raises(StopRun) as caught:
        journal.write(paid("after", text=os.urandom(40_000).hex()))
    assert caught.value.reason == "failed"
    assert "disk is full" in caught.value.detail
    assert journal.read("after", 0) is None
    assert journal.read("before", 0) is not None
    journal.close()
    again = Journal(tmp_path / "j.sqlite")
    assert len(again) == 1
    again.close()


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, but long enough to look at " * 100)
    with pytest.raises(StoreError, match="cannot open the journal"):
        Journal(path)
    with pytest.raises(StoreError, match="cannot read the journal"):
        read_calls(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer Compilot"):
        Journal(path)


@settings(max_examples=25, deadline=None)
@given(
    calls=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.text(max_size=20)), max_size=15)
)
def test_it_is_a_map_that_only_grows(tmp_path_factory: Any, calls: list[tuple[str, int, str]]) -> None:
    path = tmp_path_factory.mktemp("journal") / "j.sqlite"
    journal, expected = Journal(path), {}
    for key, index, text in calls:
        text = text.encode("utf-8", "replace").decode()
        journal.write(paid(key, index, text=text))
        expected.setdefault((key, index), paid(key, index, text=text).response)
    journal.close()
    again = Journal(path)
    assert {pair: again.read(*pair) for pair in expected} == expected
    assert len(again) == len(expected)
    again.close()
