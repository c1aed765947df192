"""`compilot data …` as a person and a script use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data.seal import list_looks
from core.workspace import Workspace

Invoke = Callable[..., object]
ESC = "\x1b]0;X\x07\x1b[2J"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = ["id,question,score,label", *(f'{i},"what, is {i}?",{i / 10},{"ab"[i % 2]}' for i in range(50))]
    path.write_text("\n".join(lines) + "\n51\n")
    return path


def test_show_gives_columns_and_rows(invoke, table: Path) -> None:
    shown = invoke("data", "show", table, "--rows", "2", "--json").json
    assert shown["columns"] == [
        {"name": "id", "type": "integer", "role": "id"},
        {"name": "question", "type": "text", "role": "input"},
        {"name": "score", "type": "number", "role": "input"},
        {"name": "label", "type": "text", "role": "label"},
    ]
    assert shown["rows"][1] == {"id": 1, "question": "what, is 1?", "score": 0.1, "label": "b"}
    assert (shown["total"], shown["lost"], shown["types_from"]) == (50, 1, "all")
    assert "line 52" in shown["problems"][0]["where"]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--offset", "48"), [48, 49]),
        (("--match", "IS 1?"), [1]),
        (("--regex", r"is \d\?"), list(range(10))),
        (("--where", "score > 4.7 and label = 'b'"), [49]),
        (("--sort", "score", "--descending", "--rows", "2"), [49, 48]),
        (("--where", "label = 'a'", "--sort", "id", "--offset", "23"), [46, 48]),
    ],
)
def test_show_filters_and_sorts(invoke, table: Path, options: tuple[str, ...], numbers: list[int]) -> None:
    assert invoke("data", "show", table, "--json", *options).json["numbers"] == numbers


def test_what_is_shown_cannot_steer_the_terminal(invoke, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps({f"[bold]{ESC}": f"{ESC}[/nope]\u202e"}) + "\n")
    answer = invoke("data", "show", tmp_path / "x.jsonl")
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert "[/nope]" in answer.out
    assert "\u202e" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "nothing.csv"), 1, "no such file"),
        (("show", "--match", "x", "--part", "val"), 2, "--part"),
        (("profile", "nothing.csv"), 1, "no such file"),
        (("show",), 1, "compilot.toml"),
        (("edit", "0"), 2, "say what to change"),
        (("export", "nothing.csv", "-o", "x.csv"), 1, "no such file"),
        (("import", "nothing.json", "-o", "x.jsonl"), 1, "no such file"),
    ],
)
def test_errors_say_what_is_wrong(
    invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = invoke("data", *arguments)
    assert (answer.code, says in answer.err) == (code, True), answer.err


def test_roles_are_the_workspaces_for_its_own_file(invoke, workspace: Workspace) -> None:
    own = invoke("data", "show", "--workspace", workspace.root, "-n", "1", "--json").json
    roles = {column["name"]: column["role"] for column in own["columns"]}
    assert roles["message"] == "input"
    assert roles["team"] == "label"
    again = invoke(
        "data", "show", workspace.root / own["file"], "-w", workspace.root, "-n", "1", "--json"
    ).json
    assert again["columns"] == own["columns"]


def test_one_look_is_one_time(invoke, workspace: Workspace) -> None:
    invoke("data", "split", "-w", workspace.root)
    invoke("data", "show", "--part", "test", "-w", workspace.root)
    assert "looked at 1 time\n" in invoke("data", "split", "-w", workspace.root).err


def test_split_is_frozen_and_looks_at_test_are_remembered(invoke, workspace: Workspace) -> None:
    root = workspace.root
    made = invoke("data", "split", "-w", root, "--json").json
    assert made["test_looks"] == 0
    assert invoke("data", "show", "--part", "train", "-w", root, "--json").json["split"] == made["split"]
    assert list_looks(workspace.store) == []
    part = invoke("data", "show", "--part", "test", "-w", root, "-n", "3", "--json").json
    assert (len(part["rows"]), part["total"]) == (3, made["parts"]["test"])
    assert invoke("data", "export", "--part", "test", "-o", root / "t.csv", "-w", root).code == 0
    assert [look.by for look in list_looks(workspace.store, made["split"])] == [
        "data show --part test",
        "data export --part test",
    ]
    assert invoke("data", "split", "-w", root, "--json").json["test_looks"] == 2
    assert "looked at 2 times" in invoke("data", "split", "-w", root).err


def test_edits_change_the_split_and_not_the_file(invoke, workspace: Workspace) -> None:
    root = workspace.root
    path = root / invoke("data", "show", "-w", root, "-n", "1", "--json").json["file"]
    before, content = invoke("data", "split", "-w", root, "--json").json, path.read_bytes()
    edited = invoke("data", "edit", "0", "--set", "team=other", "--note", "odd", "-w", root, "--json").json
    assert edited["edit"]["values"] == {"team": "other"}
    assert invoke("data", "edit", "1", "--exclude", "-w", root).code == 0
    after = invoke("data", "split", "-w", root, "--json").json
    assert sum(after["parts"].values()) == sum(before["parts"].values()) - 1
    assert "other" in after["balance"]["team"]
    assert after["split"] != before["split"]
    assert path.read_bytes() == content
    for row in ("0", "1"):
        assert invoke("data", "edit", row, "--revert", "-w", root).code == 0
    assert invoke("data", "split", "-w", root, "--json").json["split"] == before["split"]
    assert "did you mean team" in invoke("data", "edit", "0", "--set", "teem=x", "-w", root).err
    assert "there is no row" in invoke("data", "edit", "99999", "--exclude", "-w", root).err


def test_profile_names_rows_and_fixes(invoke, table: Path, workspace: Workspace) -> None:
    table.write_text(table.read_text() + '60,"what, is 3?",1,a\n')
    report = invoke("data", "profile", table, "--json").json
    found = {finding["kind"]: finding for finding in report["findings"]}
    assert found["unreadable"]["severity"] == "problem"
    assert (report["rows"], report["lost"]) == (51, 1)
    text = invoke("data", "profile", "-w", workspace.root).out
    assert "train" in text
    assert "findings" in text


def test_export_guards_formulas(invoke, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": "=cmd()", "b": [1]}\n')
    out = tmp_path / "o.csv"
    assert invoke("data", "export", tmp_path / "x.jsonl", "-o", out, "--json").json["rows"] == 1
    assert out.read_text().splitlines() == ["a,b", "'=cmd(),[1]"]
    assert "exists already" in invoke("data", "export", tmp_path / "x.jsonl", "-o", out).err
    assert invoke("data", "export", tmp_path / "x.jsonl", "-o", out, "--overwrite", "--unguarded").code == 0
    assert out.read_text().splitlines()[1] == "=cmd(),[1]"
    assert invoke("data", "export", out, "-o", tmp_path / "o.parquet").code == 0


def test_import_makes_a_dataset(invoke, tmp_path: Path) -> None:
    calls = [
        {"inputs": {"q": str(i)}, "outputs": {"a": i}, "feedback": {"rating": "up" if i % 2 else "down"}}
        for i in range(6)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(call) + "\n" for call in calls))
    out = tmp_path / "rows.jsonl"
    made = invoke("data", "import", tmp_path / "log.jsonl", "-o", out, "--json").json
    assert (made["format"], made["rows"], made["good"], made["bad"], made["unlabelled"]) == (
        "calls",
        6,
        3,
        3,
        3,
    )
    shown = invoke("data", "show", out, "--json").json
    assert [column["name"] for column in shown["columns"]] == ["q", "a", "feedback", "call_id"]
