"""The pure parts of the Data place: filters, trails, roles, shares, edits, texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data.overlay import Edit, Overlay, load_overlay
from core.data.paging.table import open_table
from core.data.paging.view import Query
from core.data.profile import Finding
from core.data.roles import roles_of_spec
from core.data.survey import SurveyJob, survey_data
from core.errors import DataError
from core.recipe import DataSpec, SplitSpec
from core.workspace import Workspace
from tui.panes.data.editing import change_row, export_view, read_value, take_back
from tui.panes.data.files import changed_fields, find_target, list_data_files, own_target
from tui.panes.data.filtering import is_empty, parse_filter
from tui.panes.data.marks import RowMarks
from tui.panes.data.opening import open_target
from tui.panes.data.profile_text import describe_balance, describe_columns, describe_finding, describe_split
from tui.panes.data.roles import give_role, next_role
from tui.panes.data.row_text import describe_row, whole_text
from tui.panes.data.shares import read_share, read_split, write_split
from tui.panes.data.source import FullRow, PagedSource
from tui.panes.data.state_text import describe_query
from tui.panes.data.trail import Trail

COLUMNS = ["id", "message", "urgency", "sentiment"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("triage", tmp_path / "w")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("smoke", Query(text="smoke")),
        (" a b ", Query(text="a b")),
        ("urgency:low", Query(text="low", columns=("urgency",))),
        ("urgency : ~^l", Query(regex="^l", columns=("urgency",))),
        ("nothing: here", Query(text="nothing: here")),
        ("~a|b", Query(regex="a|b")),
        ("= score > 1", Query(where="score > 1")),
        ("", Query()),
    ],
)
def test_a_filter_is_read_and_written_as_it_was_meant(text: str, query: Query) -> None:
    assert parse_filter(text, COLUMNS) == query
    assert parse_filter(describe_query(query), COLUMNS) == query
    assert is_empty(query) == (text == "")


def test_a_trail_goes_round_in_both_directions() -> None:
    trail = Trail("x", [3, 7, 9])
    assert trail.step(-1) == (3, 0)
    assert trail.step(3) == (7, 1)
    assert trail.step(9) == (3, 0)
    assert trail.step(8, False) == (7, 1)
    assert trail.step(3, False) == (9, 2)
    assert trail.describe(1) == "2 of 3: x"
    unordered = Trail("x", [9, 3, 7], ordered=False)
    assert unordered.step(9) == (3, 1)
    assert unordered.step(1) == (9, 0)
    assert unordered.step(1, False) == (7, 2)
    assert Trail("x", []).step(0) is None


def test_roles_are_given_and_the_others_keep_theirs() -> None:
    spec = DataSpec(path="a", id="id", inputs=("message",))
    roles = roles_of_spec(spec, COLUMNS)
    for role in ("input", "label", "ignored", "id"):
        for column in COLUMNS:
            changed = roles_of_spec(give_role(spec, COLUMNS, column, role), COLUMNS)
            assert changed[column] == role
            kept = {name: was for name, was in roles.items() if name not in (column, "id")}
            assert {name: changed[name] for name in kept} == kept
    moved = roles_of_spec(give_role(spec, COLUMNS, "urgency", "id"), COLUMNS)
    assert moved["id"] == "ignored"
    closed = DataSpec(path="a", inputs=("message",), labels=("urgency",))
    assert give_role(closed, COLUMNS, "sentiment", "label").labels == ("urgency", "sentiment")
    assert give_role(closed, COLUMNS, "urgency", "ignored").labels == ()
    assert next_role("group") == "input"


def test_a_mapped_column_changes_its_programs_field() -> None:
    spec = DataSpec(path="a", inputs=("question",), map={"question": "message"})
    assert give_role(spec, COLUMNS, "message", "label").inputs == ()
    back = give_role(give_role(spec, COLUMNS, "message", "label"), COLUMNS, "message", "input")
    assert back.inputs == ("question",)


@pytest.mark.parametrize(
    ("text", "share"), [("0.4", 0.4), ("40 %", 0.4), ("12", 12), ("1,200", 1200), ("", 0)]
)
def test_shares_are_read(text: str, share: float) -> None:
    assert read_share(text, "val") == pytest.approx(share)


@pytest.mark.parametrize("text", ["-1", "half", "nan", "inf", "1e99", "%"])
def test_what_is_no_share_is_told(text: str) -> None:
    with pytest.raises(DataError, match="val cannot be"):
        read_share(text, "val")


def test_a_split_that_was_not_changed_is_the_same() -> None:
    for spec in (
        DataSpec(path="a", stratify="x", split=SplitSpec(0.5, 0.2, 0.3, 7)),
        DataSpec(path="a", stratify=("x",)),
        DataSpec(path="a"),
    ):
        assert read_split(spec, write_split(spec)) == spec
        assert changed_fields(spec, read_split(spec, write_split(spec))) == {}


def test_a_share_that_becomes_the_default_replaces_the_old_one() -> None:
    old = DataSpec(path="a", split=SplitSpec(0.5, 0.2, 0.3), ignore=("x",))
    new = DataSpec(path="a", stratify="y")
    assert changed_fields(old, new) == {
        "split": {"train": 0.6, "val": 0.2, "test": 0.2, "seed": 0},
        "ignore": None,
        "stratify": "y",
    }


def test_values_are_read_by_their_columns_type() -> None:
    assert read_value("12", "text") == "12"
    assert read_value("12", "integer") == 12
    assert read_value("12", "number") == 12
    assert read_value("", "number") is None
    assert read_value('["a"]', "list") == ["a"]
    assert read_value("anything", "mixed") == "anything"
    for text, kind in (("1.5", "integer"), ("x", "number"), ("1", "boolean"), ('{"a":1}', "list")):
        with pytest.raises(DataError):
            read_value(text, kind)  # type: ignore[arg-type]


def test_edits_are_found_on_their_row_and_taken_back_exactly(workspace: Workspace) -> None:
    target = own_target(workspace)
    with open_table(target.text, target.root, state_dir=target.state_dir) as table:
        first = change_row(workspace, table, 5, "note", note="odd")
        change_row(workspace, table, 5, "label", values={"urgency": "high"}, excluded=True)
        marks = RowMarks(table, target.text, None, load_overlay(workspace.state_dir))
        assert marks.edit_of(5) == Edit({"urgency": "high"}, True, "odd")
        assert marks.edit_of(6) == Edit()
        source = PagedSource(table, {}, marks)
        line = source.lines(5, 1)[0]
        assert (line.mark, line.cells[2], line.tone) == ("x", "high", "muted")
        second = change_row(workspace, table, 5, "revert", revert=True)
        assert load_overlay(workspace.state_dir).edits == {}
        take_back(workspace, second)
        assert load_overlay(workspace.state_dir).edits[second.key] == Edit({"urgency": "high"}, True, "odd")
        take_back(workspace, first)
        assert load_overlay(workspace.state_dir).edits == {}


def test_the_second_of_two_equal_rows_is_edited_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": "x"}\n{"a": "y"}\n{"a": "x"}\n')
    workspace = Workspace(tmp_path)
    with open_table("rows.jsonl", tmp_path) as table:
        change_row(workspace, table, 2, "exclude", excluded=True)
        marks = RowMarks(table, "rows.jsonl", None, load_overlay(workspace.state_dir))
        assert [marks.edit_of(number).excluded for number in range(3)] == [False, False, True]


def test_an_export_leaves_excluded_rows_out_and_keeps_edits(workspace: Workspace, tmp_path: Path) -> None:
    target = own_target(workspace)
    with open_table(target.text, target.root, state_dir=target.state_dir) as table:
        change_row(workspace, table, 0, "x", excluded=True)
        change_row(workspace, table, 1, "e", values={"urgency": "none"})
        marks = RowMarks(table, target.text, None, load_overlay(workspace.state_dir))
        written, left_out = export_view(PagedSource(table, {}, marks), tmp_path / "o.jsonl", overwrite=False)
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert (written, left_out, rows[0]["urgency"]) == (263, 1, "none")


def test_files_are_found_by_any_of_their_names(workspace: Workspace) -> None:
    (workspace.root / "more").mkdir()
    (workspace.root / "more" / "extra.csv.gz").write_bytes(b"")
    assert list_data_files(workspace.root) == ["messages.jsonl", "more/extra.csv.gz"]
    own = own_target(workspace)
    assert find_target(workspace, workspace.root, "messages.jsonl") == own
    assert find_target(workspace, workspace.root, str(workspace.root / "messages.jsonl")) == own
    assert find_target(workspace, workspace.root, "other.csv").spec is None


def test_opening_again_says_whether_the_file_changed(workspace: Workspace) -> None:
    target = own_target(workspace)
    first = open_target(target, None, trusted=False)
    assert first.table is not None
    first.table.close()
    assert first.lines[0].cells[0] == "FS-1107"
    assert open_target(target, first.stamp, trusted=False).table is None
    with (workspace.root / "messages.jsonl").open("a") as file:
        file.write("{}\n")
    again = open_target(target, first.stamp, trusted=False)
    assert again.table is not None
    again.table.close()


def test_the_row_in_full_keeps_markup_and_long_text_as_text() -> None:
    row = FullRow(
        3,
        {"a": "[bold]x\nline two", "b": None, "c": {"k": [1, 2]}, "d": "x" * 60_000, "e": ""},
        "val",
        Edit({"a": "new"}, note="why"),
    )
    text = describe_row(row, {"a": "input", "b": "label"}).plain
    assert "new" in text
    assert "was  [bold]x\nline two" in text
    assert "missing" in text
    assert "empty text" in text
    assert "10,000 more letters" in text
    assert "note  why" in text
    assert whole_text([{"a": "long " * 20}]).count("\n") > 1


def test_profile_texts_show_every_class_once(workspace: Workspace) -> None:
    spec = workspace.recipe().data
    profile = survey_data(SurveyJob(root=workspace.root, spec=spec)).profile
    balance = describe_balance(profile, 40).plain
    assert balance.count("━") > 20
    assert max(map(len, balance.splitlines())) <= 42
    assert "neutral" in describe_split(profile).plain
    assert all(len(line) <= 50 for line in describe_columns(profile, 50).plain.splitlines())
    hostile = Finding(kind="conflict", severity="problem", what="[/x] \x1b[2J", fix="[@click=app.quit]x")
    assert "\x1b" not in describe_finding(hostile).plain
    assert "[/x]" in describe_finding(hostile).plain


def test_an_overlay_of_other_rows_marks_none(workspace: Workspace) -> None:
    target = own_target(workspace)
    with open_table(target.text, target.root) as table:
        marks = RowMarks(table, target.text, None, Overlay({"0" * 16: Edit(excluded=True)}))
        assert not any(marks.edit_of(number).excluded for number in range(10))
