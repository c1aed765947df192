"""Hostile files: each loads with its faults reported, or gives a clear error; no row vanishes unsaid."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from core.data import load_table
from core.data.paging.table import open_table
from core.errors import DataError

Make = Callable[[Path], None]


class Case(NamedTuple):
    name: str
    """The file's name."""
    make: bytes | Make
    rows: int | None = None
    """Rows that load; None where the file is refused."""
    lost: int = 0
    says: str = ""
    """Part of the error, or of the first problem."""
    fix: str = ""


def _deep(levels: int) -> bytes:
    return b'{"a": ' + b"[" * levels + b"]" * levels + b"}\n"


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _linked_file(path: Path) -> None:
    (path.parent / "real.csv").write_text("a,b\n1,2\n")
    path.symlink_to("real.csv")


def _parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), path)


def _cut_parquet(path: Path) -> None:
    _parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def _far_dates(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"when": pa.array([0, 2**62], pa.timestamp("us"))}), path)


def _twice_named(path: Path) -> None:
    import pyarrow as pa

    batch = pa.record_batch([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)


ESC = "\x1b]0;X\x07 \x1b]52;c;aGk=\x07 \x1b[2J \x1bP1\x1b\\ \x9b31m \x1bc \x1b] \x1b[6n \r\b\x7f"
ODD = "\u202e \u2066 \u2028 \u0085 \u200b \U000e0041 e" + "\u0301" * 500
MARKUP = "[/nope] [bold [@click=app.quit]x[/] [link=http://x]x[/link]"

CASES = [
    # CSV: structure
    Case("empty.csv", b"", says="empty"),
    Case("blank.csv", b"\n\n\n", says="no header"),
    Case("header_only.csv", b"a,b\n", rows=0),
    Case("ragged_short.csv", b"a,b\n1,2\n3\n4,5\n", rows=2, lost=1, says="1 cell where the header has 2"),
    Case("ragged_long.csv", b"a,b\n1,2,3\n4,5\n", rows=1, lost=1, says="3 cells"),
    Case("all_ragged.csv", b"a,b\n1\n2\n3\n", rows=0, lost=3, says="1 cell"),
    Case("duplicate_headers.csv", b"a,a,a\n1,2,3\n", rows=1, says="repeats"),
    Case("unnamed_headers.csv", b"a,,\n1,2,3\n", rows=1, says="no name"),
    Case("open_quote_at_end.csv", b'a,b\n1,"two\n3,4\n5,6\n', rows=2, lost=1, says="never closed"),
    Case("open_quote_in_header.csv", b'a,"b\n1,2\n', says="header cannot be read"),
    Case("text_after_quote.csv", b'a,b\n1,"x"y\n3,4\n', rows=1, lost=1, says="quote"),
    Case("quote_swallows.csv", b'a,b\n1,"x\n2,y\n3,"z"\n4,w\n', rows=3, lost=1, says="quote"),
    Case("quoted_newlines.csv", b'a,b\n1,"x\ny\r\nz"\n2,w\n', rows=2),
    Case("lone_returns.csv", b"a,b\r1,2\r3,4\r", rows=2),
    Case("mixed_ends.csv", b"a,b\r\n1,2\n3,4\r5,6", rows=3),
    Case("blank_lines.csv", b"a,b\n\n1,2\n\n\n3,4\n\n", rows=2),
    Case("semicolons.csv", b"a;b\n1;2\n", rows=1),
    Case("nul.csv", b"a,b\n1,x\0y\n", rows=1),
    Case("escapes.csv", f'a,b\n1,"{ESC}"\n'.encode(), rows=1),
    Case("odd_unicode.csv", f"a,b\n1,{ODD}\n".encode(), rows=1),
    Case("markup.csv", f'a,b\n1,"{MARKUP}"\n'.encode(), rows=1),
    Case("markup_header.csv", b'"[/nope]",b\n1,2\n', rows=1),
    Case("escape_header.csv", b"\x1b]0;X\x07,b\n1,2\n", rows=1),
    Case("formulas.csv", b'a,b\n=1+1,@SUM(A1)\n"+x","|cmd"\n', rows=2),
    Case("huge_integer.csv", b"a\n9223372036854775808\n1\n", rows=2),
    Case("nan.csv", b"a\nNaN\nInfinity\n1.5\n", rows=3),
    Case("one_column_empty.csv", b"a\n1\n\n2\n", rows=2),
    Case("ten_megabytes.csv", b"a,b\n1," + b"x" * 10_000_000 + b"\n2,y\n", rows=2),
    Case(
        "too_long_line.csv", b"a,b\n1," + b"x" * (33 * 2**20) + b"\n2,y\n", rows=1, lost=1, says="characters"
    ),
    Case("many_columns.csv", b",".join(b"c%d" % i for i in range(10_001)) + b"\n", says="at most 10,000"),
    Case("repeats.csv", b"a,b\n" + b"1,2\n" * 50, rows=50),
    # encodings
    Case("bom.csv", b"\xef\xbb\xbfa,b\n1,2\n", rows=1),
    Case("utf16.csv", "a,b\n1,é\n".encode("utf-16"), rows=1),
    Case("utf16le_no_bom.csv", "a,b\n1,hello there\n".encode("utf-16-le"), rows=1),
    Case("utf16be_no_bom.csv", "a,b\n1,hello there\n".encode("utf-16-be"), rows=1),
    Case("utf16_cut.csv", "a,b\n1,x\n".encode("utf-16")[:-1], rows=1, says="decoded"),
    Case("utf32.csv", "a,b\n1,é\n".encode("utf-32"), rows=1),
    Case("latin1.csv", "a,b\n1,café\n".encode("latin-1"), rows=1, says="could not be decoded"),
    Case("latin1_header.csv", "naïve,b\n1,2\n".encode("latin-1"), rows=1),
    Case("cyrillic.csv", "номер,слово\n1,слон\n".encode("cp1251"), says="not UTF-8"),
    Case("binary.csv", bytes(range(256)) * 20, says="binary"),
    Case("png.csv", b"\x89PNG\r\n\x1a\n" + bytes(2000), says="binary"),
    # compression and false names
    Case("good.csv.gz", lambda p: p.write_bytes(gzip.compress(b"a,b\n1,2\n")) and None, rows=1),
    Case("cut.csv.gz", lambda p: p.write_bytes(gzip.compress(os.urandom(9000))[:5000]) and None, says=""),
    Case("not_gzip.csv.gz", b"a,b\n1,2\n", says="damaged"),
    Case("gzip_named.csv", lambda p: p.write_bytes(gzip.compress(b"a,b\n")) and None, says="gzip"),
    Case("parquet_named.csv", _parquet, says="parquet"),
    Case("zip_named.jsonl", b"PK\x03\x04" + bytes(100), says="xlsx or zip"),
    Case("pdf.csv", b"%PDF-1.7\n" + bytes(100), says="pdf"),
    Case("notes.xyz", b"a,b\n1,2\n", says="format cannot be told"),
    # JSON lines
    Case("empty.jsonl", b"", says="empty"),
    Case("blank.jsonl", b"\n\n", rows=0),
    Case("broken.jsonl", b'{"a": 1}\n{"a": \n{"a": 3}\n', rows=2, lost=1, says="broken JSON"),
    Case("cut_off.jsonl", b'{"a": 1}\n{"a": 2', rows=1, lost=1, says="broken JSON"),
    Case(
        "not_objects.jsonl",
        b'1\n"x"\n[1]\nnull\n{"a": 1}\n',
        rows=1,
        lost=4,
        says="where an object was expected",
    ),
    Case("nan.jsonl", b'{"a": NaN}\n{"a": Infinity}\n{"a": 1}\n', rows=3, says="JSON forbids"),
    Case("surrogate.jsonl", b'{"a": "\\ud800"}\n', rows=1, says="JSON forbids"),
    Case("huge_number.jsonl", b'{"a": 1e400}\n', rows=1, says="JSON forbids"),
    Case("big_integers.jsonl", b'{"a": 9223372036854775808}\n{"a": ' + b"9" * 400 + b"}\n", rows=2),
    Case("absurd_integer.jsonl", b'{"a": ' + b"9" * 5000 + b"}\n", lost=1, rows=0, says="cannot be read"),
    Case("deep.jsonl", _deep(200_000) + b'{"a": 1}\n', rows=1, lost=1, says="deep"),
    Case("deep_900.jsonl", _deep(900), rows=0, lost=1, says="deep"),
    Case("deep_90.jsonl", _deep(90), rows=1),
    Case("separators.jsonl", '{"a": "x\u2028y\u0085z\x1f"}\n'.encode().replace(b"\x1f", b"\\u001f"), rows=1),
    Case("control.jsonl", b'{"a": "x\x01"}\n{"a": 1}\n', rows=1, lost=1, says="broken JSON"),
    Case("crlf.jsonl", b'{"a": 1}\r\n{"a": 2}\r\n', rows=2),
    Case("bom.jsonl", b'\xef\xbb\xbf{"a": 1}\n', rows=1),
    Case("utf16.jsonl", '{"a": "é"}\n'.encode("utf-16"), rows=1),
    Case("bad_bytes.jsonl", b'{"a": "\xff\xfe"}\n{"a": 1}\n', rows=2, says="decoded"),
    Case("mixed_types.jsonl", b'{"a": 1}\n{"a": "x"}\n{"a": [1]}\n{"b": {"c": null}}\n', rows=4),
    Case("empty_objects.jsonl", b"{}\n{}\n", rows=2),
    Case("repeated_key.jsonl", b'{"a": 1, "a": 2}\n', rows=1),
    Case("ten_megabytes.jsonl", b'{"a": "' + b"x" * 10_000_000 + b'"}\n', rows=1),
    Case(
        "endless_line.jsonl",
        b'{"a": "' + b"x" * (40 * 2**20) + b'"}\n{"a": 1}\n',
        rows=1,
        lost=1,
        says="over",
    ),
    Case("many_keys.jsonl", b"".join(b'{"k%d": 1}\n' % i for i in range(2_050)), says="2,000 different keys"),
    Case("array_in_lines.jsonl", b'[{"a": 1}]\n', rows=0, lost=1, says="array"),
    # JSON
    Case("array.json", b'[{"a": 1}, {"a": 2}]', rows=2),
    Case("wrapped.json", b'{"data": [{"a": 1}]}', rows=1),
    Case("two_arrays.json", b'{"x": [], "y": []}', says="arrays under x, y"),
    Case("no_array.json", b'{"a": 1}', says="no array"),
    Case("scalar.json", b"42", says="no JSON array"),
    Case("cut_off.json", b'[{"a": 1}, {"a": 2', says="broken"),
    Case("comma.json", b'[{"a": 1},]', says="broken"),
    Case("nan.json", b'[{"a": NaN}]', rows=1),
    Case("lines.json", b'{"a": 1}\n{"a": 2}\n', rows=2),
    Case("mixed_array.json", b'[{"a": 1}, 2, null, {"a": 3}]', rows=2, lost=2, says="expected"),
    Case("deep.json", b"[" * 200_000 + b"]" * 200_000, says=""),
    Case("empty_array.json", b"[]", rows=0),
    # columnar
    Case("good.parquet", _parquet, rows=2),
    Case("cut.parquet", _cut_parquet, says="damaged"),
    Case("text.parquet", b"a,b\n1,2\n", says="damaged"),
    Case("far_dates.parquet", _far_dates, rows=2, says="cannot be read"),
    Case("twice.arrow", _twice_named, rows=1),
    Case("junk.arrow", b"ARROW1\0\0" + bytes(50), says="damaged"),
    Case("junk.xlsx", b"PK\x03\x04" + bytes(50), says="Excel"),
    # what is no file
    Case("missing.csv", lambda p: None, says="no such file"),
    Case("folder.csv", lambda p: p.mkdir(), says="folder"),
    Case("pipe.csv", _fifo, says="named pipe"),
    Case("socket.csv", _socket, says="socket"),
    Case("device.csv", _link("/dev/zero"), says="device"),
    Case("dangling.csv", _link("nowhere"), says="points to nothing"),
    Case("loop.csv", _link("loop.csv"), says="cannot be opened"),
    Case("linked.csv", _linked_file, rows=1),
]


def _make(case: Case, folder: Path) -> Path:
    path = folder / case.name
    if isinstance(case.make, bytes):
        path.write_bytes(case.make)
    else:
        case.make(path)
    return path


def test_there_are_enough() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_file(case: Case, tmp_path: Path) -> None:
    _make(case, tmp_path)
    if case.rows is None:
        with pytest.raises(DataError) as caught:
            load_table(case.name, tmp_path)
        assert case.name in caught.value.where
        assert case.says in caught.value.what
        return
    table = load_table(case.name, tmp_path)
    assert len(table.records) == case.rows
    assert sum(problem.lost for problem in table.problems) == case.lost
    if case.says:
        problem = table.problems[0]
        assert case.says in problem.what
        assert case.name in problem.where
        assert problem.line or problem.row is not None or case.name.endswith(".json")
    else:
        assert table.problems == [] or case.name == "nan.json"


PAGED = [case for case in CASES if isinstance(case.make, bytes) and len(case.make) < 100_000]


def _page_through(case: Case, folder: Path) -> None:
    with open_table(case.name, folder, state_dir=folder) as table:
        state = table.wait()
        if state.error is not None:
            raise state.error


@pytest.mark.parametrize("case", PAGED, ids=lambda case: case.name)
def test_paging_says_the_same_as_loading(case: Case, tmp_path: Path) -> None:
    _make(case, tmp_path)
    if case.rows is None:
        with pytest.raises(DataError) as caught:
            _page_through(case, tmp_path)
        assert case.says in caught.value.what
        return
    with open_table(case.name, tmp_path, state_dir=tmp_path) as table:
        state = table.wait()
        loaded = load_table(case.name, tmp_path)
        assert state.total == case.rows
        assert state.lost == case.lost
        assert repr(table.page(0, 100)) == repr([record.values for record in loaded.records[:100]])


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"a\n\xff\n", "nonsense", "unknown encoding"),
        (b"a\n1\n", "base64", "no text encoding"),
        ("a\ncafé\n".encode("cp1252"), "cp1252", ""),
    ],
)
def test_named_encodings(content: bytes, encoding: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    if says:
        with pytest.raises(DataError) as caught:
            load_table("x.csv", tmp_path, encoding=encoding)
        assert says in caught.value.what
    else:
        assert load_table("x.csv", tmp_path, encoding=encoding).records[0].values == {"a": "café"}


@pytest.mark.parametrize(
    "name", ["a\nb.csv", "[@click=app.quit].csv", "\x1b[31m.csv", "ünï çödé.csv", "-rf.csv", "a*b.csv"]
)
def test_hostile_file_names(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("a\n1\n")
    assert load_table(name, tmp_path).records[0].values == {"a": 1}


def test_line_numbers_name_the_line_in_an_editor(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('a,b\n1,"x\ny"\n2\n3,4\n')
    problem = load_table("x.csv", tmp_path).problems[0]
    assert (problem.line, problem.kind) == (4, "ragged_row")


def test_no_row_of_a_damaged_file_moves_a_cell(tmp_path: Path) -> None:
    lines = ["id,text", *(f'{i},"t{i}' if i % 7 == 3 else f"{i},t{i}" for i in range(100))]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    table = load_table("x.csv", tmp_path)
    assert len(table.records) + sum(problem.lost for problem in table.problems) == 100
    assert all(record.values["text"] == f"t{record.values['id']}" for record in table.records)
