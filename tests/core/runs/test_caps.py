"""Dollar caps: never passed, nearly used up, and the best so far is there after the stop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import dspy
import pytest

from core.errors import StopRun
from core.models.meter import Meter
from core.recipe import Budget, ModelProfile, Price
from tests.support.runs import SMALL, make_recipe, make_workspace, run_to_end

PRICE = Price(input=0.5, output=2.0)
CAP_USD = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 8, 32])
def test_a_dollar_cap_holds_at_any_number_of_threads(tmp_path: Path, threads: int) -> None:
    """Twenty evaluations of a priced embedded model for each number of threads, prompts of varied length."""
    spent = []
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with Meter.open(folder, budget=Budget(usd=CAP_USD), num_threads=threads) as meter:
            lm = meter.lm(ModelProfile(model="embedded/student", price=PRICE), "student")
            evaluate = dspy.Evaluate(
                devset=make_questions(seed),
                metric=lambda example, prediction, trace=None: 1.0,
                num_threads=threads,
                max_errors=10**6,
                display_progress=False,
            )
            with dspy.context(lm=lm), pytest.raises(StopRun) as stop:
                evaluate(dspy.Predict("message -> team"))
            assert stop.value.reason == "budget"
            wait_until(lambda: meter.snapshot()["student"]["in_flight"] == 0)
            spent.append(meter.snapshot()["student"]["usd"])
    print(f"{threads} threads: {min(spent) / CAP_USD:.1%} to {max(spent) / CAP_USD:.1%} of the cap used")
    assert max(spent) <= CAP_USD
    assert min(spent) >= 0.9 * CAP_USD


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """The evaluation ends at its first refused call; answers on their way are still settled."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def make_questions(seed: int) -> list[dspy.Example]:
    random = Random(seed)
    words = ["refund", "invoice", "login", "delay", "parcel", "screen", "please", "again", "since", "Monday"]
    return [
        dspy.Example(
            message=f"{number} " + " ".join(random.choices(words, k=random.randint(3, 200)))
        ).with_inputs("message")
        for number in range(1500)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", sorted(SMALL))
def test_at_the_cap_every_optimizer_leaves_its_best(tmp_path: Path, optimizer: str) -> None:
    """Stopped in mid-compile, by dollars over all roles together."""
    folder = make_workspace(tmp_path / "w")
    whole = make_recipe(folder, optimizer)
    priced = {
        role: {**profile, "price": {"input": 1.0, "output": 1.0}} for role, profile in models(whole).items()
    }
    cap = 0.75 * usd_of_whole_run(folder, optimizer, priced)
    run, state = run_to_end(folder, make_recipe(folder, optimizer, models=priced, budget={"usd": cap}))
    assert (state.status, state.stop_reason) == ("stopped", "budget"), state.detail
    spent = sum(role["usd"] for role in state.ledger.values())
    assert 0.9 * cap <= spent <= cap
    assert state.best.candidate is not None
    assert (run.folder / "program.json").exists()
    result = json.loads((run.folder / "result.json").read_text())
    assert result["best"]["candidate"] == state.best.candidate


def models(recipe: object) -> dict[str, dict[str, object]]:
    return recipe.to_dict()["models"]  # type: ignore[attr-defined,no-any-return]


def usd_of_whole_run(folder: Path, optimizer: str, priced: dict[str, dict[str, object]]) -> float:
    _, state = run_to_end(folder, make_recipe(folder, optimizer, models=priced))
    assert state.status == "completed", state.detail
    return float(sum(role["usd"] for role in state.ledger.values()))
