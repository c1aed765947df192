"""The Python API, used as the README shows it."""

from __future__ import annotations

import dspy
from dspy.utils import DummyLM

from core import Workspace, follow, load_program, load_run, start_run


async def test_start_follow_load(tmp_path):
    Workspace.init_sample("router", tmp_path / "w")
    workspace = Workspace.open(tmp_path / "w")
    run = start_run(workspace.recipe(optimizer="LabeledFewShot", params={"k": 8}))
    states = [state async for state in follow(run)]
    assert states[-1].status == "completed", states[-1].detail
    assert load_run(workspace=workspace.root).folder == run.folder
    program = load_program(run)
    assert len(program.route.demos) == 8
    assert all(predictor.lm is None for predictor in program.predictors())
    with dspy.context(lm=DummyLM([{"team": "facilities"}])):
        assert program(message="My badge does not open the door").team == "facilities"
