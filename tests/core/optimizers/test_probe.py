"""Probes: what is found out about a program and an optimizer by running them for real, on few rows."""

import dspy
import msgspec
import pytest

from core.optimizers import registry
from core.optimizers.base import data_facts
from core.optimizers.copro import evaluations
from core.optimizers.facts import Facts, PredictorFacts
from core.optimizers.gepa_budget import fit_changed_share
from core.optimizers.miprov2 import _draw_first_trials
from core.optimizers.miprov2_schedule import Schedule
from core.optimizers.probe import measure_facts, probe_texts
from core.optimizers.probe_program import (
    compare_scores,
    find_alternatives,
    measure_program,
    read_inputs,
    run_program,
    run_with_labels,
    run_with_traces,
)
from core.optimizers.spec import resolve_params
from tests.core.optimizers.optimizer_harness import Rate, Sort, TwoSteps, make_inputs, make_rows


class Explain(dspy.Signature):
    """Say in a word what to do."""

    label: str = dspy.InputField()
    advice: str = dspy.OutputField()


class Chain(dspy.Module):
    """The second predictor reads what the first one found, the third one the message."""

    def __init__(self):
        super().__init__()
        self.sort = dspy.Predict(Sort)
        self.explain = dspy.Predict(Explain)
        self.rate = dspy.Predict(Rate)

    def forward(self, message):
        label = self.sort(message=message).label
        advice = self.explain(label=label).advice
        return dspy.Prediction(label=label, advice=advice, tone=self.rate(message=message).tone)


def test_who_reads_whom_and_how_much_repeats():
    facts = measure_program(make_inputs(program=Chain, val=make_rows(12, start=50)), test=3)
    sort, explain, rate = facts.predictors
    assert (sort.reads, explain.reads, rate.reads) == ((), ("sort",), ())
    assert sort.variety is None
    assert explain.variety < 4  # there are three labels
    assert facts.instruction_tokens == pytest.approx(len("Sort the message.") / 4, rel=0.5)


def test_other_prompts_give_a_predictor_other_inputs():
    inputs = make_inputs(program=Chain, train=make_rows(12), val=make_rows(8, start=50))
    runs = run_program(inputs, test=0, rows=8)
    kinds = [
        [read_inputs(inputs.student, trace) for trace in runs.traces],
        run_with_labels(inputs, runs.examples, 6),
        run_with_traces(inputs, runs.examples, runs.traces[:2]),
    ]
    assert all(set(read) == {"sort", "explain", "rate"} for kind in kinds for read in kind)
    sort, explain, _ = find_alternatives(runs.facts, kinds).predictors
    assert sort.alternatives == 1.0
    assert explain.alternatives is None or explain.alternatives >= 1.0


def test_trying_copro_counts_its_texts_and_what_it_asks_anew():
    params = {"breadth": 3, "depth": 2}
    inputs = make_inputs(params, program=TwoSteps)
    found = probe_texts(registry.get("COPRO"), inputs, params, train=2)
    assert found.texts.count == 2 * (2 + 3)
    assert 0 < found.new_share < 1
    scored = sum(1 for _ in evaluations(2, 3, 2))
    assert inputs.extra["engines"]["student"].calls == scored * 2 * 2


def test_a_single_demonstration_may_do_harm_or_good():
    share = compare_scores(make_inputs(val=make_rows(9, start=50)), rows=9, programs=4)
    assert 0 <= share <= 1


def test_the_changed_share_is_found_again():
    facts = Facts(
        train=20,
        val=6,
        predictors=tuple(PredictorFacts(name=name) for name in "abc"),
        reflections=("accepted", "rejected", "skipped", "accepted"),
    )
    params = resolve_params(registry.get("GEPA").spec, {"reflection_minibatch_size": 3}, facts).params
    runs = 6 + 4 * 3 + 0.5 * (3 * 3 + 2 * 6)
    assert fit_changed_share(facts, params, val=6, runs=runs) == pytest.approx(0.5)
    assert fit_changed_share(facts, {**params, "component_selector": "all"}, val=6, runs=runs) is None


def test_the_first_trials_of_mipro_are_the_real_ones():
    params = {"auto": None, "num_candidates": 4, "num_trials": 6, "minibatch": False}
    rows = {"train": make_rows(16), "val": make_rows(6, start=100)}
    optimizer = registry.get("MIPROv2")
    inputs = make_inputs(params, program=TwoSteps, **rows)
    settled = resolve_params(optimizer.spec, params, data_facts(inputs)).params
    schedule = Schedule(settled, val=6, predictors=2)
    draws = _draw_first_trials(schedule, 2, inputs.seed, zero_shot=False)
    assert len(draws) == 6
    optimizer.compile(inputs)
    seen = [
        inputs.observer.candidates[one.candidate]["state"] for one in inputs.observer.evaluations.values()
    ][1:]
    assert len(seen) == 6
    for trial, state in zip(draws, seen, strict=True):
        for (instruction, demos), name in zip(trial, ("sort", "rate"), strict=True):
            assert (demos == 0) == (not state[name]["demos"])
            if instruction == 0:
                assert state[name]["instructions"].endswith("the message.")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("COPRO", {"breadth": 3, "depth": 2}),
        ("InferRules", {"num_candidates": 3}),
        ("MIPROv2", {}),
        ("SIMBA", {"bsize": 6}),
        ("GEPA", {}),
        ("BootstrapFewShotWithOptuna", {}),
    ],
)
def test_what_probes_find_survives_a_file(name, params):
    rows = {"train": make_rows(12), "val": make_rows(6, start=100)}
    optimizer = registry.get(name)
    facts = measure_facts(optimizer, make_inputs(params, program=TwoSteps, **rows), test=3)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts
    plan = optimizer.plan(facts, params)
    for role in ("student", "teacher"):
        parts = plan.prompts.get(role, ())
        assert all(0 <= part.new <= 1 for part in parts)
        runs = {"student": plan.student_runs, "teacher": plan.teacher_runs}[role]
        assert sum(part.runs for part in parts) == pytest.approx(runs.expected)
