"""How fast a ghost answers: calls a second on one core, beside dspy with an engine that answers at once."""

import statistics
import time
from typing import Literal

import dspy
import pytest
from dspy.lm15 import Message, Response, Usage

from core import Workspace, dry_run
from core.cost.ghost.adapter import make_adapter
from core.cost.ghost.engine import build_ghost_lms
from core.cost.ghost.follower import follow_runs
from core.cost.ghost.ghost import Ghost
from core.recipe import ModelProfile
from core.samples import copy_sample

pytestmark = pytest.mark.benchmark

CALLS = 3000
ROUNDS = 3
WANTED = 3000
"""Ghost calls a second on one core."""


class InstantEngine:
    """Answers at once, in text that dspy's own adapter reads."""

    def complete(self, request):
        text = "[[ ## label ## ]]\none\n\n[[ ## completed ## ]]"
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(text),
            finish_reason="stop",
            usage=Usage(input_tokens=0, output_tokens=0),
        )


def make_program():
    signature = dspy.Signature("text -> label").with_updated_fields("label", type_=Literal["one", "two"])
    return dspy.Predict(signature)


def measure(program, rows):
    """Calls for each second of one core's time: what else the machine does does not count."""
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for at in range(CALLS):
            program(**rows[at % len(rows)].inputs())
        rates.append(CALLS / (time.process_time() - began))
    return statistics.median(rates)


def test_ghost_calls_a_second():
    rows = [
        dspy.Example(text=f"text {at}", label=("one", "two")[at % 2]).with_inputs("text") for at in range(100)
    ]
    plain = make_program()
    with dspy.context(
        lm=dspy.LM("instant/model", engine=InstantEngine(), cache=False), disable_history=True, trace=None
    ):
        instant = measure(plain, rows)
    program = make_program()
    ghost = Ghost(program, rows)
    ghost.tuning.chance = 0.5
    follow_runs(program, ghost)
    lm = build_ghost_lms(ghost, {"student": ModelProfile(model="openai/gpt-4o-mini")})["student"]
    with dspy.context(lm=lm, adapter=make_adapter(ghost), disable_history=True, trace=None):
        haunted = measure(program, rows)
    print(
        f"\n{haunted:,.0f} ghost calls a second of one core; dspy with an instant engine {instant:,.0f}: "
        f"{haunted / instant:.1f} times as many"
    )
    assert haunted >= WANTED
    assert haunted / instant > 2.0


@pytest.mark.parametrize(
    ("sample", "optimizer", "params"),
    [
        ("triage", "COPRO", {"breadth": 4, "depth": 2}),
        ("pipeline7", "COPRO", {"breadth": 3, "depth": 1}),
        ("pipeline7", "MIPROv2", {}),
        ("router", "BootstrapFewShotWithRandomSearch", {}),
    ],
)
def test_whole_dry_runs(tmp_path, sample, optimizer, params):
    copy_sample(sample, tmp_path / "w")
    recipe = Workspace.open(tmp_path / "w").recipe(optimizer=optimizer, params=params)
    run = dry_run(recipe, rates=[0.4]).rates[0]
    print(
        f"\n{sample} {optimizer}: {run.total:,} calls in {run.seconds:.1f} s "
        f"({run.calls_per_second:,.0f} a second), {run.total / run.cpu_seconds:,.0f} a second of one core"
    )
    assert run.total / run.cpu_seconds > WANTED / 3
