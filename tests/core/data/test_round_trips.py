"""What is written in a format reads back as it was; what an edit changes is exactly what it says."""

from __future__ import annotations

import json
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import load_table
from core.data.cells import TextTyper, cell_text, hash_row
from core.data.export import export_rows, guard_cell
from core.data.overlay import (
    Overlay,
    exclude_row,
    load_overlay,
    note_row,
    overlay_hash,
    revert_row,
    set_values,
)
from core.data.paging.table import open_table
from core.errors import DataError, StoreError

NAMES = ("text", "count", "score", "flag", "tags", "inner")
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufffd\ufeff"), min_size=1, max_size=20
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | TEXT,
            "count": st.none() | st.integers(-(2**53), 2**53),
            "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "flag": st.none() | st.booleans(),
            "tags": st.none() | st.lists(TEXT, max_size=3),
            "inner": st.none() | st.fixed_dictionaries({"a": TEXT, "b": st.integers(0, 9)}),
        }
    ),
    min_size=1,
    max_size=12,
)


def _load(path: Path) -> list[dict[str, Any]]:
    table = load_table(path.name, path.parent)
    assert table.problems == []
    return [record.values for record in table.records]


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from(["json", "jsonl", "jsonl.gz", "parquet", "arrow"]))
def test_typed_formats_keep_every_value(rows: list[dict[str, Any]], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows.{suffix}"
        assert export_rows(rows, NAMES, path) == len(rows)
        assert _load(path) == rows


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(["csv", "tsv", "csv.gz"]))
def test_delimited_text_keeps_every_text(rows: list[dict[str, Any]], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows.{suffix}"
        export_rows(rows, NAMES, path, guard=False)
        for before, after in zip(rows, _load(path), strict=True):
            for name in NAMES:
                assert _as_read(after[name]) == _as_read(before[name]), name


def _as_read(value: Any) -> Any:
    """A cell as delimited text can hold it: its text, numbers and truth by their value."""
    text = cell_text(value)
    if text is None or text.lower() in ("true", "false"):
        return text and text.lower()
    try:
        return float(text)
    except ValueError:
        return text


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_the_cache_holds_what_loading_gives(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in ("jsonl", "csv"):
            export_rows(rows, NAMES, folder / f"rows.{suffix}", guard=False)
            with open_table(f"rows.{suffix}", folder, state_dir=folder) as table:
                assert table.page(0, 100) == _load(folder / f"rows.{suffix}")


def test_dates_decimals_and_nesting_of_columnar_files(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "day": [date(2024, 1, 2), None],
        "moment": [datetime(2024, 1, 2, 3, 4, 5), None],
        "price": [Decimal("1.50"), None],
        "kind": pa.array(["a", "b"]).dictionary_encode(),
        "deep": [[{"x": [1, 2]}], []],
        "raw": [b"\x00\xff", None],
    }
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    first = _load(tmp_path / "x.parquet")[0]
    assert first == {
        "day": date(2024, 1, 2),
        "moment": datetime(2024, 1, 2, 3, 4, 5),
        "price": Decimal("1.50"),
        "kind": "a",
        "deep": [{"x": [1, 2]}],
        "raw": b"\x00\xff",
    }
    with open_table("x.parquet", tmp_path, state_dir=tmp_path) as table:
        types = {column.name: column.type for column in table.state.columns}
        assert types["day"] == "date"
        assert table.page(0, 1) == [first]


def test_excel_keeps_types(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    writer = pytest.importorskip("xlsxwriter")
    book = writer.Workbook(str(tmp_path / "x.xlsx"))
    sheet = book.add_worksheet()
    for number, row in enumerate([["question", "score", "ok"], ["why?", 1.5, True], ["how?", 2.5, False]]):
        sheet.write_row(number, 0, row)
    book.close()
    assert _load(tmp_path / "x.xlsx") == [
        {"question": "why?", "score": 1.5, "ok": True},
        {"question": "how?", "score": 2.5, "ok": False},
    ]


def test_zstandard(tmp_path: Path) -> None:
    import pyarrow as pa

    with pa.CompressedOutputStream(str(tmp_path / "x.jsonl.zst"), "zstd") as out:
        out.write(b'{"a": 1}\n{"a": 2}\n')
    assert _load(tmp_path / "x.jsonl.zst") == [{"a": 1}, {"a": 2}]
    (tmp_path / "y.jsonl.zst").write_bytes((tmp_path / "x.jsonl.zst").read_bytes()[:-3])
    with pytest.raises(DataError, match="damaged"):
        load_table("y.jsonl.zst", tmp_path)


def test_globs_join_files_by_column_name(tmp_path: Path) -> None:
    (tmp_path / "a1.csv").write_text("x,y\n1,a\n")
    (tmp_path / "a2.csv").write_text("y,z\nb,2\nc\n")
    table = load_table("a*.csv", tmp_path)
    assert [record.values for record in table.records] == [
        {"x": 1, "y": "a", "z": None},
        {"x": None, "y": "b", "z": 2},
    ]
    assert table.problems[0].where == "a2.csv, line 3"
    with open_table("a*.csv", tmp_path, state_dir=tmp_path) as paged:
        assert paged.wait().total == 2
        assert paged.page(0, 9) == [record.values for record in table.records]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", None], "integer"),
        (["1", "2.5", "-3e2"], "number"),
        (["true", "False"], "boolean"),
        (["007", "1"], "text"),
        (["+1555", "1"], "text"),
        (["1", "NaN"], "text"),
        (["1e999"], "text"),
        (["9223372036854775808"], "text"),
        (["2024-01-02"], "text"),
        ([None, None], "empty"),
        (["1", "true"], "text"),
    ],
)
def test_types_of_plain_text(cells: list[str | None], kind: str) -> None:
    typer = TextTyper()
    typer.feed(cells)
    assert typer.type == kind


def test_a_rows_hash_is_of_its_content_alone() -> None:
    row = {"a": "x", "b": 1, "c": None, "d": {"p": 1, "q": [2]}}
    same = {"d": {"q": [2], "p": 1}, "b": 1, "a": "x"}
    assert hash_row(row) == hash_row(same) == hash_row({**row, "b": "1"})
    assert hash_row(row) != hash_row({**row, "b": 2})
    assert hash_row({"a": "x", "b": "y"}) != hash_row({"a": "xb", "b": "y"})


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@SUM(A1)", "|calc", "\t=1", "\r=1", " =1", "＝1"])
def test_formulas_are_guarded(text: str, tmp_path: Path) -> None:
    export_rows([{"a": text, text: 1}], ["a", text], tmp_path / "x.csv")
    line = (tmp_path / "x.csv").read_bytes().decode().split("\n", 1)[1]
    assert line.lstrip('"').startswith("'")
    assert guard_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+1.5", "-2e3", "plain", "a=b", ""])
def test_harmless_cells_stay(text: str) -> None:
    assert guard_cell(text) == text


def test_export_never_replaces_or_half_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("keep")
    with pytest.raises(DataError, match="exists"):
        export_rows([{"a": 1}], ["a"], path)

    def rows() -> Any:
        yield {"a": 1}
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space"):
        export_rows(rows(), ["a"], path, overwrite=True)
    assert path.read_text() == "keep"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(DataError, match="format"):
        export_rows([], [], tmp_path / "x.doc")


EDITS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["set", "exclude", "include", "note", "revert"]),
        st.sampled_from(["x", "y"]),
        TEXT,
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_overlay_keeps_exactly_the_edits(edits: list[tuple[str, str, str, str]]) -> None:
    values: dict[str, dict[str, str]] = {key: {} for key in "abc"}
    excluded = dict.fromkeys("abc", False)
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        for key, action, column, text in edits:
            if action == "set":
                set_values(state, key, {column: text})
                values[key][column] = text
            elif action == "note":
                note_row(state, key, text)
            elif action == "revert":
                revert_row(state, key)
                values[key], excluded[key] = {}, False
            else:
                exclude_row(state, key, excluded=action == "exclude")
                excluded[key] = action == "exclude"
        overlay = load_overlay(state)
        for key in "abc":
            expected = None if excluded[key] else {"x": 0, "y": 0, **values[key]}
            assert overlay.apply(key, {"x": 0, "y": 0}) == expected
        changed = any(excluded.values()) or any(values.values())
        assert bool(overlay.hash) == changed
        assert overlay_hash(state) == overlay.hash


def test_notes_do_not_change_the_hash_and_damage_is_said(tmp_path: Path) -> None:
    set_values(tmp_path, "a", {"x": 1})
    before = overlay_hash(tmp_path)
    note_row(tmp_path, "a", "looked at")
    note_row(tmp_path, "b", "too")
    assert overlay_hash(tmp_path) == before != Overlay().hash
    revert_row(tmp_path, "a", ["x"])
    assert overlay_hash(tmp_path) == ""
    (tmp_path / "edits.json").write_text('{"version": 1, "edits"')
    with pytest.raises(StoreError, match="cannot be read"):
        load_overlay(tmp_path)


def test_lone_surrogates_are_shown_as_lost(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps({"a": "x\ud800y", "\udfff": [1, "\ud83d"]}) + "\n")
    values = load_table("x.jsonl", tmp_path).records[0].values
    assert values == {"a": "x\ufffdy", "\ufffd": [1, "\ufffd"]}
