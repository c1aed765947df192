"""Python files and Hugging Face datasets: user code in a child process, clear words without a network."""

from __future__ import annotations

import sys
import types
from datetime import date
from pathlib import Path

import pytest

from core.data import load_splits, load_table
from core.data.formats import python as python_format
from core.data.paging.table import open_table
from core.errors import DataError
from core.recipe import DataSpec

EXAMPLES = """
import datetime, dspy
import helper
print("noise on stdout")
from core import where
day = datetime.date(2024, 1, 2)
trainset = [dspy.Example(question=f"q{i}", answer=helper.double(i), on=day).with_inputs("question")
            for i in range(30)]
assert where == "theirs"
plain = [{"question": "x", "tags": ["a", {"b": None}]}]
_hidden = [dspy.Example(question="no")]
def make(): return trainset[:3]
number = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.py").write_text(EXAMPLES)
    (tmp_path / "helper.py").write_text("def double(x): return x * 2\n")
    (tmp_path / "secrets.py").write_text("raise RuntimeError('shadowed')\n")
    (tmp_path / "core.py").write_text("where = 'theirs'\n")
    return tmp_path


def test_examples_keep_their_types(folder: Path) -> None:
    table = load_table("data.py:trainset", folder)
    assert len(table.records) == 30
    assert table.records[2].values == {"question": "q2", "answer": 4, "on": date(2024, 1, 2)}
    assert load_table("data.py:plain", folder).records[0].values == {
        "question": "x",
        "tags": ["a", {"b": None}],
    }
    assert len(load_table("data.py:make", folder).records) == 3
    splits = load_splits(DataSpec(path="data.py:trainset", inputs=("question",)), folder)
    assert [len(splits.train), len(splits.val), len(splits.test)] == [18, 6, 6]


def test_examples_can_be_paged(folder: Path) -> None:
    with open_table("data.py:trainset", folder, state_dir=folder / "state") as table:
        state = table.wait(timeout=60)
        assert (state.total, state.error) == (30, None)
        assert table.page(2, 1) == [{"question": "q2", "answer": 4, "on": date(2024, 1, 2)}]
    assert not list((folder / "state" / "cache").iterdir())


@pytest.mark.parametrize(
    ("code", "target", "says"),
    [
        ("1 / 0", "", "ZeroDivisionError: division by zero (line 1)"),
        ("raise SystemExit(3)", "", "SystemExit: 3"),
        ("import os; os._exit(5)", "", "ended the process (exit code 5)"),
        ("def (", "", "SyntaxError"),
        ("x = 1", "", "no list of dspy.Example"),
        ("a = [{'x': 1}]\nb = [{'x': 1}]", "", "several lists of examples (a, b)"),
        ("a = [{'x': 1}]", ":c", "no c; it has a"),
        ("a = 5", ":a", "a is a int"),
        ("a = [{'x': 1}, 5]", ":a", "item 1 of the list is a int"),
        ("import nothing_like_this", "", "ModuleNotFoundError"),
    ],
)
def test_what_goes_wrong_in_the_code_is_said(code: str, target: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(code)
    with pytest.raises(DataError) as caught:
        load_table(f"data.py{target}", tmp_path)
    assert says in caught.value.what
    assert caught.value.where == "data.py"


def test_endless_code_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.py").write_text("while True: print('x' * 1000)")
    monkeypatch.setattr(python_format, "_SECONDS", 1.0)
    with pytest.raises(DataError, match="did not finish within 1 seconds"):
        load_table("data.py", tmp_path)


def test_hub_without_the_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError) as caught:
        load_table("hf:owner/name", tmp_path)
    assert "pip install 'compilot[hf]'" in caught.value.fix


def test_hub_offline_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load_dataset(name: str, config: str | None, split: str | None) -> object:
        calls.append((name, config, split))
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(DataError) as caught:
        load_table("hf:owner/name@config:train[:10]", tmp_path)
    assert calls == [("owner/name", "config", "train[:10]")]
    assert "Couldn't reach" in caught.value.what
    assert caught.value.where == "hf:owner/name@config:train[:10]"
    with pytest.raises(DataError, match="not the name of a dataset"):
        load_table("hf:../../etc", tmp_path)


def test_hub_gives_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    class Part:
        def with_format(self, kind: str) -> Part:
            assert kind == "arrow"
            return self

        def __getitem__(self, _: slice) -> pa.Table:
            return pa.table({"question": ["a", "b"], "n": [1, 2]})

    parts = {"train": Part(), "test": Part()}
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=lambda *_, **__: parts))
    assert [record.values for record in load_table("hf:owner/name", tmp_path).records] == [
        {"question": "a", "n": 1},
        {"question": "b", "n": 2},
    ]
    parts.pop("train")
    parts["validation"] = Part()
    with pytest.raises(DataError) as caught:
        load_table("hf:owner/name", tmp_path)
    assert "hf:owner/name:validation" in caught.value.fix
