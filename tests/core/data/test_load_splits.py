"""Loading a recipe's data into train, val and test."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.data import exclude_row, load_splits, set_values, to_examples
from core.data.freeze import forget_frozen
from core.errors import DataError, StoreError
from core.recipe import DataSpec, SplitSpec


def write_rows(path: Path, count: int, start: int = 0) -> None:
    rows = [
        {"question": f"question {i}", "label": "abc"[i % 7 % 3], "team": f"t{i % 11}"}
        for i in range(start, start + count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


SPEC = DataSpec(
    path="rows.jsonl",
    inputs=("question",),
    stratify="label",
    split=SplitSpec(train=0.5, val=0.2, test=0.3),
)


def test_sizes_and_classes_are_in_proportion(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 60)
    splits = load_splits(SPEC, tmp_path)
    assert [len(splits.train), len(splits.val), len(splits.test)] == [30, 12, 18]
    totals = Counter(row.values["label"] for row in splits.train + splits.val + splits.test)
    for part, share in (("train", 0.5), ("val", 0.2), ("test", 0.3)):
        counts = Counter(row.values["label"] for row in splits.part(part))
        assert all(abs(counts[label] - total * share) < 1 for label, total in totals.items())


def test_split_does_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 60)
    before = load_splits(SPEC, tmp_path)
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    random.Random(1).shuffle(lines)
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    after = load_splits(SPEC, tmp_path)
    for part in ("train", "val", "test"):
        assert {row.hash for row in before.part(part)} == {row.hash for row in after.part(part)}


def test_frozen_rows_stay_when_rows_are_added(tmp_path: Path) -> None:
    state = tmp_path / ".compilot"
    write_rows(tmp_path / "rows.jsonl", 40)
    before = load_splits(SPEC, tmp_path, state)
    write_rows(tmp_path / "rows.jsonl", 100)
    after = load_splits(SPEC, tmp_path, state)
    for part in ("train", "val", "test"):
        assert {row.hash for row in before.part(part)} <= {row.hash for row in after.part(part)}
    assert [len(after.train), len(after.val), len(after.test)] == [50, 20, 30]


def test_seed_changes_the_split_and_nothing_else_does(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 60)
    other = DataSpec(**{**_fields(SPEC), "split": SplitSpec(train=0.5, val=0.2, test=0.3, seed=1)})
    first, again, seeded = (load_splits(spec, tmp_path) for spec in (SPEC, SPEC, other))
    assert first.hash == again.hash != seeded.hash


def _fields(spec: DataSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def test_counts_come_first_and_fractions_share_what_is_left(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 100)
    spec = DataSpec(path="rows.jsonl", inputs=("question",), split=SplitSpec(train=0.6, val=12, test=0.4))
    splits = load_splits(spec, tmp_path)
    assert [len(splits.train), len(splits.val), len(splits.test)] == [53, 12, 35]


def test_rows_that_no_part_asks_for_are_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 100)
    spec = DataSpec(path="rows.jsonl", inputs=("question",), split=SplitSpec(train=20, val=12, test=10))
    splits = load_splits(spec, tmp_path)
    assert len(splits.train) == 20
    assert "58 rows are in no part, of 100" in splits.notes[0]


def test_train_alone_is_split_and_train_with_val_is_not(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.jsonl", 40)
    write_rows(tmp_path / "val.jsonl", 10, start=40)
    alone = load_splits(DataSpec(train="train.jsonl", inputs=("question",)), tmp_path)
    assert [len(alone.train), len(alone.val), len(alone.test)] == [24, 8, 8]
    both = load_splits(DataSpec(train="train.jsonl", val="val.jsonl", inputs=("question",)), tmp_path)
    assert [len(both.train), len(both.val), len(both.test)] == [40, 10, 0]
    tested = load_splits(DataSpec(train="train.jsonl", test="val.jsonl", inputs=("question",)), tmp_path)
    assert [len(tested.train), len(tested.val), len(tested.test)] == [30, 10, 10]


def test_mapping_nested_paths_and_json_in_strings(tmp_path: Path) -> None:
    rows = [
        {"query": f"q{i}", "answer": {"label": "x", "why": ["a", i]}, "raw": json.dumps({"n": i}), "noise": 1}
        for i in range(5)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = DataSpec(
        path="rows.jsonl",
        inputs=("question",),
        map={"question": "query", "label": "answer.label", "first": "answer.why[0]", "n": "raw.n"},
        json_columns=("raw",),
        ignore=("noise",),
        split=SplitSpec(train=1, val=0, test=0),
    )
    splits = load_splits(spec, tmp_path)
    assert {tuple(row.values) for row in splits.train} == {("question", "label", "first", "n")}
    assert sorted(row.values["n"] for row in splits.train) == [0, 1, 2, 3, 4]


def test_missing_column_names_file_column_and_nearest(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 5)
    with pytest.raises(DataError) as caught:
        load_splits(DataSpec(path="rows.jsonl", inputs=("qestion",)), tmp_path)
    assert "qestion" in caught.value.what
    assert "rows.jsonl" in caught.value.where
    assert "did you mean question?" in caught.value.fix
    assert "team" in caught.value.fix


@pytest.mark.parametrize(
    "split",
    [SplitSpec(train=0.9, val=0.9, test=0.1), SplitSpec(train=500, val=1, test=0), SplitSpec(train=-1)],
)
def test_impossible_sizes_are_refused(tmp_path: Path, split: SplitSpec) -> None:
    write_rows(tmp_path / "rows.jsonl", 10)
    with pytest.raises(DataError) as caught:
        load_splits(DataSpec(path="rows.jsonl", inputs=("question",), split=split), tmp_path)
    assert caught.value.where == "data.split"


def test_examples_carry_inputs_and_labels(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 5)
    rows = load_splits(SPEC, tmp_path).train
    example = to_examples(rows, ["question"], ["label"])[0]
    assert example.inputs().toDict() == {"question": rows[0].values["question"]}
    assert example.labels().toDict() == {"label": rows[0].values["label"]}
    with pytest.raises(DataError):
        to_examples(rows, ["nothing"])


def test_importing_the_package_stays_light() -> None:
    heavy = "dspy", "polars", "pyarrow"
    code = f"import sys, core.data; core.data.load_splits; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    import core.data

    assert set(core.data.__all__) == set(core.data._HOMES)
    assert all(getattr(core.data, name) is not None for name in core.data.__all__)
    with pytest.raises(AttributeError):
        core.data.nothing


def test_groups_ids_and_weights(tmp_path: Path) -> None:
    rows = [
        {"q": f"q{i}", "a": "xy"[i % 2], "user": i // 4, "key": f"k{i % 30}", "w": i % 3} for i in range(60)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = DataSpec(path="rows.jsonl", inputs=("q",), stratify="a", group="user", id="key", weight="w")
    splits = load_splits(spec, tmp_path)
    homes = {row.group: part for part in ("train", "val", "test") for row in splits.part(part)}
    for part in ("train", "val", "test"):
        assert all(homes[row.group] == part for row in splits.part(part))
        assert all(set(row.values) == {"q", "a"} for row in splits.part(part))
        assert all(row.weight == row.index % 3 for row in splits.part(part))
    ids = [row.id for part in ("train", "val", "test") for row in splits.part(part)]
    assert len(set(ids)) == 60
    assert {"k0", "k0#2"} <= set(ids)


def test_stratified_by_a_number_and_by_two_labels(tmp_path: Path) -> None:
    rows = [{"q": f"q{i}", "score": i / 200, "lang": "de" if i % 4 else "en"} for i in range(200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = DataSpec(path="rows.jsonl", inputs=("q",), stratify=("score", "lang"))
    splits = load_splits(spec, tmp_path)
    for part, size in (("train", 120), ("val", 40), ("test", 40)):
        values = [row.values for row in splits.part(part)]
        assert len(values) == size
        assert abs(sum(value["lang"] == "en" for value in values) - size / 4) <= 5
        assert abs(sum(value["score"] for value in values) / size - 0.5) < 0.05


def test_edits_reach_the_examples_and_keep_the_parts(tmp_path: Path) -> None:
    state = tmp_path / ".compilot"
    write_rows(tmp_path / "rows.jsonl", 40)
    before = load_splits(SPEC, tmp_path, state)
    row, gone = before.val[0], before.test[0]
    set_values(state, row.hash, {"label": "corrected"})
    exclude_row(state, gone.hash)
    after = load_splits(SPEC, tmp_path, state)
    assert next(r for r in after.val if r.hash == row.hash).values["label"] == "corrected"
    assert gone.hash not in {r.hash for part in ("train", "val", "test") for r in after.part(part)}
    assert [len(after.train), len(after.val), len(after.test)] == [
        len(before.train),
        len(before.val),
        len(before.test) - 1,
    ]
    assert after.overlay
    assert after.notes == []
    set_values(state, "0" * 16, {"label": "x"})
    assert "1 edit fits no row" in load_splits(SPEC, tmp_path, state).notes[0]
    assert after.hash != before.hash


def test_a_damaged_frozen_split_is_said(tmp_path: Path) -> None:
    state = tmp_path / ".compilot"
    write_rows(tmp_path / "rows.jsonl", 20)
    load_splits(SPEC, tmp_path, state)
    frozen = next((state / "splits").glob("*.json"))
    frozen.write_text("{")
    with pytest.raises(StoreError) as caught:
        load_splits(SPEC, tmp_path, state)
    assert caught.value.where == str(frozen)
    assert forget_frozen(SPEC, state)
    assert load_splits(SPEC, tmp_path, state).hash == load_splits(SPEC, tmp_path).hash


def test_two_processes_freeze_one_split(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 60)
    code = (
        "import sys; from pathlib import Path\n"
        "from core.data import load_splits; from core.recipe import DataSpec\n"
        "root = Path(sys.argv[1]); print(load_splits(DataSpec(path='rows.jsonl'), root, root / 's').hash)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ignore": ("nothing",)}, "ignore"),
        ({"group": "nothing"}, "group"),
        ({"stratify": "nothing"}, "stratify"),
        ({"id": "nothing"}, "id"),
        ({"labels": ("nothing",)}, "labels"),
        ({"map": {"x": "nothing"}}, "map.x"),
        ({"json_columns": ("nothing",)}, "json_columns"),
    ],
)
def test_every_named_column_is_checked(tmp_path: Path, fields: dict[str, object], says: str) -> None:
    write_rows(tmp_path / "rows.jsonl", 5)
    with pytest.raises(DataError) as caught:
        load_splits(DataSpec(**{"path": "rows.jsonl", "inputs": ("question",), **fields}), tmp_path)
    assert f"data.{says}" in caught.value.where


def test_json_that_is_none_and_weights_that_are_none_name_their_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('q,raw,w\na,"{""x"": 1}",1\nb,{broken,many\n')
    with pytest.raises(DataError, match="does not hold JSON") as caught:
        load_splits(DataSpec(path="rows.csv", inputs=("q",), json_columns=("raw",)), tmp_path)
    assert caught.value.where == "rows.csv, row 1, column raw"
    with pytest.raises(DataError, match="a weight is a number") as caught:
        load_splits(DataSpec(path="rows.csv", inputs=("q",), weight="w"), tmp_path)
    assert "row 0" in caught.value.where


def test_rows_that_could_not_be_read_are_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 20)
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write("{broken\n")
    splits = load_splits(SPEC, tmp_path)
    assert len(splits.train) + len(splits.val) + len(splits.test) == 20
    assert "1 row that could not be read is left out" in splits.notes[0]
    assert "line 21" in splits.notes[0]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (DataSpec(), "no data file is named"),
        (DataSpec(path="a.csv", train="b.csv"), "both path and train"),
        (DataSpec(path="empty.jsonl"), "no rows"),
        (DataSpec(path="broken.jsonl"), "no rows"),
    ],
)
def test_data_that_is_none(tmp_path: Path, spec: DataSpec, says: str) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "broken.jsonl").write_text("{\n[\n")
    with pytest.raises(DataError) as caught:
        load_splits(spec, tmp_path)
    assert says in caught.value.what
