"""Every metric shape compiled by the optimizers that want most of a metric, on the router sample."""

import itertools
import json
import tomllib
from pathlib import Path

import dspy
import msgspec
import pytest

from core.metrics.adapt import load_metric
from core.models.meter import Meter
from core.models.roles import fill_roles
from core.optimizers import registry
from core.optimizers.base import CompileInputs
from core.programs.load import load_program
from core.recipe import MetricSpec, ModelProfile, ProgramSpec
from tests.core.metrics.metric_shapes import SHAPES

ROUTER = Path(__file__).parents[3] / "sample_data" / "router"
SMALL = {
    "BootstrapFewShot": {"max_bootstrapped_demos": 2, "max_labeled_demos": 2},
    "MIPROv2": {"num_candidates": 2, "num_trials": 2, "minibatch": False, "max_bootstrapped_demos": 1},
    "GEPA": {"max_metric_calls": 24, "use_merge": False},
    "SIMBA": {"bsize": 4, "max_steps": 1, "num_candidates": 2},
}
EVERY_FIFTH = list(SHAPES)[::5]


class Silent:
    """An observer that only keeps what went wrong."""

    def __init__(self):
        self.troubles = []
        self.scores = []

    def candidate(self, program, **_):
        return "c0"

    def evaluation_started(self, **_):
        return "e0"

    def evaluation_ended(self, evaluation, *, score, rows=(), **_):
        self.scores.append(score)
        self.troubles += [row.error for row in rows if row.error]

    def log(self, message, *, level="info"):
        if level in ("warning", "error"):
            self.troubles.append(message)

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


@pytest.fixture(scope="module")
def rows():
    lines = (ROUTER / "messages.jsonl").read_text().splitlines()
    return [
        dspy.Example(message=row["message"], team=row["team"]).with_inputs("message")
        for row in map(json.loads, itertools.islice(lines, 16))
    ]


def compile_with(shape, optimizer, rows, folder):
    (folder / "shape_of_metric.py").write_text(SHAPES[shape])
    metric = load_metric(MetricSpec(target="shape_of_metric.py:metric"), folder)
    models = tomllib.loads((ROUTER / "compilot.toml").read_text())["models"]
    profiles = fill_roles({role: msgspec.convert(model, ModelProfile) for role, model in models.items()})
    observer = Silent()
    scratch = folder / "scratch"
    scratch.mkdir()
    with Meter.open(scratch) as meter:
        lms = {role: meter.lm(profile, role) for role, profile in profiles.items()}
        metric.judge_lm = lms["judge"]
        verdicts = []
        metric.on_call = lambda verdict, *_: verdicts.append(verdict)
        program = registry.get(optimizer).compile(
            CompileInputs(
                student=load_program(ProgramSpec(target="program.py:Router"), ROUTER),
                trainset=rows[:10],
                valset=rows[10:],
                metric=metric,
                lms=lms,
                params=SMALL[optimizer],
                seed=0,
                num_threads=2,
                max_errors=0,
                observer=observer,
                workspace=ROUTER,
                scratch=scratch,
            )
        )
        with dspy.context(lm=lms["student"]):
            answered = program(message="my laptop is broken").team
    return answered, observer, verdicts


def check(shape, optimizer, rows, folder):
    answered, observer, verdicts = compile_with(shape, optimizer, rows, folder)
    assert answered
    assert verdicts
    assert [verdict.error for verdict in verdicts if verdict.error] == []
    assert observer.troubles == []
    assert {verdict.score for verdict in verdicts} <= {0.0, 1.0}


@pytest.mark.parametrize("optimizer", SMALL)
@pytest.mark.parametrize("shape", EVERY_FIFTH)
def test_some_shapes(shape, optimizer, rows, tmp_path):
    check(shape, optimizer, rows, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", SMALL)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in EVERY_FIFTH])
def test_all_other_shapes(shape, optimizer, rows, tmp_path):
    check(shape, optimizer, rows, tmp_path)
