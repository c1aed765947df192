import json
from itertools import groupby

import msgspec
import orjson
import pytest

from core.data.seal import list_looks
from core.errors import RunError
from core.results.compare import (
    baseline_candidate,
    compare_candidates,
    compare_prompts,
    read_training_rows,
)
from core.results.heldout import read_held_out
from core.results.markdown import report_markdown
from core.results.pins import list_pins, toggle_pin
from core.results.recorded import read_rows, read_scores
from core.results.report import report_run, write_report
from core.runs.folder import RunFolder
from core.workspace import Workspace
from tests.support.results import (
    CHILD,
    MERGED,
    OTHER,
    SEED,
    make_result_run,
    make_rows,
    write_evaluation,
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.init_sample("router", tmp_path / "w")


@pytest.fixture
def run(workspace):
    return make_result_run(workspace)


def test_best_against_baseline(workspace, run):
    result = compare_candidates((run, baseline_candidate(run)), (run, None))
    assert (result.before.candidate, result.after.candidate) == (SEED, MERGED)
    assert (result.before.number, result.after.number, result.after.origin) == (1, 4, "merge")
    assert (result.before.score, result.after.score) == (0.25, 0.75)
    assert [(p.row, p.shown.labels["team"]) for p in result.rows.of("fixed")] == [
        (1, "payroll"),
        (3, "network"),
        (6, "devices"),
        (7, "payroll"),
    ]
    assert result.rows.counts["broken"] == 0
    assert result.rows.difference.p == 0.125
    assert result.rows.difference.verdict == "not told apart"
    assert result.notes == ("the best of 4 by these rows, which flatters it: test tells its worth",)
    (prompt,) = result.prompts
    assert {line.since for line in prompt.lines if line.since} == {CHILD, OTHER, MERGED}
    assert json.loads(orjson.dumps(result.to_dict()))["rows"]["counts"]["fixed"] == 4
    assert list_looks(workspace.store) == []


def test_a_look_at_the_held_out_rows_is_remembered(workspace, run):
    result = compare_candidates((run, SEED), (run, MERGED), split="test")
    assert result.rows.counts["fixed"] == 4
    assert [look.by for look in list_looks(workspace.store, "d" * 16)] == [f"compare of {run.name}"]
    assert read_held_out(run) is not None
    assert len(list_looks(workspace.store)) == 1


def test_runs_of_two_splits_show_the_held_out_rows_of_both(workspace, run):
    other = make_result_run(workspace, "261102-100000-simba-bbbb", data="e" * 16)
    compare_candidates((run, SEED), (other, MERGED), split="test")
    assert [look.split for look in list_looks(workspace.store)] == ["d" * 16, "e" * 16]


def test_what_makes_two_runs_hard_to_compare_is_said(workspace, run):
    other = make_result_run(
        workspace, "261102-100000-simba-bbbb", optimizer="SIMBA", data="e" * 16, code={"metrics.py": "n"}
    )
    rows = make_rows([0, 1])
    write_evaluation(RunFolder(other), "e0009", MERGED, "val", rows[:6])
    recipe = other / "recipe.json"
    recipe.write_text(recipe.read_text().replace("embedded/student", "embedded/other"))
    result = compare_candidates((run, None), (other, None))
    assert result.notes[:3] == (
        "the runs had different splits: only rows that both have are compared",
        "the runs had different metrics: their scores do not mean the same",
        "the runs had different student models: embedded/student and embedded/other",
    )
    assert result.rows.counts["unpaired"] == 2
    assert result.rows.difference.rows == 6
    assert result.before.size == 8


def test_errored_rows_are_apart(workspace):
    run = make_result_run(workspace, errored=[0, 7])
    result = compare_candidates((run, SEED), (run, MERGED))
    assert (result.rows.counts["errored"], result.rows.errored_after) == (2, 2)
    assert result.rows.difference.rows == 6
    assert result.after.score == pytest.approx(4 / 6)
    assert "rows that errored are left out: 0 before, 2 after" in result.notes


def test_an_evaluation_that_was_cut_short_is_none(workspace):
    run = make_result_run(workspace, right={SEED: (0, 5)}, best=SEED)
    folder = RunFolder(run)
    write_evaluation(folder, "e0009", CHILD, "val", [])
    assert set(read_scores(folder)) == {SEED}
    with pytest.raises(RunError, match="never scored on all of val") as error:
        compare_candidates((run, SEED), (run, CHILD))
    assert f"compilot eval {run.name} --candidate {CHILD} --split val" in error.value.fix
    later = workspace.state_dir / "evals" / "261102-100000-1-1"
    later.mkdir(parents=True)
    asked = {"split": "val", "run": str(run), "candidate": CHILD}
    (later / "request.json").write_text(json.dumps(asked))
    rows = [msgspec.to_builtins(row) for row in make_rows((0, 1))]
    (later / "score.json").write_text(json.dumps({"split": "val", "score": 0.25, "rows": rows}))
    assert compare_candidates((run, SEED), (run, CHILD)).rows.difference.rows == len(rows)


def test_a_candidate_that_was_never_scored_in_full_is_refused_with_the_way_out(workspace, run):
    with pytest.raises(RunError) as error:
        compare_candidates((run, SEED), (run, CHILD), split="test")
    assert error.value.what == f"candidate {CHILD} of run {run.name} was never scored on all of test"
    assert f"compilot eval {run.name} --candidate {CHILD} --split test" in error.value.fix
    (prompt,) = compare_prompts((run, SEED), (run, CHILD))
    assert prompt.status == "changed"
    with pytest.raises(RunError, match="no candidate"):
        compare_prompts((run, SEED), (run, "cnobody"))


def test_a_later_eval_stands_in_for_rows_that_the_run_did_not_keep(workspace, run):
    folder = workspace.state_dir / "evals" / "261102-1"
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(
        orjson.dumps({"split": "test", "run": str(run), "candidate": CHILD, "recipe": {}})
    )
    assert _scored(run, CHILD) is None
    (folder / "score.json").write_bytes(orjson.dumps({"error": {"what": "no key"}}))
    assert _scored(run, CHILD) is None
    rows = [{"row": row.row, "score": row.score, "inputs": row.inputs} for row in make_rows([1, 2])]
    (folder / "score.json").write_bytes(
        orjson.dumps({"split": "test", "score": 0.25, "errors": 0, "rows": rows})
    )
    assert _scored(run, CHILD) == 0.25


def _scored(run, candidate):
    try:
        return read_rows(RunFolder(run), candidate, "test").score
    except RunError:
        return None


def test_the_latest_evaluation_of_a_candidate_counts(run):
    folder = RunFolder(run)
    write_evaluation(folder, "e9999", SEED, "val", make_rows([]))
    write_evaluation(folder, "e10000", SEED, "val", make_rows(range(8)))
    (folder.evaluations / "e10001.json").write_bytes(b'{"split": "val", "candidate": "')
    assert read_scores(folder)[SEED].score == 1.0
    assert read_rows(folder, SEED, "val").evaluation == "e10000"


def test_training_text_is_read_again_only_while_the_data_is_the_same(workspace, run):
    rows, why_not = read_training_rows(run)
    assert (rows, why_not) == ({}, "copied training text cannot be marked: the data changed since the run")
    from core.data.load import load_splits
    from core.runs.folder import Provenance

    recipe = workspace.recipe()
    parts = load_splits(recipe.data, workspace.root, workspace.state_dir)
    RunFolder(run).write_provenance(Provenance({}, parts.hash, {}))
    rows, why_not = read_training_rows(run)
    assert (sorted(rows), why_not) == (["train", "val"], "")
    assert len(rows["train"]) == len(parts.train)
    (workspace.root / "messages.jsonl").unlink()
    rows, why_not = read_training_rows(run)
    assert not rows
    assert why_not.startswith("copied training text cannot be marked: ")


def test_the_report_as_page_and_as_json(workspace, tmp_path):
    run = make_result_run(workspace, errored=[2], demos=[{"message": "a `b` | c", "team": "devices"}])
    page = write_report(run, tmp_path / "deep" / "report.md").read_text()
    for text in (
        "# Run 261101-100000-gepa-aaaa: GEPA",
        "| test | 12.5 % (2.2 – 47.1 %) | 62.5 % (30.6 – 86.3 %) | +50.0 | 8 | 0 |",
        "4 fixed, 2 right, 1 wrong, 1 errored.",
        "+- printer, laptop or battery: devices",
        "TimeoutError: no answer in 30 s",
        "the data changed since the run",
    ):
        assert text in page
    assert "Traceback" not in page
    data = json.loads(write_report(run, tmp_path / "report.json").read_bytes())
    assert data["test"]["best"]["interval"]["method"] == "wilson"
    assert data["lineage"]["nodes"][MERGED]["parents"] == [CHILD, OTHER]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunError, match="folder cannot be made"):
        write_report(run, blocked / "report.md")


def test_a_report_of_a_run_that_scored_nothing(workspace):
    run = make_result_run(workspace, right={}, ended=False)
    report = report_run(run)
    assert (report.val, report.test) == (None, None)
    assert "not scored" in report_markdown(report)


def test_foreign_text_cannot_format_or_paint_a_page(workspace):
    run = make_result_run(workspace)
    folder = RunFolder(run)
    rows = make_rows([0])
    hostile = "\x1b]0;X\x07 | [x](javascript:1) `` <b> \u202e ```"
    import msgspec

    bad = [msgspec.structs.replace(row, prediction={"team": hostile}) for row in rows]
    write_evaluation(folder, "e0009", MERGED, "val", bad)
    page = report_markdown(report_run(run))
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b>" not in page.replace("\\<b>", "")
    for is_table, lines in groupby(page.splitlines(), lambda line: line.startswith("|")):
        assert not is_table or len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_pins_come_and_go(workspace, run):
    workspace.prepare()
    assert list_pins(workspace.store) == []
    assert toggle_pin(workspace.store, run.name, MERGED)
    assert [(pin.run, pin.candidate) for pin in list_pins(workspace.store)] == [(run.name, MERGED)]
    assert not toggle_pin(workspace.store, run.name, MERGED)
    assert list_pins(workspace.store) == []
