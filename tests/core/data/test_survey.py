"""A survey: the profile and every row's part, here or in a child, freezing nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest

from core.data import load_splits
from core.data.freeze import freeze_path
from core.data.overlay import exclude_row
from core.data.paging.table import open_table
from core.data.paging.view import Query
from core.data.survey import SurveyJob, run_survey, survey_data
from core.errors import DataError
from core.recipe import DataSpec


@pytest.fixture
def spec(tmp_path: Path) -> DataSpec:
    rows = [{"question": f"what is {n}?", "label": "abc"[n % 3]} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return DataSpec(path="rows.jsonl", inputs=("question",), stratify="label")


def test_it_tells_every_rows_part_and_freezes_nothing(spec: DataSpec, tmp_path: Path) -> None:
    state = tmp_path / "state"
    survey = survey_data(SurveyJob(root=tmp_path, spec=spec, state_dir=state))
    splits = load_splits(spec, tmp_path)
    assert survey.split == splits.hash
    for part in ("train", "val", "test"):
        for row in splits.part(part):
            assert survey.part_of("rows.jsonl", row.index) == part
    assert not survey.frozen
    assert not freeze_path(spec, state).exists()
    assert survey.part_of("rows.jsonl", 60) == ""
    assert survey.part_of("other.jsonl", 0) == ""


def test_it_obeys_a_frozen_split_and_the_edits(spec: DataSpec, tmp_path: Path) -> None:
    state = tmp_path / "state"
    frozen = load_splits(spec, tmp_path, state)
    with open_table("rows.jsonl", tmp_path) as table:
        exclude_row(state, table.row_key(0))
    survey = survey_data(SurveyJob(root=tmp_path, spec=spec, state_dir=state))
    assert survey.frozen
    assert survey.profile.rows == 59
    assert survey.part_of("rows.jsonl", 0) == ""
    assert all(survey.part_of("rows.jsonl", row.index) == "train" for row in frozen.train if row.index)


def test_a_large_file_gives_the_same_through_a_child(
    spec: DataSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = SurveyJob(root=tmp_path, spec=spec)
    here = run_survey(job)
    monkeypatch.setattr("core.data.survey._IN_PROCESS_BYTES", 0)
    assert msgspec.to_builtins(run_survey(job)) == msgspec.to_builtins(here)


def test_the_childs_error_is_the_persons(
    spec: DataSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.survey._IN_PROCESS_BYTES", 0)
    wrong = msgspec.structs.replace(spec, inputs=("qestion",))
    with pytest.raises(DataError, match="no column 'qestion'") as caught:
        run_survey(SurveyJob(root=tmp_path, spec=wrong))
    assert "question" in caught.value.fix


def test_it_can_be_given_up(spec: DataSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.survey._IN_PROCESS_BYTES", 0)
    monkeypatch.setattr("core.data.survey._POLL_SECONDS", 0.001)
    cancel = threading.Event()
    cancel.set()
    assert run_survey(SurveyJob(root=tmp_path, spec=spec), cancel) is None


def test_code_is_told_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "examples.py").write_text("raise SystemExit('ran')\n")
    job = SurveyJob(root=tmp_path, spec=DataSpec(path="examples.py:rows", inputs=("a",)))
    assert job.runs_code


def test_a_row_is_found_in_a_view(spec: DataSpec, tmp_path: Path) -> None:
    with open_table("rows.jsonl", tmp_path) as table:
        with table.view(Query(equals={"label": "b"})) as view:
            view.wait()
            assert view.position_of(4) == 1
            assert view.position_of(3) is None
        with table.view(Query(sort="question", descending=True)) as view:
            view.wait()
            place = view.position_of(7)
            assert place is not None
            assert view.numbers(place, 1) == [7]
            assert view.position_of(99) is None
            assert [row["question"] for _, row in view.page(0, 3)] == [
                table.page(number, 1)[0]["question"] for number in view.numbers(0, 3)
            ]
