"""The ledger against the engine's own count: exact, by role, at one thread and at eight."""

from __future__ import annotations

from typing import Literal

import dspy
import pytest

from core import compile_program, load_state
from core.data import load_splits, to_examples
from core.errors import ModelError
from core.models.embedded.engine import EmbeddedEngine
from core.recipe import Budget
from tests.support.runs import SMALL, make_recipe, make_workspace

ROLES = ("student", "teacher", "reflection", "proposer")


def metric(example, pred, trace=None):
    return example.team == pred.team


@pytest.fixture
def job(tmp_path):
    folder = make_workspace(tmp_path / "w", duplicate_rows=True)
    recipe = make_recipe(folder, "LabeledFewShot")
    splits = load_splits(recipe.data, folder)
    rows = {name: to_examples(splits.part(name), recipe.data.inputs) for name in ("train", "val")}
    teams = Literal[tuple(sorted({row.team for row in rows["train"]}))]
    fields = {"message": (str, dspy.InputField()), "team": (teams, dspy.OutputField())}
    program = dspy.Predict(dspy.Signature(fields, "Choose the team."))
    return {"program": program, "trainset": rows["train"], "valset": rows["val"], "metric": metric}


def check_counts(job, tmp_path, optimizer, num_threads):
    engines = {role: EmbeddedEngine(f"embedded/{role}") for role in ROLES}
    outcome = compile_program(
        **job,
        optimizer=optimizer,
        params=SMALL[optimizer],
        lms={role: dspy.LM(e.model, engine=e, cache=False) for role, e in engines.items()},
        num_threads=num_threads,
        folder=tmp_path / "run",
    )
    assert outcome.status == "completed", outcome.detail
    ledger = load_state(tmp_path / "run").ledger
    assert {role: e.calls for role, e in engines.items() if e.calls} == {
        role: counts["paid"] for role, counts in ledger.items() if counts["paid"]
    }
    assert all(c["asked"] == c["paid"] + c["joined"] + c["replayed"] + c["errors"] for c in ledger.values())
    return outcome


@pytest.mark.parametrize("num_threads", [1, 8])
def test_counts_are_exact(job, tmp_path, num_threads):
    check_counts(job, tmp_path, "BootstrapFewShot", num_threads)


@pytest.mark.slow
@pytest.mark.parametrize("num_threads", [1, 8])
@pytest.mark.parametrize("optimizer", SMALL)
def test_counts_are_exact_for_every_optimizer(job, tmp_path, optimizer, num_threads):
    check_counts(job, tmp_path, optimizer, num_threads)


def test_live_objects_are_capped_too(job, tmp_path):
    engine = EmbeddedEngine("embedded/student")
    outcome = compile_program(
        **job,
        optimizer="BootstrapFewShotWithRandomSearch",
        lms={"student": dspy.LM(engine.model, engine=engine, cache=False)},
        budget=Budget(calls=150),
        folder=tmp_path / "run",
    )
    assert (outcome.status, outcome.stop_reason) == ("stopped", "budget")
    assert engine.calls == 150
    ledger = load_state(tmp_path / "run").ledger
    assert (ledger["student"]["paid"], ledger["student"]["in_flight"]) == (150, 0)
    assert outcome.program is not None


def test_without_any_lm_it_says_so(job, tmp_path):
    with pytest.raises(ModelError, match="no LM is set"):
        compile_program(**job, optimizer="LabeledFewShot", folder=tmp_path / "run")
