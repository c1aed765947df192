"""What the observer is told: errors apart from zeros, minibatches apart from full scores, nothing lost."""

import dspy
import pytest

from core.errors import OptimizerError, StopRun
from core.optimizers import registry
from tests.core.optimizers.optimizer_harness import LabelMetric, Recording, make_inputs, make_rows

SEARCH = "BootstrapFewShotWithRandomSearch"
EVALUATING = {
    SEARCH: {"num_candidate_programs": 0},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 2},
    "MIPROv2": {"num_candidates": 3, "num_trials": 2},
    "GEPA": {"max_metric_calls": 40},
    "InferRules": {"num_candidates": 2},
    "COPRO": {"breadth": 2, "depth": 1},
    "SIMBA": {"bsize": 6, "max_steps": 1, "num_candidates": 2},
}


def run(name, params, **settings):
    inputs = make_inputs(params, **settings)
    registry.get(name).compile(inputs)
    return inputs.observer


@pytest.mark.parametrize("name", EVALUATING)
def test_an_errored_row_is_no_zero(name):
    split = "train" if name in ("COPRO", "SIMBA") else "val"
    start = 100 if split == "val" else 0
    rows = {split: make_rows(6, start=start, broken=(start + 2,))}
    seen = run(name, EVALUATING[name], **rows)
    assert seen.errors == []
    full = [e for e in seen.evaluations.values() if e.kind == "full" and e.split == split]
    assert full
    for evaluation in full:
        errored = [row for row in evaluation.rows if row.score is None]
        assert [row.row for row in errored] == [2]
        assert "this message breaks the program" in errored[0].error
        scores = [row.score for row in evaluation.rows if row.score is not None]
        assert evaluation.score == pytest.approx(sum(scores) / 5)


@pytest.mark.parametrize("name", EVALUATING)
def test_a_metric_that_raises_is_an_error_too(name):
    seen = run(name, EVALUATING[name], metric=LabelMetric(fails_on=("Case 101:", "Case 1:")))
    split = "train" if name in ("COPRO", "SIMBA") else "val"
    full = [e for e in seen.evaluations.values() if e.kind == "full" and e.split == split]
    assert full
    for evaluation in full:
        assert [(row.row, row.score) for row in evaluation.rows if row.score is None] == [(1, None)]
        assert any("the metric broke" in (row.error or "") for row in evaluation.rows)


@pytest.mark.parametrize("name", EVALUATING)
def test_an_outage_is_never_a_success(name):
    rows = make_rows(8, broken=range(8))
    with pytest.raises((StopRun, Exception)) as raised:
        run(
            name,
            EVALUATING[name],
            train=rows,
            val=list(make_rows(8, start=50, broken=range(50, 58))),
            max_errors=2,
        )
    assert not isinstance(raised.value, AssertionError)


@pytest.mark.parametrize("name", EVALUATING)
def test_a_stop_gets_through_and_leaves_no_trial_open(name):
    class Stopper(LabelMetric):
        def _score(self, example, prediction):
            score = super()._score(example, prediction)
            if self.calls > 10:
                raise StopRun("stopped", "asked to")
            return score

    inputs = make_inputs(EVALUATING[name], metric=Stopper())
    with pytest.raises(StopRun):
        registry.get(name).compile(inputs)


@pytest.mark.parametrize("name", ["GEPA", SEARCH, "SIMBA", "BootstrapFewShot"])
def test_an_observer_that_fails_is_told_and_does_not_end_the_run(name):
    class Failing(Recording):
        def trial_started(self, trial, *, total=None, **told):
            super().trial_started(trial, total=total, **told)
            if trial == 2:
                raise OSError("cannot write")

    seen = run(
        name, EVALUATING.get(name, {}) | ({"max_steps": 2} if name == "SIMBA" else {}), observer=Failing()
    )
    assert any("cannot write" in message for message in seen.errors)


def test_mipro_minibatches_are_apart_and_trials_are_counted_as_dspy_counts():
    params = {
        "num_candidates": 4,
        "num_trials": 7,
        "minibatch": True,
        "minibatch_size": 3,
        "minibatch_full_eval_steps": 3,
    }
    seen = run("MIPROv2", params, val=make_rows(9, start=60))
    kinds = [trial["kind"] for trial in seen.trials.values()]
    assert kinds[0] == "full"
    assert kinds.count("minibatch") == 7
    assert {trial["total"] for trial in seen.trials.values()} == {len(kinds)}
    notes = [trial["note"] for trial in seen.trials.values()]
    assert [kind == "full" for kind in kinds] == [bool(note) for note in notes]


def test_mipro_on_a_part_of_a_large_val_split_says_so():
    params = {"auto": "light", "max_bootstrapped_demos": 0, "max_labeled_demos": 0}
    seen = run("MIPROv2", params, val=make_rows(104, start=300), threads=2)
    assert any("100 of the 104" in message for _, message in seen.logs)
    assert all(evaluation.kind == "minibatch" for evaluation in seen.evaluations.values())


def test_gepa_tells_lineage_proposals_and_front():
    seen = run("GEPA", {"max_metric_calls": 120}, train=make_rows(12), val=make_rows(8, start=90))
    (seed,) = [identity for identity, entry in seen.candidates.items() if not entry["parents"]]
    children = [entry for entry in seen.candidates.values() if entry["parents"]]
    assert children
    assert all(parent in seen.candidates for entry in children for parent in entry["parents"])
    assert {accepted for _, _, accepted, _, _ in seen.proposals} <= {True, False}
    assert all(reason for *_, reason, _ in seen.proposals)
    assert seen.trials[0]["candidate"] == seed
    assert set(seen.fronts[-1]) == {str(row) for row in range(8)}
    assert all(identity in seen.candidates for ids in seen.fronts[-1].values() for identity in ids)


def test_gepa_takes_the_workspace_s_own_selector_and_proposer(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def second(state, trajectories, scores, index, candidate):\n"
        "    return ['sort']\n"
        "class Shouting:\n"
        "    def __call__(self, candidate, reflective_dataset, components_to_update):\n"
        "        return {name: candidate[name].upper() + '!' for name in components_to_update}\n"
    )
    params = {
        "max_metric_calls": 30,
        "component_selector": "mine.py:second",
        "instruction_proposer": "mine.py:Shouting",
    }
    seen = run("GEPA", params, workspace=tmp_path)
    assert seen.proposals[0][0] == "sort"
    assert seen.proposals[0][1] == "SORT THE MESSAGE.!"


def test_simba_steps_samples_and_final_scores():
    params = {"bsize": 4, "max_steps": 3, "num_candidates": 2}
    seen = run("SIMBA", params, train=make_rows(12))
    sampled = [e for e in seen.evaluations.values() if e.candidate is None]
    assert [e.size for e in sampled] == [8, 8, 8]
    assert len(seen.trials) == 3
    scored = [e for e in seen.evaluations.values() if e.candidate is not None]
    assert {(e.kind, e.size) for e in scored} == {("minibatch", 4), ("full", 12)}
    assert all(row.row in range(12) for e in seen.evaluations.values() for row in e.rows)
    assert all(trial["kind"] == "minibatch" for trial in seen.trials.values() if trial["candidate"])


def test_simba_s_teacher_samples_leave_other_calls_alone():
    inputs = make_inputs({"bsize": 4, "max_steps": 1, "num_candidates": 2, "teacher_samples": True})
    registry.get("SIMBA").compile(inputs)
    assert inputs.extra["engines"]["teacher"].calls == 4
    assert "rollout_id" not in inputs.lms["teacher"].kwargs


def test_search_stops_early_and_ends_its_trials():
    seen = run(SEARCH, {"num_candidate_programs": 5, "stop_at_score": 0.1})
    assert len(seen.evaluations) < 8
    assert seen.open_trials == set()


def test_bootstrap_attempts_are_trials():
    seen = run("BootstrapFewShot", {"max_bootstrapped_demos": 2}, train=make_rows(9, broken=(0,)))
    assert list(seen.trials) == list(range(1, len(seen.trials) + 1))
    assert sum(trial["score"] == 1.0 for trial in seen.trials.values()) == 2
    assert any("this message breaks" in message for level, message in seen.logs if level == "warning")


def test_threshold_of_the_optimizer_replaces_the_metric_s():
    class Half(LabelMetric):
        def _score(self, example, prediction):
            return 0.5 * super()._score(example, prediction)

    strict = make_inputs({}, metric=Half())
    loose = make_inputs({"metric_threshold": 0.4}, metric=Half())
    for inputs in (strict, loose):
        registry.get("BootstrapFewShot").compile(inputs)
    assert strict.extra["engines"]["teacher"].calls == len(strict.trainset)
    assert loose.extra["engines"]["teacher"].calls < len(loose.trainset)


def test_ensemble_votes_field_by_field():
    from core.optimizers.ensemble import vote_each_field

    votes = [
        dspy.Prediction(label="a", tags=["x"]),
        dspy.Prediction(label="b", tags=["y", "z"]),
        dspy.Prediction(label="b", tags=["x"]),
    ]
    voted = vote_each_field(votes)
    assert (voted.label, voted.tags) == ("b", ["x"])


def test_knn_vectors_find_the_likest_row():
    import numpy as np

    from core.optimizers.knn_few_shot import hash_words

    vectors = hash_words(["my parcel is late", "the login fails", "where is my parcel", ""])
    assert vectors.shape[0] == 4
    assert np.argmax(vectors[:2] @ vectors[2]) == 0
    assert not vectors[3].any()


def test_data_that_is_too_small_is_refused_before_any_call():
    inputs = make_inputs({}, val=[])
    with pytest.raises(OptimizerError, match="val row"):
        registry.get("MIPROv2").compile(inputs)
    assert not any(engine.calls for engine in inputs.extra["engines"].values())


def test_infer_rules_keeps_the_best_rules_and_leaves_the_program_alone():
    inputs = make_inputs({"num_candidates": 3}, train=make_rows(9))
    before = inputs.student.sort.signature.instructions
    compiled = registry.get("InferRules").compile(inputs)
    assert inputs.student.sort.signature.instructions == before
    best = max(inputs.observer.evaluations.values(), key=lambda evaluation: evaluation.score)
    state = inputs.observer.candidates[best.candidate]["state"]
    assert compiled.sort.signature.instructions == state["sort"]["instructions"]


def test_code_that_cannot_be_found_is_an_error_of_the_parameter(tmp_path):
    inputs = make_inputs({"max_metric_calls": 10, "component_selector": "nowhere.py:x"}, workspace=tmp_path)
    with pytest.raises(OptimizerError, match="nowhere"):
        registry.get("GEPA").compile(inputs)
