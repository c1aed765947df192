"""Start real runs on copies of the sample workspaces."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.recipe import OptimizerSpec, Recipe
from core.runs.follow import follow, load_state
from core.runs.launch import RunHandle, start_run
from core.runs.reduce import RunState
from core.samples import copy_sample

SMALL: dict[str, dict[str, Any]] = {
    "LabeledFewShot": {},
    "BootstrapFewShot": {},
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 3},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 3},
    "KNNFewShot": {},
    "COPRO": {"breadth": 3, "depth": 2},
    "MIPROv2": {"auto": None, "num_candidates": 3, "num_trials": 4, "minibatch_size": 20},
    "SIMBA": {"max_steps": 2, "num_candidates": 3, "bsize": 16},
    "GEPA": {"max_metric_calls": 200},
    "InferRules": {"num_candidates": 2},
    "Ensemble": {},
}
"""Parameters that make each optimizer's run a matter of seconds."""


def make_workspace(folder: Path, sample: str = "router", *, duplicate_rows: bool = False) -> Path:
    """A copy of a sample; with duplicate rows, equal requests are in flight at the same time."""
    copy_sample(sample, folder)
    if duplicate_rows:
        for path in folder.glob("*.jsonl"):
            lines = path.read_text().splitlines()
            path.write_text("\n".join([*lines, *lines[: len(lines) // 3]]) + "\n")
    return folder


def make_recipe(
    folder: Path,
    optimizer: str,
    params: dict[str, Any] | None = None,
    *,
    dials: dict[str, float] | None = None,
    **sections: dict[str, Any],
) -> Recipe:
    """The workspace's recipe with another optimizer; `dials` reach every embedded model."""
    config = tomllib.loads((folder / "compilot.toml").read_text())
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values}
    for profile in config["models"].values():
        profile["dials"] = {**profile.get("dials", {}), **(dials or {})}
    config["optimizer"] = msgspec.to_builtins(
        OptimizerSpec(name=optimizer, params=SMALL[optimizer] if params is None else params)
    )
    return msgspec.convert(config, Recipe)


def finish(run: RunHandle) -> RunState:
    """Follow a run to its end."""
    state = RunState()
    for state in follow(run.folder, poll_seconds=0.02):
        pass
    return state


def run_to_end(folder: Path, recipe: Recipe) -> tuple[RunHandle, RunState]:
    run = start_run(recipe, folder)
    return run, finish(run)


def wait_for(run: RunHandle, true_of: Callable[[RunState], bool], seconds: float = 60.0) -> RunState:
    """The first state of which it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = load_state(run.folder)
        if true_of(state):
            return state
        time.sleep(0.02)
    raise AssertionError(f"did not come true in {seconds} s: {load_state(run.folder)}")


def totals(state: RunState) -> dict[str, int]:
    """Counts of the ledger over all roles."""
    names = ("asked", "paid", "joined", "replayed", "errors")
    return {name: sum(role[name] for role in state.ledger.values()) for name in names}
