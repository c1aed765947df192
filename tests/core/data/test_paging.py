"""Paging: first rows at once, any row by number, views, cancel, and a cache that fits its file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.data.freeze import number_copies
from core.data.paging.table import PagedTable, open_table
from core.data.paging.view import Query
from core.data.table import load_table
from core.errors import DataError

COUNT = 40_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paging")
    with (folder / "rows.csv").open("w", newline="") as csv, (folder / "rows.jsonl").open("w") as lines:
        csv.write("id,text,score,label\n")
        for i in range(COUNT):
            text = f'Row {i} says "hi",\nagain' if i % 100 == 0 else f"row {i}"
            score = i * 7 % 1000 / 10
            quoted = text.replace('"', '""')
            csv.write(f'{i},"{quoted}",{score},{"abc"[i % 3]}\n')
            lines.write(json.dumps({"id": i, "text": text, "score": score, "label": "abc"[i % 3]}) + "\n")
    import polars as pl

    pl.read_csv(folder / "rows.csv").write_parquet(folder / "rows.parquet")
    return folder


@pytest.fixture(params=["rows.csv", "rows.jsonl", "rows.parquet"])
def table(request: pytest.FixtureRequest, folder: Path) -> PagedTable:
    with open_table(request.param, folder, state_dir=folder / "state") as opened:
        yield opened


def test_first_rows_are_there_before_the_index(folder: Path, tmp_path: Path) -> None:
    with open_table("rows.csv", folder, state_dir=tmp_path, index=False) as table:
        assert table.page(0, 2)[0] == {"id": 0, "text": 'Row 0 says "hi",\nagain', "score": 0.0, "label": "a"}
        assert table.state.total is None
        assert not (tmp_path / "cache").exists()


def test_any_row_by_number(table: PagedTable) -> None:
    state = table.wait(timeout=60)
    assert (state.total, state.done, state.error, state.fraction) == (COUNT, True, None, 1.0)
    assert [column.type for column in state.columns] == ["integer", "text", "number", "text"]
    for number in (0, 999, 1000, 16_383, 16_384, 30_100, COUNT - 1):
        assert table.page(number, 1)[0]["id"] == number
    assert [row["id"] for row in table.page(16_380, 10)] == list(range(16_380, 16_390))
    assert table.page(COUNT - 2, 50) == table.page(COUNT - 2, 2)
    assert table.page(COUNT, 5) == []


@pytest.mark.parametrize(
    ("query", "matches", "first"),
    [
        (Query(text='SAYS "hi"'), 400, 0),
        (Query(text="39999"), 1, 39_999),
        (Query(text="row 1", columns=("text",)), 11_111, 1),
        (Query(regex=r"^row 1\d$"), 10, 10),
        (Query(where="score > 99.8 and label = 'a'"), 14, None),
        (Query(where="id between 5 and 7"), 3, 5),
        (Query(text="says", where="label = 'b'"), 133, 100),
        (Query(sort="score", descending=True), COUNT, None),
        (Query(), COUNT, 0),
    ],
    ids=str,
)
def test_views(table: PagedTable, query: Query, matches: int, first: int | None) -> None:
    with table.view(query) as view:
        state = view.wait(timeout=60)
        assert state.done
        assert (state.matches, state.searched, state.total) == (_count(query, matches), COUNT, COUNT)
        page = view.page(0, 3)
        assert all(row["id"] == number for number, row in page)
        if first is not None:
            assert page[0][0] == first


def _count(query: Query, matches: int) -> int:
    if "99.8" in query.where:
        return sum(i * 7 % 1000 / 10 > 99.8 and i % 3 == 0 for i in range(COUNT))
    if query.text == "row 1":
        return sum(str(i).startswith("1") for i in range(COUNT))
    if query.where == "label = 'b'":
        return sum(i % 100 == 0 and i % 3 == 1 for i in range(COUNT))
    return matches


def test_sorting_is_stable_and_by_value(table: PagedTable) -> None:
    with table.view(Query(sort="score")) as view:
        view.wait(timeout=60)
        keys = [(i * 7 % 1000, i) for i in range(COUNT)]
        assert view.numbers(0, COUNT) == [i for _, i in sorted(keys)]
    with table.view(Query(text="row 1", columns=("text",), sort="id", descending=True)) as view:
        view.wait(timeout=60)
        assert view.numbers(0, 2) == [19_999, 19_998]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (Query(regex="(x"), "not a regular expression"),
        (Query(regex=r"(?=x)"), "not a regular expression"),
        (Query(where="score >"), "cannot be used"),
        (Query(where="skore > 1"), "no column 'skore'"),
        (Query(where="score + 1"), "not a condition"),
        (Query(where="read_csv('/etc/passwd')"), "cannot be used"),
        (Query(where="label > 5 and nothing(1)"), "cannot be used"),
        (Query(sort="nothing"), "no column 'nothing'"),
        (Query(text="x", columns=("nothing",)), "no column 'nothing'"),
    ],
    ids=str,
)
def test_queries_that_make_no_sense_say_so(folder: Path, query: Query, says: str) -> None:
    with open_table("rows.csv", folder, state_dir=folder / "state") as table, table.view(query) as view:
        with pytest.raises(DataError) as caught:
            view.wait(timeout=60)
        assert says in caught.value.what
        assert view.state.done


def test_a_cancelled_view_stops(folder: Path) -> None:
    with open_table("rows.csv", folder, state_dir=folder / "state") as table:
        table.wait(timeout=60)
        view = table.view(Query(text="row"))
        view.cancel()
        state = view.wait(timeout=60)
        assert state.done
        assert state.cancelled or state.searched == COUNT


def test_a_changed_file_drops_its_cache(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"

    def fill(word: str) -> None:
        path.write_text("a,b\n" + "".join(f"{i},{word}\n" for i in range(3000)))

    def read() -> str:
        with open_table("x.csv", tmp_path, state_dir=tmp_path) as table:
            assert table.wait(timeout=60).total == 3000
            return str(table.page(2999, 1)[0]["b"])

    fill("old")
    assert read() == "old"
    kept = sorted(file.name for file in (tmp_path / "cache").iterdir())
    assert read() == "old"
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == kept
    fill("new")
    os.utime(path, ns=(1, 1))
    assert read() == "new"
    now = sorted(file.name for file in (tmp_path / "cache").iterdir())
    assert len(now) == len(kept) == 2
    assert not set(now) & set(kept)


def test_a_damaged_cache_is_built_anew(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n" + "1\n" * 3000)
    with open_table("x.csv", tmp_path, state_dir=tmp_path) as table:
        table.wait(timeout=60)
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:10])
    with open_table("x.csv", tmp_path, state_dir=tmp_path) as table:
        assert table.wait(timeout=60).total == 3000


def test_a_killed_indexer_is_said_and_the_first_rows_stay(folder: Path, tmp_path: Path) -> None:
    with open_table("rows.jsonl", folder, state_dir=tmp_path) as table:
        index = table.start_index()
        while index._child is None:
            threading.Event().wait(0.01)
        os.killpg(index._child.pid, signal.SIGKILL)
        state = table.wait(timeout=60)
        assert state.done
        assert state.total is None
        assert "ended early" in state.error.what
        assert table.page(0, 1)[0]["id"] == 0


def test_a_cache_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with open_table("rows.csv", folder, state_dir=tmp_path) as table:
        state = table.wait(timeout=60)
        assert "cannot be indexed" in state.error.what
        assert len(table.page(0, 10)) == 10


def test_closing_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    table = open_table("rows.jsonl", folder, state_dir=tmp_path)
    index = table.start_index()
    index.wait(1)
    table.close()
    assert index._child is not None
    index._child.wait(20)
    assert not list((tmp_path / "cache").glob("*.part"))


def test_new_columns_far_down_are_found(tmp_path: Path) -> None:
    rows = [{"a": i} for i in range(20_000)] + [{"a": 1, "late": {"x": [1]}}, {"other": "y"}]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with open_table("x.jsonl", tmp_path, state_dir=tmp_path) as table:
        state = table.wait(timeout=60)
        assert [column.name for column in state.columns] == ["a", "late", "other"]
        assert [column.type for column in state.columns] == ["integer", "object", "text"]
        assert table.page(20_000, 2) == [
            {"a": 1, "late": {"x": [1]}, "other": None},
            {"a": None, "late": None, "other": "y"},
        ]


def test_types_widen_over_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 5000 + "1.5,n/a\n")
    with open_table("x.csv", tmp_path, state_dir=tmp_path) as table:
        assert [column.type for column in table.wait(timeout=60).columns] == ["number", "text"]
        assert table.page(0, 1) == [{"a": 1.0, "b": "2"}]
        assert table.page(5000, 1) == [{"a": 1.5, "b": "n/a"}]


def test_row_keys_are_those_of_the_split(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{i % 1500},x" for i in range(4000))]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    keys = number_copies(record.hash for record in load_table("x.csv", tmp_path).records)
    with open_table("x.csv", tmp_path, state_dir=tmp_path) as table:
        table.wait(timeout=60)
        assert [table.row_key(n) for n in (0, 700, 1500, 3999)] == [keys[n] for n in (0, 700, 1500, 3999)]


def test_small_tables_need_no_process(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": "x", "n": 2}\n{"a": "y", "n": 1}\n{"a": null, "n": [1]}\n')
    with open_table("x.jsonl", tmp_path, state_dir=tmp_path) as table:
        assert (table.state.total, table.state.done) == (3, True)
        with table.view(Query(text="Y")) as view:
            view.wait()
            assert view.page(0, 5) == [(1, {"a": "y", "n": 1})]
        with table.view(Query(sort="a", descending=True)) as view:
            view.wait()
            assert view.numbers(0, 5) == [1, 0, 2]
        assert not (tmp_path / "cache").exists()


def test_a_first_page_needs_no_heavy_library(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.data.paging.table import open_table\n"
        "print(open_table(sys.argv[1], Path('.'), index=False).page(0, 5)[4]['id'])\n"
        "print([m for m in ('dspy', 'polars', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    for name in ("rows.csv", "rows.jsonl"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder / name)], capture_output=True, text=True
        )
        assert done.stdout.split("\n")[:2] == ["4", "[]"], done.stderr


def test_rows_can_be_read_while_the_finished_file_gets_its_name(folder: Path, tmp_path: Path) -> None:
    with open_table("rows.parquet", folder, state_dir=tmp_path) as table:
        table.wait(timeout=60)
        index = table.start_index()
        index._path, index._map = tmp_path / "cache" / "rows.part", None
        assert table.page(COUNT - 1, 1)[0]["id"] == COUNT - 1


def test_more_files_than_fit_an_argument_are_indexed(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"{number:03}{'x' * 200}.csv").write_text("a\n" + f"{number}\n" * 5)
    with open_table("*.csv", tmp_path, state_dir=tmp_path) as table:
        assert sum(len(str(source.path)) for source in table.sources) > 128 * 1024
        state = table.wait(timeout=60)
        assert (state.total, state.error) == (2500, None)
        assert table.page(2499, 1) == [{"a": 499}]


def test_an_indexer_that_cannot_be_started_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    printed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)
    monkeypatch.setattr("core.data.paging.index.subprocess.Popen", refuse)
    with open_table("rows.csv", folder, state_dir=tmp_path) as table:
        state = table.wait(timeout=60)
        assert isinstance(state.error, DataError)
        assert "no more processes" in state.error.what
        assert len(table.page(0, 10)) == 10
    assert not printed


def test_a_view_that_fails_in_an_unexpected_way_ends_too(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": "x"}\n')
    with open_table("x.jsonl", tmp_path, state_dir=tmp_path) as table:
        index = table.start_index()

        def fail(number: int) -> None:
            raise RuntimeError("the map is gone")

        index.batch = fail
        with table.view(Query(text="x")) as view, pytest.raises(DataError, match="the map is gone"):
            view.wait(timeout=20)
        assert view.state.done
