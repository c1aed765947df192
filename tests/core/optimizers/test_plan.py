"""Plans are arithmetic, ordered, and true: a real run makes the calls that were planned."""

import subprocess
import sys
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import OptimizerError
from core.optimizers import registry
from core.optimizers.facts import Facts, PredictorFacts
from core.optimizers.gepa_budget import budget
from core.optimizers.spec import validate_params
from tests.core.optimizers.optimizer_harness import LabelMetric, Sorter, TwoSteps, make_inputs, make_rows

SETTINGS = {
    "LabeledFewShot": [{}, {"k": 4}],
    "BootstrapFewShot": [{}, {"max_bootstrapped_demos": 6, "max_rounds": 2}],
    "BootstrapFewShotWithRandomSearch": [{"num_candidate_programs": 4}, {"restrict": [-3, -1, 2]}],
    "BootstrapFewShotWithOptuna": [
        {"num_candidate_programs": 3},
        {"num_candidate_programs": 2, "max_demos": 6},
    ],
    "KNNFewShot": [{}, {"k": 6, "max_bootstrapped_demos": 2}],
    "COPRO": [{"breadth": 3, "depth": 2}, {"breadth": 2, "depth": 3}],
    "MIPROv2": [
        {"auto": "light"},
        {"num_candidates": 5, "num_trials": 7, "minibatch": True, "minibatch_size": 5},
        {"auto": "light", "max_bootstrapped_demos": 0, "max_labeled_demos": 0, "view_data_batch_size": 4},
        {"num_candidates": 3, "num_trials": 4, "max_labeled_demos": 0, "program_aware_proposer": False},
    ],
    "SIMBA": [
        {"bsize": 8, "max_steps": 3, "num_candidates": 3},
        {"bsize": 3, "max_steps": 2, "teacher_samples": True},
    ],
    "GEPA": [{"max_metric_calls": 300}, {"max_full_evals": 6, "component_selector": "all"}],
    "InferRules": [{"num_candidates": 3}, {"num_candidates": 2, "max_labeled_demos": 2}],
    "Ensemble": [{"num_candidate_programs": 3}, {"source": "bootstrap", "programs": 3}],
}
CASES = [
    pytest.param(name, params, (Sorter, TwoSteps)[number % 2], id=f"{name}-{number}")
    for name, several in SETTINGS.items()
    for number, params in enumerate(several)
]


def run_and_score(name, inputs, test):
    """What a whole run does: the optimizer, and both programs on val and test."""
    import dspy

    compiled = registry.get(name).compile(inputs)
    judge = inputs.metric.for_evaluate()
    with dspy.context(lm=inputs.lms["student"]):
        for program in (inputs.student, compiled):
            for row in [*inputs.valset, *test]:
                judge(row, program(**row.inputs()))
    return {role: engine.calls for role, engine in inputs.extra["engines"].items() if engine.calls}


@pytest.mark.parametrize(("name", "params", "program"), CASES)
def test_a_real_run_makes_the_calls_that_were_planned(name, params, program):
    from core.optimizers.probe import measure_facts

    rows = {"train": make_rows(24), "val": make_rows(12, start=100)}
    test = make_rows(9, start=200)
    optimizer = registry.get(name)
    facts = measure_facts(optimizer, make_inputs(params, program=program, **rows), test=len(test))
    plan = optimizer.plan(facts, params)

    inputs = make_inputs(params, program=program, **rows)
    asked = run_and_score(name, inputs, test)
    for role, count in asked.items():
        planned = plan.calls[role]
        assert planned.low <= count <= planned.high, role
        if role != "reflection":  # on so small a task their number is chance; the samples test their promise
            promised = 0.10 if role in ("student", "teacher") else 0.25
            assert abs(planned.expected - count) <= max(promised * count, 3), role
    assert all(planned.low == 0 for role, planned in plan.calls.items() if role not in asked)
    assert plan.metric_calls.low <= inputs.metric.calls <= plan.metric_calls.high


def test_planning_needs_no_dspy_and_no_time():
    code = (
        "import sys, time\n"
        "from core.optimizers import registry\n"
        "from core.optimizers.facts import Facts, PredictorFacts\n"
        "facts = Facts(train=116, val=12, test=40, success_rate=0.3,\n"
        "              predictors=tuple(PredictorFacts(name=f'p{i}') for i in range(7)))\n"
        "for name in registry.names():\n"
        "    registry.get(name).plan(facts, {})\n"
        "assert 'dspy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.benchmark
def test_one_plan_takes_milliseconds():
    facts = Facts(train=200, val=60, test=60, predictors=(PredictorFacts(name="a"),), success_rate=0.4)
    for name in registry.names():
        registry.get(name).plan(facts, {})
        start = time.perf_counter()
        registry.get(name).plan(facts, {})
        assert time.perf_counter() - start < 0.05, name


def test_gepa_budgets_are_dspy_s():
    import dspy

    params = validate_params(registry.get("GEPA").spec, {})
    for preset, candidates in (("light", 6), ("medium", 12), ("heavy", 18)):
        for predictors in (1, 3, 7):
            for val in (0, 5, 40, 300):
                real = dspy.GEPA.auto_budget(None, predictors, candidates, val)
                chosen = {**params, "auto": preset}
                assert budget(chosen, train=50, val=val, predictors=predictors) == real
    chosen = {**params, "auto": None, "max_full_evals": 8}
    assert budget(chosen, train=116, val=12, predictors=7) == 1024


def test_judge_calls_follow_the_metric():
    facts = Facts(train=20, val=10, test=5, predictors=(PredictorFacts(name="a", calls=2),), judge_calls=3)
    plan = registry.get("LabeledFewShot").plan(facts, {})
    assert plan.calls["judge"].expected == 3 * 30
    assert plan.calls["student"].expected == 2 * 30


def test_what_was_never_measured_is_said():
    with pytest.raises(OptimizerError, match="measured"):
        registry.get("COPRO").plan(Facts(train=5, val=5), {})
    with pytest.raises(OptimizerError, match="measured"):
        registry.get("COPRO").plan(Facts(predictors=(PredictorFacts(name="a"),)), {})


def test_assumptions_say_what_was_measured_and_what_was_guessed():
    facts = Facts(train=20, val=10, test=5, predictors=(PredictorFacts(name="a"),))
    (guess,) = registry.get("BootstrapFewShot").plan(facts, {}).assumptions
    assert "guessed" in guess
    (assumed,) = registry.get("GEPA").plan(facts, {}).assumptions
    assert "assumed" in assumed
    record = ("accepted", "rejected", "rejected", "skipped") * 5
    measured = msgspec.structs.replace(facts, reflections=record)
    (told,) = registry.get("GEPA").plan(measured, {}).assumptions
    assert "tried beforehand" in told


def test_facts_survive_a_file():
    from core.optimizers.probe import measure_facts

    facts = measure_facts(registry.get("BootstrapFewShot"), make_inputs(), test=3)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts
    assert facts.walks


@settings(max_examples=40, deadline=None)
@given(
    train=st.integers(2, 300),
    val=st.integers(1, 200),
    predictors=st.integers(1, 7),
    rate=st.none() | st.floats(0, 1),
    reflections=st.lists(st.sampled_from(["accepted", "rejected", "skipped"]), max_size=30),
    seed=st.integers(0, 50),
)
def test_ranges_are_in_order_whatever_the_facts(train, val, predictors, rate, reflections, seed):
    facts = Facts(
        train=train,
        val=val,
        test=3,
        predictors=tuple(PredictorFacts(name=str(number)) for number in range(predictors)),
        success_rate=rate,
        perfect_rate=rate,
        reflections=tuple(reflections),
        seed=seed,
    )
    for name in registry.names():
        for params in ({}, {"preset": "heavy"}):
            plan = registry.get(name).plan(facts, params)
            for planned in (*plan.calls.values(), plan.metric_calls, plan.student_runs, plan.teacher_runs):
                assert 0 <= planned.low <= planned.expected <= planned.high, (name, planned)


def test_program_facts_are_measured():
    import dspy

    from core.optimizers.probe_program import measure_program

    class Judged(LabelMetric):
        def for_evaluate(self):
            judge = dspy.Predict("text -> verdict")

            def metric(example, prediction, trace=None):
                judge(text=example.message)
                return self._score(example, prediction)

            return metric

    inputs = make_inputs(program=TwoSteps, metric=Judged())
    facts = measure_program(inputs, test=4)
    assert {predictor.name: predictor.calls for predictor in facts.predictors} == {"sort": 1.0, "rate": 1.0}
    assert facts.calls_per_run == 2
    assert facts.judge_calls == pytest.approx(0.5)
    broken = measure_program(make_inputs(val=make_rows(6, broken=(1,))), test=4)
    assert broken.error_rate == pytest.approx(1 / 6)


def test_a_probe_keeps_to_its_cap():
    from core.optimizers.probe import probe_bootstraps

    optimizer = registry.get("BootstrapFewShotWithRandomSearch")
    inputs = make_inputs(train=make_rows(24))
    facts = Facts(train=24, val=6, test=0, predictors=(PredictorFacts(name="sort"),))
    walks = probe_bootstraps(inputs, optimizer.bootstraps(facts, {}), max_runs=7)
    assert sum(len(walk.outcomes) for walk in walks) == 7
    assert inputs.extra["engines"]["teacher"].calls == 7
    assert not walks[-1].complete or len(walks) == 1
