"""The store: atomic transactions, two writers, and recovery from whatever a crash leaves."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import where

from core.errors import StoreError
from core.store import open_store, tiny


def _names(path: Path, table: str = "runs") -> list[str]:
    return [document["name"] for document in open_store(path).read().table(table).all()]


def _insert(path: Path, name: str) -> None:
    with open_store(path).transaction() as db:
        db.table("runs").insert({"name": name})


def test_what_a_transaction_wrote_is_read_by_another_store(tmp_path: Path) -> None:
    path = tmp_path / "state" / "store.json"
    _insert(path, "a")
    _insert(path, "b")
    assert _names(path) == ["a", "b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["version"] == tiny.VERSION
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "store.json",
        "store.json.bak",
        "store.json.lock",
    ]


def test_reading_a_store_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    assert open_store(tmp_path / "s" / "store.json").read().table("runs").all() == []
    assert not (tmp_path / "s").exists()


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    store = open_store(path)
    with pytest.raises(ZeroDivisionError):
        _insert_and_raise(path, "other")
    assert _names(path) == ["a"]
    assert store.read().tables() == {"runs"}


def test_reading_does_not_write_and_writing_outside_a_transaction_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    before = path.stat().st_ino
    store = open_store(path)
    with store.transaction() as db:
        assert db.table("runs").get(where("name") == "a")
    assert path.stat().st_ino == before
    with pytest.raises(TypeError, match="transaction"):
        store.read().table("runs").insert({})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"x"])
def test_values_that_json_cannot_hold_are_refused_and_nothing_changes(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    with pytest.raises(StoreError), open_store(path).transaction() as db:
        db.table("runs").insert({"name": value})
    assert _names(path) == ["a"]


def test_hostile_text_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    name = "\x1b]0;X\x07 [/nope] \ud800 \u202e \x00 " + "a\u0301" * 500
    _insert(path, name)
    assert _names(path) == [name]


def test_nested_transactions_are_refused_instead_of_losing_changes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.json")
    with store.transaction(), pytest.raises(RuntimeError), store.transaction():
        pass


def test_threads_and_stores_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    shared = open_store(path)

    def write(who: int) -> None:
        store = shared if who % 2 else open_store(path)
        for number in range(5):
            with store.transaction() as db:
                db.table("runs").insert({"name": f"{who}-{number}"})

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    documents = open_store(path).read().table("runs").all()
    assert sorted(document["name"] for document in documents) == sorted(
        f"{who}-{number}" for who in range(4) for number in range(5)
    )
    assert len({document.doc_id for document in documents}) == 20


def test_a_lock_that_never_comes_free_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    with (
        open_store(path).transaction(),
        pytest.raises(StoreError, match="another process"),
        tiny.Store(path, lock_seconds=0.05).transaction(),
    ):
        pass


DAMAGES = [
    b"",
    b"\x00" * 400,
    b'{"version":1,"tables":{"runs":{"1":{"na',
    b"[]",
    b"null",
    b'{"runs":{"1":{"name":"a"}}}',
    b'{"version":1,"tables":{"runs":[]}}',
    b'{"version":1,"tables":{"runs":{"x":{}}}}',
    b"[" * 200_000,
    b"\xff\xfe{",
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("how", ["read", "transaction"])
def test_a_damaged_file_is_set_aside_and_the_backup_restored(tmp_path: Path, damage: bytes, how: str) -> None:
    path = tmp_path / "store.json"
    for name in ("a", "b", "c"):
        _insert(path, name)
    path.write_bytes(damage)
    store = open_store(path)
    if how == "read":
        found = store.read().table("runs").all()
    else:
        with store.transaction() as db:
            found = db.table("runs").all()
    assert [document["name"] for document in found] == ["a", "b"]
    assert len(store.notices) == 1
    assert "restored" in store.notices[0]
    (aside,) = tmp_path.glob("store.json.corrupt-*")
    assert aside.read_bytes() == damage
    _insert(path, "d")
    assert _names(path) == ["a", "b", "d"]
    assert not list(tmp_path.glob(".*.tmp"))


def test_when_the_backup_is_damaged_too_both_are_kept_and_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    _insert(path, "b")
    path.write_bytes(b"{")
    (tmp_path / "store.json.bak").write_bytes(b"")
    store = open_store(path)
    assert store.read().table("runs").all() == []
    assert "starting empty" in store.notices[0]
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 2
    _insert(path, "c")
    assert _names(path) == ["c"]


def test_a_lost_file_comes_back_from_its_backup(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    _insert(path, "b")
    path.unlink()
    assert _names(path) == ["a"]


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    content = json.dumps({"version": tiny.VERSION + 1, "tables": {}, "new": 1})
    path.write_text(content)
    for act in (lambda: open_store(path).read(), lambda: _insert(path, "a")):
        with pytest.raises(StoreError, match="newer"):
            act()
    assert path.read_text() == content


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("name", ["link", "replace", "fsync", "write"])
def test_a_failing_step_leaves_old_or_new_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth: int, code: int
) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    _insert(path, "b")
    real, calls = getattr(os, name), 0

    def fail(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(code, os.strerror(code))
        return real(*args, **options)

    errors = []
    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        try:
            _insert(path, "c")
        except StoreError as error:
            errors.append(error)
    names = _names(path)
    assert names == ["a", "b", "c"] or (errors and errors[0].fix and names == ["a", "b"])
    assert not list(tmp_path.glob(".*.tmp"))
    _insert(path, "d")
    assert _names(path) == [*names, "d"]


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("name", ["link", "replace", "fsync", "write", "unlink"])
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_a_step_leaves_old_or_new(
    tmp_path: Path, name: str, nth: int, after: bool
) -> None:
    path = tmp_path / "store.json"
    _insert(path, "a")
    _insert(path, "b")
    child = os.fork()
    if child == 0:
        real, calls = getattr(os, name), 0

        def die(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == nth:
                if after:
                    real(*args, **options)
                os._exit(9)
            return real(*args, **options)

        setattr(os, name, die)
        _insert(path, "c")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    names = _names(path)
    assert names in (["a", "b"], ["a", "b", "c"])
    if os.waitstatus_to_exitcode(status) == 0:
        assert names == ["a", "b", "c"]
    _insert(path, "d")
    assert _names(path) == [*names, "d"]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["insert", "remove", "update", "abort", "damage"]),
            st.sampled_from(["runs", "versions"]),
            st.text(max_size=5),
        ),
        max_size=8,
    )
)
def test_any_sequence_of_changes_equals_the_same_changes_in_memory(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("store") / "store.json"
    now: dict[str, list[str]] = {"runs": [], "versions": []}
    backup: dict[str, list[str]] | None = None
    for step, table, text in steps:
        if step == "damage":
            if backup is not None:
                path.write_bytes(path.read_bytes()[:-3])
                now = backup
        elif step == "abort":
            with pytest.raises(ZeroDivisionError):
                _insert_and_raise(path, table)
        else:
            backup = now if path.exists() else None
            now = {**now, table: _change(path, step, table, text)}
        assert _state(path) == now


def _change(path: Path, step: str, table: str, text: str) -> list[str]:
    """Make one change and give the names that a plain list would hold after it."""
    with open_store(path).transaction() as db:
        rows = db.table(table)
        before = [row["name"] for row in rows.all()]
        if step == "insert":
            rows.insert({"name": text})
            return [*before, text]
        if step == "remove":
            rows.remove(where("name") == text)
            return [name for name in before if name != text]
        rows.update({"name": text})
        return [text for _ in before]


def _insert_and_raise(path: Path, table: str) -> None:
    with open_store(path).transaction() as db:
        db.table(table).insert({"name": "never"})
        raise ZeroDivisionError


def _state(path: Path) -> dict[str, list[str]]:
    db = open_store(path).read()
    return {name: [row["name"] for row in db.table(name).all()] for name in ("runs", "versions")}


_WRITER = """
import sys
from core.store import open_store
store = open_store(sys.argv[1])
for number in range(10**9):
    with store.transaction() as db:
        db.table("runs").insert({"name": f"{sys.argv[2]}-{number}"})
    sys.stdout.write(f"{number}\\n"); sys.stdout.flush()
"""


@pytest.mark.faults
def test_two_writers_killed_at_random_lose_no_acknowledged_document(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    acknowledged: set[str] = set()
    chance = random.Random(7)
    for round_number in range(8):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(path), f"{round_number}.{who}"], stdout=subprocess.PIPE
            )
            for who in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        time.sleep(chance.uniform(0.02, 0.25))
        for child in children:
            child.send_signal(signal.SIGKILL)
        for who, child in enumerate(children):
            assert child.stdout is not None
            lines = child.stdout.read().split(b"\n")[:-1]
            child.wait()
            acknowledged |= {f"{round_number}.{who}-0"}
            acknowledged |= {f"{round_number}.{who}-{int(line)}" for line in lines}
        store = open_store(path)
        names = [document["name"] for document in store.read().table("runs").all()]
        assert acknowledged <= set(names)
        assert len(names) == len(set(names))
        assert store.notices == []
