import pytest

from core.results.leaderboard import Entry, rank_runs, read_entry
from core.runs import events as ev
from core.runs.folder import RunFolder
from core.runs.listing import run_folders
from core.workspace import Workspace
from tests.support.results import MERGED, SEED, make_result_run, write_candidate, write_events


@pytest.fixture
def workspace(tmp_path):
    return Workspace.init_sample("router", tmp_path / "w")


def entry(run_id, val, started=0.0, **more):
    given = {"data": "d", "metric": "m", "optimizer": "GEPA", "status": "completed", **more}
    return Entry(run_id=run_id, val=val, started=started, baseline=0.25, **given)


def test_runs_are_ranked_by_val_within_what_can_be_compared():
    places = rank_runs(
        [
            entry("old-data", 0.99, 1.0, data="other"),
            entry("good", 0.8, 2.0, test=0.1),
            entry("same", 0.8, 3.0, test=0.9),
            entry("poor", 0.25, 5.0, candidate="c"),
            entry("other-metric", 1.0, 4.0, metric="n"),
        ]
    )
    assert [(p.entry.run_id, p.rank, p.group) for p in places] == [
        ("same", 1, 1),
        ("good", 1, 1),
        ("poor", 3, 1),
        ("other-metric", 1, 2),
        ("old-data", 1, 3),
    ]
    assert places[2].note == "no candidate beat the baseline"


def test_what_has_no_full_score_is_shown_and_not_ranked():
    places = rank_runs(
        [
            entry("mini", None, 3.0, minibatch=1.0),
            entry("full", 0.3, 2.0, val_errors=2, val_size=8, candidate="c"),
            entry("new", None, 4.0, data=""),
        ]
    )
    assert [(p.entry.run_id, p.rank) for p in places] == [("full", 1), ("mini", None), ("new", None)]
    assert places[0].note == "2 of 8 val rows errored and are left out"
    assert places[1].note == "scored on minibatches only"
    assert places[2].note == "nothing scored yet"
    assert rank_runs([]) == []


def test_an_entry_holds_scores_intervals_and_costs(workspace):
    path = make_result_run(workspace, errored=[7])
    one = read_entry(path)
    assert (one.candidate, one.candidates) == (MERGED, 4)
    assert (one.baseline, one.val, one.val_size, one.val_errors) == (0.25, 5 / 7, 8, 1)
    assert one.gain == pytest.approx(5 / 7 - 0.25)
    assert (one.test_baseline, one.test, one.test_size) == (0.125, 0.625, 8)
    assert one.test_interval is not None
    assert one.test_interval.low < one.test < one.test_interval.high
    assert (one.calls, one.usd, one.student) == (100, 0.0123, "embedded/student")
    assert (one.data, one.minibatch) == ("d" * 16, None)


def test_other_metric_code_is_another_group(workspace):
    make_result_run(workspace, "261101-100000-gepa-aaaa", started=1000.0)
    make_result_run(workspace, "261101-110000-gepa-bbbb", started=2000.0, code={"metrics.py": "changed"})
    make_result_run(workspace, "261101-120000-simba-cccc", optimizer="SIMBA", started=3000.0)
    places = rank_runs(read_entry(path) for path in run_folders(workspace.root))
    assert [(p.entry.run_id[-4:], p.rank, p.group) for p in places] == [
        ("cccc", 1, 1),
        ("aaaa", 1, 1),
        ("bbbb", 1, 2),
    ]


def test_a_minibatch_score_never_stands_in_for_a_full_one(workspace):
    workspace.prepare()
    folder = RunFolder(workspace.runs_dir / "261101-100000-simba-mini")
    folder.create(workspace.recipe(optimizer="SIMBA"), workspace.root, 1.0)
    write_candidate(folder, SEED, (), "baseline")
    write_events(
        folder,
        [
            ev.RunStarted(run_id="r", attempt=1, optimizer="SIMBA", recipe_hash="h"),
            ev.CandidateNoted(id=SEED, file="f", origin="baseline"),
            ev.EvaluationEnded(
                evaluation="e1", kind="minibatch", split="val", score=1.0, size=4, candidate=SEED
            ),
            ev.BestChanged(candidate=SEED, score=1.0, kind="minibatch", split="val"),
        ],
        1.0,
    )
    one = read_entry(folder.path)
    assert (one.val, one.minibatch, one.gain) == (None, 1.0, None)
    assert rank_runs([one])[0].rank is None


def test_an_unknown_price_stays_unknown(workspace):
    path = make_result_run(workspace)
    log = RunFolder(path).events
    lines = log.read_bytes().replace(b'"usd":0.0123', b'"usd":null')
    log.write_bytes(lines)
    assert read_entry(path).usd is None
