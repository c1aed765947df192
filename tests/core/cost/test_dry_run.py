"""A dry run as a person gets it: in a child process, by role, ended at once, leaving nothing behind."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from core import DryRun, dry_run
from core.cost import dry_run as module
from core.cost.dry_run import choose_default_rates
from core.cost.facts import Measured
from core.errors import ConfigError, OptimizerError, ProgramError, RunError
from core.optimizers.facts import Facts
from core.recipe import (
    Budget,
    DataSpec,
    MetricSpec,
    ModelProfile,
    OptimizerSpec,
    ProgramSpec,
    Recipe,
    RunSpec,
    SplitSpec,
)
from core.sandbox.limits import JobKilled

KEY = "sk-canary-0123456789abcdef"
PROGRAM = """
import dspy

class Two(dspy.Module):
    def __init__(self):
        super().__init__()
        self.label = dspy.Predict("text -> label")
        self.tone = dspy.Predict("text -> tone")

    def forward(self, text):
        return dspy.Prediction(label=self.label(text=text).label, tone=self.tone(text=text).tone)
"""
METRIC = """
def metric(example, pred, trace=None):
    return float(pred.label == example.label and pred.tone == example.tone)
"""
ROWS = [
    {"text": f"text {at}", "label": ("one", "two")[at % 2], "tone": ("calm", "angry")[at % 3 % 2]}
    for at in range(30)
]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "metrics.py").write_text(METRIC)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def make_recipe(place, optimizer="LabeledFewShot", params=None, metric="metrics.py:metric"):
    return Recipe(
        program=ProgramSpec(target="program.py:Two"),
        data=DataSpec(path="rows.jsonl", inputs=("text",), split=SplitSpec(train=10, val=10, test=10)),
        metric=MetricSpec(target=metric),
        models={"student": ModelProfile(model="openai/gpt-4o-mini", key_env="MY_KEY")},
        optimizer=OptimizerSpec(name=optimizer, params=params or {}),
        budget=Budget(calls=1),
        run=RunSpec(num_threads=4),
        workspace=str(place),
    )


def listing(place):
    """Every file but the frozen split, which whatever reads the data writes."""
    files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    return sorted(str(path) for path in files if "splits" not in path.parts)


@pytest.fixture(autouse=True)
def memory(tmp_path_factory, monkeypatch):
    """A place for scratch of this test alone: others may be at work at the same time."""
    folder = tmp_path_factory.mktemp("memory")
    monkeypatch.setattr(module, "_MEMORY", str(folder))
    return folder


def scratch_folders():
    return list(Path(module._MEMORY).iterdir())


def test_the_whole_run_is_counted_by_role_at_each_rate(place, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    before = listing(place)
    told = []
    found = dry_run(make_recipe(place), rates=[0.8, 0.3], on_progress=told.append)
    # val and test, before and after, two calls each; no key was needed, and the cap is on real calls.
    assert found.calls["student"] == found.total == type(found.total)(80, 80, 80)
    assert [run.success_rate for run in found.rates] == [0.3, 0.8]
    assert all(abs(run.reached - run.success_rate) <= 0.1 for run in found.rates)
    assert found.program_runs.expected == found.metric_calls.expected == 40
    assert found.complete
    assert found.calls_per_second > 0
    assert [(one.number, one.rates) for one in told][:1] == [(1, 2)]
    assert listing(place) == before
    assert scratch_folders() == []
    assert msgspec.convert(json.loads(json.dumps(found.to_dict())), DryRun) == found


@pytest.mark.slow
def test_bootstraps_ask_the_teacher_less_when_it_is_right_more_often(place):
    found = dry_run(make_recipe(place, "BootstrapFewShot"), rates=[0.1, 0.9])
    low, high = (run.calls["teacher"] for run in found.rates)
    assert low > high >= 8
    assert found.calls["teacher"].low == high


@pytest.mark.parametrize("kind", ["class", "function"])
def test_an_optimizer_of_the_workspace(place, kind):
    (place / "mine.py").write_text(
        """
import dspy
from dspy.teleprompt import Teleprompter

class Mine(Teleprompter):
    def __init__(self, metric, rounds=1):
        self.metric, self.rounds = metric, rounds

    def compile(self, student, *, trainset, valset=None):
        for _ in range(self.rounds):
            dspy.Evaluate(devset=valset, metric=self.metric)(student)
        return student

def mine(student, trainset, lms, rounds):
    with dspy.context(lm=lms["reflection"]):
        dspy.Predict("old -> new", n=rounds)(old="x")
    return student
"""
    )
    name = {"class": "mine.py:Mine", "function": "mine.py:mine"}[kind]
    found = dry_run(make_recipe(place, name, {"rounds": 3}), rates=[0.5])
    calls = {role: count.expected for role, count in found.calls.items()}
    # The program is returned as it is: scored on val twice, and on test once.
    assert calls == ({"student": 120} if kind == "class" else {"student": 60, "reflection": 3})


def test_metrics_that_ask_a_judge_are_counted(place):
    (place / "metrics.py").write_text(
        """
import dspy
judge = dspy.Predict("expected, answer -> good: bool")

def metric(example, pred, trace=None):
    return float(judge(expected=example.label, answer=pred.label).good)
"""
    )
    found = dry_run(make_recipe(place), rates=[0.5])
    assert found.calls["judge"].expected == 40
    assert found.rates[0].reached == pytest.approx(0.5, abs=0.1)


def test_no_key_reaches_the_users_code_and_none_is_kept(place, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (place / "metrics.py").write_text(
        METRIC + "\nimport os, pathlib\npathlib.Path('seen').write_text(repr(dict(os.environ)))\n"
    )
    found = dry_run(make_recipe(place), rates=[0.5])
    assert KEY not in (place / "seen").read_text()
    assert "MY_KEY" in (place / "seen").read_text()
    assert KEY not in json.dumps(found.to_dict())


def test_a_model_made_while_running_is_refused(place):
    (place / "metrics.py").write_text(
        """
import dspy

def metric(example, pred, trace=None):
    return float(len(dspy.LM("openai/gpt-4o", api_key="sk-nobody-may-use-this")("ok?")[0]) > 3)
"""
    )
    with pytest.raises(RunError, match="openai/gpt-4o"):
        dry_run(make_recipe(place), rates=[0.5])


@pytest.mark.parametrize("rates", [[1.2], [-0.1], []])
def test_impossible_rates(place, rates):
    with pytest.raises(ConfigError, match="success rate"):
        dry_run(make_recipe(place), rates=rates)


def test_what_cannot_be_loaded_is_the_error(place):
    (place / "program.py").write_text("raise RuntimeError('not today')\n")
    with pytest.raises(ProgramError):
        dry_run(make_recipe(place), rates=[0.5])
    with pytest.raises(OptimizerError, match="no optimizer"):
        dry_run(msgspec.structs.replace(make_recipe(place), optimizer=None))


ENDLESS = """
import dspy

def mine(student, trainset):
    print("x" * 1000)
    while True:
        {body}
"""


@pytest.mark.parametrize(
    ("limit", "ended"),
    [({"calls": 500}, "calls"), pytest.param({"seconds": 1.0}, "seconds", marks=pytest.mark.slow)],
)
def test_an_optimizer_without_end_is_ended_with_what_it_asked(place, limit, ended):
    body = "print('flood' * 1000); student(text=trainset[0].text)"
    (place / "mine.py").write_text(ENDLESS.format(body=body))
    found = dry_run(make_recipe(place, "mine.py:mine"), rates=[0.5], **limit)
    assert not found.complete
    assert found.rates[0].ended == ended
    assert found.total.expected > 100
    assert any("lower bounds" in line for line in found.assumptions)
    assert scratch_folders() == []


@pytest.mark.slow
def test_code_that_hangs_is_ended_with_its_line(place, monkeypatch):
    monkeypatch.setattr(module, "_LOAD_SECONDS", 4.0)
    (place / "mine.py").write_text(ENDLESS.format(body="pass"))
    with pytest.raises(JobKilled) as killed:
        dry_run(make_recipe(place, "mine.py:mine"), rates=[0.5], seconds=1.0)
    assert killed.value.reason == "time"
    assert "mine.py" in killed.value.where
    assert scratch_folders() == []


@pytest.mark.parametrize("early", [True, False])
def test_cancel_ends_the_child_at_once(place, early):
    import psutil

    (place / "mine.py").write_text(ENDLESS.format(body="student(text=trainset[0].text)"))
    cancel = threading.Event()
    times = []

    def stop(*_):
        times.append(time.monotonic())
        cancel.set()

    if early:
        stop()
    before, began = listing(place), time.monotonic()
    with pytest.raises(JobKilled) as killed:
        dry_run(
            make_recipe(place, "mine.py:mine"),
            rates=[0.5],
            cancel=cancel,
            on_progress=lambda told: stop() if told.calls and not times else None,
        )
    assert killed.value.reason == "cancelled"
    assert time.monotonic() - max(times[0], began) < 30.0
    assert scratch_folders() == []
    assert listing(place) == before
    gone = time.monotonic() + 3.0
    while psutil.Process().children(recursive=True) and time.monotonic() < gone:
        time.sleep(0.05)
    assert psutil.Process().children(recursive=True) == []


def test_default_rates_stand_around_what_was_measured():
    def measured(rate, rows):
        return Measured(facts=Facts(success_rate=rate), rows=rows)

    low, middle, high = choose_default_rates(measured(0.5, 20))
    assert low < middle == 0.5 < high
    assert (
        high - low > choose_default_rates(measured(0.5, 200))[2] - choose_default_rates(measured(0.5, 200))[0]
    )
    assert choose_default_rates(measured(0.0, 20))[0] == 0.0
    assert choose_default_rates(measured(1.0, 20))[-1] == 1.0
    assert len(choose_default_rates(None)) == 3


def test_asking_for_a_dry_run_imports_no_dspy():
    code = "import sys\nimport core\ncore.dry_run\nassert 'dspy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
