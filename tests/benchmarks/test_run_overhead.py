"""Our run beside plain dspy doing the same compile: an instant engine, and 20 ms of latency at 8 threads."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import dspy
import pytest

from core import compile_program
from core.data import load_splits, to_examples
from core.models.embedded.engine import EmbeddedEngine
from core.programs.load import load_program
from core.recipe import ProgramSpec
from tests.support.runs import make_recipe, make_workspace

pytestmark = pytest.mark.benchmark
PARAMS = {"num_candidate_programs": 6, "max_bootstrapped_demos": 4, "max_labeled_demos": 16}


def engine(latency: float) -> EmbeddedEngine:
    return EmbeddedEngine("embedded/student", {"latency": latency} if latency else None)


def metric(example, pred, trace=None):
    return example.team == pred.team


def load(folder: Path):
    recipe = make_recipe(folder, "LabeledFewShot")
    splits = load_splits(recipe.data, folder)
    rows = {name: to_examples(splits.part(name), recipe.data.inputs) for name in ("train", "val")}
    return load_program(ProgramSpec(target=recipe.program.target), folder), rows


def plain_seconds(folder: Path, latency: float, *, cached: bool, cache: Path) -> float:
    program, rows = load(folder)
    if cached:
        dspy.configure_cache(enable_disk_cache=True, disk_cache_dir=str(cache), restrict_pickle=False)
    lm = dspy.LM("embedded/student", engine=engine(latency), cache=cached)
    started = time.perf_counter()
    with dspy.context(lm=lm):
        evaluate = dspy.Evaluate(devset=rows["val"], metric=metric, num_threads=8, display_progress=False)
        evaluate(program)
        optimizer = dspy.BootstrapFewShotWithRandomSearch(metric=metric, num_threads=8, **PARAMS)
        best = optimizer.compile(program, trainset=rows["train"], valset=rows["val"])
        evaluate(best)
    return time.perf_counter() - started


def our_seconds(folder: Path, latency: float, run: Path) -> float:
    program, rows = load(folder)
    lm = dspy.LM("embedded/student", engine=engine(latency), cache=False)
    started = time.perf_counter()
    outcome = compile_program(
        program=program,
        trainset=rows["train"],
        valset=rows["val"],
        metric=metric,
        optimizer="BootstrapFewShotWithRandomSearch",
        params=PARAMS,
        lms={"student": lm},
        num_threads=8,
        folder=run,
    )
    assert outcome.status == "completed", outcome.detail
    return time.perf_counter() - started


@pytest.mark.parametrize(("latency", "cached"), [(0.0, True), (0.0, False), (0.02, False)])
def test_our_run_beside_plain_dspy(tmp_path, capsys, latency, cached):
    folder = make_workspace(tmp_path / "w")
    ours, plain = [], []
    for i in range(3):
        plain.append(plain_seconds(folder, latency, cached=cached, cache=tmp_path / f"cache-{i}"))
        ours.append(our_seconds(folder, latency, tmp_path / f"run-{i}"))
    ratio = statistics.median(ours) / statistics.median(plain)
    with capsys.disabled():
        name = f"latency {latency * 1000:.0f} ms, dspy's cache {'on' if cached else 'off'}"
        print(
            f"\n{name}: ours {statistics.median(ours):.2f} s, "
            f"plain {statistics.median(plain):.2f} s, ratio {ratio:.2f}"
        )
