"""The promise on the ready workspaces: student and teacher calls within 10 %, proposals within 25 %."""

import tomllib
from pathlib import Path

import dspy
import msgspec
import pytest

from core.data import load_splits, to_examples
from core.metrics.adapt import load_metric
from core.optimizers import registry
from core.optimizers.base import CompileInputs
from core.optimizers.probe import measure_facts
from core.programs.load import load_program
from core.recipe import DataSpec, MetricSpec, ProgramSpec
from tests.core.optimizers.optimizer_harness import Recording, id_of, make_lms

SAMPLES = Path(__file__).parents[3] / "sample_data"
OTHER = {
    "LabeledFewShot": {"k": 4},
    "BootstrapFewShot": {"max_bootstrapped_demos": 8, "max_rounds": 2},
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 5, "max_labeled_demos": 4},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 6, "max_demos": 8},
    "KNNFewShot": {"k": 5},
    "COPRO": {"breadth": 4, "depth": 2},
    "MIPROv2": {"num_candidates": 5, "num_trials": 12},
    "SIMBA": {"bsize": 16, "max_steps": 4, "num_candidates": 4},
    "GEPA": {"max_full_evals": 8},
    "InferRules": {"num_candidates": 4},
    "Ensemble": {"programs": 5},
}
CASES = [
    pytest.param(
        name,
        setting,
        sample,
        marks=pytest.mark.slow if (setting, sample) == ("other", "router") else pytest.mark.long,
    )
    for name in registry.names()
    for setting in ("default", "other")
    for sample in ("router", "triage")
]
PROMISED = {"student": 0.10, "teacher": 0.10, "reflection": 0.25, "proposer": 0.25}


def load_sample(name, params):
    root = SAMPLES / name
    config = tomllib.loads((root / "compilot.toml").read_text())
    data = msgspec.convert(config["data"], DataSpec)
    splits = load_splits(data, root)
    lms, engines = make_lms()
    train, val, test = (to_examples(rows, data.inputs) for rows in (splits.train, splits.val, splits.test))
    inputs = CompileInputs(
        student=load_program(msgspec.convert(config["program"], ProgramSpec), root),
        trainset=train,
        valset=val,
        metric=load_metric(msgspec.convert(config["metric"], MetricSpec), root),
        lms=lms,
        params=params,
        seed=0,
        num_threads=8,
        max_errors=10,
        observer=Recording(),
        workspace=root,
        scratch=root,
    )
    return inputs, engines, test


def score_rows(inputs, program, rows):
    return sum(inputs.metric(row, program(**row.inputs())).score or 0.0 for row in rows)


@pytest.mark.parametrize(("name", "setting", "sample"), CASES)
def test_calls_are_as_planned(name, setting, sample):
    params = OTHER[name] if setting == "other" else {}
    optimizer = registry.get(name)
    inputs, _, test = load_sample(sample, params)
    facts = measure_facts(optimizer, inputs, test=len(test))
    plan = optimizer.plan(facts, params)

    inputs, engines, test = load_sample(sample, params)
    compiled = optimizer.compile(inputs)
    assert inputs.observer.errors == []
    with dspy.context(lm=inputs.lms["student"]):
        before, after = (score_rows(inputs, program, inputs.valset) for program in (inputs.student, compiled))
        score_rows(inputs, inputs.student, test)
        # A run scores the test split again only for a program that is better on val, or another as good.
        if after > before or (after == before and id_of(compiled) != id_of(inputs.student)):
            score_rows(inputs, compiled, test)
    asked = {role: engine.calls for role, engine in engines.items() if engine.calls}
    for role, count in asked.items():
        planned = plan.calls[role]
        print(name, setting, sample, role, f"planned {planned.expected:.0f}, asked {count}")
        assert planned.low <= count <= planned.high
        assert abs(planned.expected - count) <= PROMISED[role] * count
