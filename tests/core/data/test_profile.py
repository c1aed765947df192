"""The profile: each flaw is found, with its rows; sound data has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.data.fields import read_path
from core.data.profile import Finding, profile_data, profile_file
from core.data.profile.near import find_near_pairs
from core.data.roles import guess_roles
from core.data.tokens import estimate_tokens
from core.recipe import DataSpec, SplitSpec

WORDS = [first + last for first in ("al", "be", "ga", "del") for last in ("pha", "ta", "ma", "sil", "on")]


def _sound(count: int) -> list[dict[str, Any]]:
    return [
        {
            "message": " ".join(WORDS[(i * 7 + j * (i % 5 + 1)) % 20] for j in range(12)) + f" {i}",
            "label": "xyz"[i % 3],
        }
        for i in range(count)
    ]


def _profile(folder: Path, rows: list[dict[str, Any]], **spec: Any) -> dict[str, Finding]:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = {"inputs": ("message",), "stratify": "label", **spec}
    report = profile_data(DataSpec(path="rows.jsonl", **options), folder)
    return {finding.kind: finding for finding in report.findings}


def _indices(finding: Finding) -> list[int]:
    return sorted(row.index for row in finding.rows)


def test_sound_data_has_nothing_to_find(tmp_path: Path) -> None:
    found = _profile(tmp_path, _sound(120), split=SplitSpec(train=90, val=12, test=18))
    assert found == {}


def test_each_flaw_is_found_with_its_rows(tmp_path: Path) -> None:
    rows = _sound(120)
    rows[10] = dict(rows[1])
    rows[20] = {**rows[2], "label": "y"}
    rows[30]["message"] = "  "
    rows[31]["message"] = None
    rows[40]["message"] = "word " * 30_000
    rows[50]["message"] += " \x1b[2J"
    rows[51]["message"] += " \u202e"
    rows[60]["message"] += " \ufffd"
    rows[70]["label"] = None
    rows[80]["label"] = "Z "
    found = _profile(tmp_path, rows)
    expected = {
        "duplicate": [10],
        "conflict": [2, 20],
        "huge": [40],
        "control_characters": [50, 51],
        "damaged_text": [60],
        "missing": [70],
        "rare_class": [80],
    }
    assert {kind: _indices(found[kind]) for kind in expected} == expected
    assert 80 in _indices(found["label_variants"])
    assert _indices(found["empty"])
    assert found["conflict"].severity == "problem"
    assert found["duplicate"].what == "1 row repeats an earlier row"
    assert found["rare_class"].what.startswith("label: 1 class has fewer than 3 rows")
    assert all(finding.fix for finding in found.values() if finding.severity == "problem")


def test_leaks_between_files(tmp_path: Path) -> None:
    rows = _sound(60)
    near = {**rows[5], "message": rows[5]["message"].upper() + "!"}
    for name, part in (("train", rows[:40]), ("val", [*rows[40:], rows[0]]), ("test", [near, rows[1]])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    spec = DataSpec(train="train.jsonl", val="val.jsonl", test="test.jsonl", inputs=("message",))
    report = profile_data(spec, tmp_path)
    leaks = {finding.part: finding for finding in report.findings if finding.kind == "leak"}
    assert {(row.source, row.index) for row in leaks["train/val"].rows} == {
        ("train.jsonl", 0),
        ("val.jsonl", 20),
    }
    assert {(row.source, row.index) for row in leaks["test/train"].rows} == {
        ("train.jsonl", 1),
        ("test.jsonl", 1),
    }
    near_leak = next(finding for finding in report.findings if finding.kind == "near_leak")
    assert ("test.jsonl", 0) in {(row.source, row.index) for row in near_leak.rows}


def test_the_split_keeps_copies_together(tmp_path: Path) -> None:
    rows = [row for row in _sound(100) for _ in range(2)]
    found = _profile(tmp_path, rows)
    assert "leak" not in found
    assert len(_indices(found["duplicate"])) == 100


def test_a_class_that_a_part_lacks_is_named(tmp_path: Path) -> None:
    rows = _sound(60)
    rows[7]["label"] = "only one"
    found = _profile(tmp_path, rows)
    assert _indices(found["class_missing"]) == [7]
    assert "label more rows" in found["class_missing"].fix


def test_groups_in_two_files_are_named(tmp_path: Path) -> None:
    for name, start in (("train", 0), ("val", 20)):
        rows = [{**row, "user": f"u{(start + i) % 25}"} for i, row in enumerate(_sound(20))]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = DataSpec(train="train.jsonl", val="val.jsonl", inputs=("message",), group="user")
    found = {finding.kind: finding for finding in profile_data(spec, tmp_path).findings}
    assert "15 groups" in found["group_straddles"].what


@pytest.mark.parametrize(
    ("count", "split", "kinds"),
    [
        (14, SplitSpec(), {"small", "advice"}),
        (200, SplitSpec(), {"large_val"}),
        (40, SplitSpec(train=0.7, val=0.3, test=0), {"advice"}),
    ],
)
def test_the_guides_advice(count: int, split: SplitSpec, kinds: set[str], tmp_path: Path) -> None:
    found = _profile(tmp_path, _sound(count), split=split)
    assert kinds <= set(found)


def test_any_file_has_a_profile(tmp_path: Path) -> None:
    lines = [
        f"{i},some words here {i},{'n/a' if i == 30 else i},{'yes' if i % 2 else 'no'}" for i in range(100)
    ]
    (tmp_path / "x.csv").write_text("\n".join(["id,question,amount,label", *lines, "broken"]))
    report = profile_file("x.csv", tmp_path)
    roles = {column.name: column.role for column in report.columns}
    assert roles == {"id": "id", "question": "input", "amount": "input", "label": "label"}
    assert (report.rows, report.lost, report.parts) == (100, 1, {})
    assert report.balance == {"label": {"yes": {"all": 50}, "no": {"all": 50}}}
    found = {finding.kind: finding for finding in report.findings}
    assert _indices(found["almost_numbers"]) == [30]
    assert "line 102" in found["unreadable"].what
    amounts = next(column for column in report.columns if column.name == "id")
    assert (amounts.distinct, amounts.numbers.highest, amounts.tokens) == (100, 99, None)


def test_repeated_ids(tmp_path: Path) -> None:
    rows = [{**row, "id": f"r{i % 50}"} for i, row in enumerate(_sound(60))]
    found = _profile(tmp_path, rows, id="id")
    assert _indices(found["duplicate_id"]) == list(range(50, 60))


def test_near_pairs() -> None:
    texts = [
        "please send the invoice for order 17 to the office in Leeds",
        "Please send the invoice for order 17 to the office in leeds!",
        "please send the invoice for order 18 to the office in Leeds",
        "completely different words about a broken kettle and its lid",
        "short",
        "Short",
    ]
    assert find_near_pairs(texts) == [(0, 1)]


def test_near_pairs_take_linear_time() -> None:
    texts = [
        f"thank you for your order number {i} we will send it on day {i % 365} to you" for i in range(20_000)
    ]
    assert find_near_pairs(texts) == []


@pytest.mark.parametrize(
    ("columns", "inputs", "outputs", "mapping"),
    [
        (["question", "answer"], ["question"], ["answer"], {}),
        (["query", "gold"], ["question"], ["answer"], {"question": "query", "answer": "gold"}),
        (["Ticket_Text", "label"], ["ticket_text"], ["label"], {"ticket_text": "Ticket_Text"}),
        (
            ["messages", "categori"],
            ["message"],
            ["category"],
            {"message": "messages", "category": "categori"},
        ),
    ],
)
def test_guessed_roles(
    columns: list[str], inputs: list[str], outputs: list[str], mapping: dict[str, str]
) -> None:
    guess = guess_roles([*columns, "id", "user_id", "weight"], inputs, outputs)
    assert guess.map == mapping
    assert guess.inputs == tuple(inputs)
    assert (guess.id, guess.group, guess.weight, guess.missing) == ("id", "user_id", "weight", ())


def test_roles_without_a_program() -> None:
    guess = guess_roles(["id", "text", "lang", "sentiment"])
    assert (guess.inputs, guess.labels, guess.id) == (("text", "lang"), ("sentiment",), "id")
    assert guess_roles(["text", "label", "notes"]).labels == ("label",)
    assert guess_roles(["a", "b"], ["question"]).missing == ("question",)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", {"b": [{"c": 5}]}),
        ("a.b[0].c", 5),
        ("a.b[-1].c", 5),
        ("a.b[3].c", None),
        ("x.y", 7),
        ("nothing.here", None),
    ],
)
def test_nested_paths(path: str, value: Any) -> None:
    assert read_path({"a": {"b": [{"c": 5}]}, "x.y": 7}, path) == value


def test_token_estimates() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("four") == 1
    assert 8 <= estimate_tokens("The quick brown fox jumps over the dog") <= 12
    assert 4 <= estimate_tokens("これは日本語です") <= 10
