"""Every optimizer through the same door: builds the real class, compiles, tells trials and candidates."""

import dspy
import pytest

from core.optimizers import registry
from tests.core.optimizers.optimizer_harness import (
    LabelMetric,
    Sorter,
    TwoSteps,
    id_of,
    make_inputs,
    make_rows,
)

SMALL = {
    "LabeledFewShot": {"k": 4},
    "BootstrapFewShot": {},
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 2},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 3},
    "KNNFewShot": {"k": 3},
    "COPRO": {"breadth": 2, "depth": 2},
    "MIPROv2": {
        "num_candidates": 4,
        "num_trials": 5,
        "minibatch": True,
        "minibatch_size": 3,
        "minibatch_full_eval_steps": 2,
    },
    "SIMBA": {"bsize": 5, "max_steps": 2, "num_candidates": 3},
    "GEPA": {"max_metric_calls": 60},
    "InferRules": {"num_candidates": 2},
    "Ensemble": {"programs": 2, "num_candidate_programs": 1},
}
SCORES_CANDIDATES = set(SMALL) - {"LabeledFewShot", "BootstrapFewShot", "KNNFewShot"}
PROPOSES = {"COPRO", "MIPROv2", "SIMBA", "GEPA", "InferRules"}
ROLES_CALLED = {name: set(registry.get(name).spec.roles) for name in SMALL}


def compile_once(name, **settings):
    inputs = make_inputs(SMALL[name], **settings)
    return registry.get(name).compile(inputs), inputs


def answer(program, inputs):
    with dspy.context(lm=inputs.lms["student"]):
        return program(message=inputs.valset[0].message).label


@pytest.fixture(params=registry.names())
def name(request):
    return request.param


@pytest.mark.parametrize("program", [Sorter, TwoSteps])
def test_compiles_and_tells_everything(name, program):
    compiled, inputs = compile_once(name, program=program)
    seen = inputs.observer
    assert seen.errors == []
    assert seen.open_trials == set()
    assert seen.trials
    assert all(evaluation.ended for evaluation in seen.evaluations.values())
    assert id_of(compiled) in seen.candidates
    assert answer(compiled, inputs)

    called = {role for role, engine in inputs.extra["engines"].items() if engine.calls}
    if name != "KNNFewShot":
        assert called <= ROLES_CALLED[name] | {"student"}

    if name in SCORES_CANDIDATES:
        assert seen.evaluations
        full = [evaluation for evaluation in seen.evaluations.values() if evaluation.kind == "full"]
        assert full
        for evaluation in full:
            assert evaluation.size == len(inputs.valset if evaluation.split == "val" else inputs.trainset)
        for evaluation in seen.evaluations.values():
            assert len(evaluation.rows) == evaluation.size
            if evaluation.kind == "minibatch":
                split = inputs.valset if evaluation.split == "val" else inputs.trainset
                assert evaluation.candidate is None or evaluation.size < len(split)
            assert evaluation.candidate is None or evaluation.candidate in seen.candidates
    for trial in seen.trials.values():
        assert trial["candidate"] is None or trial["candidate"] in seen.candidates
        assert trial["total"] is None or trial["total"] == max(seen.trials)
    if name in PROPOSES:
        predictors = {predictor for predictor, _ in inputs.student.named_predictors()}
        assert seen.proposals
        assert {component for component, *_ in seen.proposals} <= predictors


def test_same_seed_gives_the_same_program_at_any_number_of_threads(name):
    first, one = compile_once(name, threads=1)
    second, many = compile_once(name, threads=4)
    assert id_of(first) == id_of(second)
    assert set(one.observer.candidates) == set(many.observer.candidates)
    calls = [{role: engine.calls for role, engine in run.extra["engines"].items()} for run in (one, many)]
    assert calls[0] == calls[1]


@pytest.mark.parametrize(
    "name", [name for name in SMALL if name not in ("COPRO", "KNNFewShot")], ids=lambda name: name
)
def test_another_seed_is_another_run(name):
    _, zero = compile_once(name, seed=0)
    _, seven = compile_once(name, seed=7)
    assert set(zero.observer.candidates) != set(seven.observer.candidates)


def test_the_saved_state_loads_into_the_shell(name):
    from core.programs.state import apply_state, dump_state

    compiled, inputs = compile_once(name)
    shell = registry.get(name).shell(inputs)
    apply_state(shell, dump_state(compiled))
    assert id_of(shell) == id_of(compiled)
    assert answer(shell, inputs)


def test_few_rows_are_enough(name):
    compiled, inputs = compile_once(name, train=make_rows(6), val=make_rows(4, start=50))
    assert inputs.observer.errors == []
    assert compiled is not None


@pytest.mark.parametrize("name", ["BootstrapFewShotWithRandomSearch", "MIPROv2", "GEPA", "InferRules"])
def test_a_learnable_task_is_learned(name):
    compiled, inputs = compile_once(name, train=make_rows(24), val=make_rows(12, start=100))
    judge = LabelMetric().for_evaluate()
    rows = make_rows(30, start=200)
    with dspy.context(lm=inputs.lms["student"]):
        before = sum(judge(row, inputs.student(**row.inputs())) for row in rows)
        after = sum(judge(row, compiled(**row.inputs())) for row in rows)
    assert after >= before + 6
