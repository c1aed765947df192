"""Runs over live objects: every row counts, every end is told, and nobody else can end their process."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import dspy
import pytest

from core import compile_program, load_state
from core.errors import CompilotError, RunError
from core.models.embedded.engine import EmbeddedEngine
from core.recipe import Budget
from core.runs import control
from core.runs.folder import RunFolder
from core.runs.launch import resume_run, start_run
from core.runs.limits import set_limits
from core.runs.removal import remove_run
from core.runs.turns import last_in_line
from tests.support.runs import make_recipe, make_workspace


class Echo(dspy.Module):
    """Asks no model; `act` runs on every question."""

    act = staticmethod(lambda question: None)

    def __init__(self) -> None:
        super().__init__()
        self.answer = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        self.act(question)
        return dspy.Prediction(answer=question)


def metric(example, pred, trace=None):
    return example.question == pred.answer


def rows(count: int) -> list[dspy.Example]:
    return [dspy.Example(question=f"q{n}", answer=f"q{n}").with_inputs("question") for n in range(count)]


def compile_echo(act=lambda question: None, **more):
    program = type("Acts", (Echo,), {"act": staticmethod(act)})()
    lm = dspy.LM("embedded/student", engine=EmbeddedEngine("embedded/student"), cache=False)
    given = {"trainset": rows(4), "optimizer": "LabeledFewShot", "num_threads": 2, **more}
    return compile_program(program=program, metric=metric, lms={"student": lm}, **given)


def only_run(root: Path) -> RunFolder:
    [path] = (root / ".compilot" / "runs").iterdir()
    return RunFolder(path)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("optimizer", ["LabeledFewShot", "BootstrapFewShotWithRandomSearch"])
def test_an_example_that_is_there_twice_counts_twice(here, optimizer):
    one, two = rows(2)
    outcome = compile_echo(trainset=[one, two, one], valset=[one, one, two], optimizer=optimizer)
    assert (outcome.status, outcome.best["val"]) == ("completed", 1.0)
    folder = only_run(here)
    for candidate in load_state(folder.path).candidates:
        assert {(one.size, one.errors, one.kind) for one in candidate.scores} <= {(3, 0, "full")}
    for path in folder.evaluations.iterdir():
        kept = json.loads(path.read_text())["rows"]
        assert [(row["row"], row["score"]) for row in kept] == [(0, 1.0), (1, 1.0), (2, 1.0)]
        assert all(row["prediction"] for row in kept)


def test_its_folder_is_ignored_by_git_and_can_be_removed_when_it_is_over(here):
    compile_echo()
    assert (here / ".compilot" / ".gitignore").read_text() == "*\n"
    folder = only_run(here)
    assert last_in_line(here) is None, "this process lives on, the run does not"
    with pytest.raises(RunError, match="inside a notebook"):
        resume_run(folder.path)
    remove_run(folder.path)
    assert not folder.path.exists()


def test_a_run_that_is_started_from_a_script_is_ignored_by_git_too(tmp_path):
    class Nowhere:
        def submit(self, folder, *, force):
            return 0

    workspace = make_workspace(tmp_path / "w")
    start_run(make_recipe(workspace, "LabeledFewShot"), workspace, runner=Nowhere())
    assert (workspace / ".compilot" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("command", [control.pause, control.resume, control.stop, control.kill])
def test_what_shares_its_process_takes_no_command(here, command):
    told = []

    def ask_once(question):
        with lock:
            if not told:
                with pytest.raises(RunError) as caught:
                    command(only_run(here).path)
                told.append(caught.value)

    lock = threading.Lock()
    assert compile_echo(ask_once).status == "completed"
    assert "not its own" in told[0].what
    assert "Ctrl+C" in told[0].fix


def test_its_limits_cannot_be_changed_on_the_way(here):
    told = []

    def limit(question):
        try:
            set_limits(only_run(here).path, budget=Budget(calls=5), num_threads=1)
        except RunError as error:
            told.append(error.what)

    compile_echo(limit)
    assert told
    assert "not its own" in told[0]


class Broken(dspy.teleprompt.LabeledFewShot):
    """Ends its compile with `problem`."""

    problem: BaseException = ValueError()

    def compile(self, *args, **kwargs):
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "status", "detail"),
    [
        (ValueError("no such thing\nat all"), "failed", "ValueError: no such thing"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (KeyboardInterrupt(), "stopped", "interrupted where it ran"),
        (CompilotError("wrong", where="there", fix="mend"), "failed", "wrong"),
    ],
)
def test_an_exception_out_of_the_compile_is_told_and_goes_on_to_the_caller(
    here, monkeypatch, problem, status, detail
):
    monkeypatch.setattr(Broken, "problem", problem)
    monkeypatch.setattr(dspy, "LabeledFewShot", Broken)
    monkeypatch.setattr(sys.modules["dspy.teleprompt"], "LabeledFewShot", Broken)
    with pytest.raises(type(problem)):
        compile_echo()
    folder = only_run(here)
    state = load_state(folder.path)
    assert (state.status, state.detail) == (status, detail)
    assert (state.where, state.fix) == (getattr(problem, "where", ""), getattr(problem, "fix", ""))
    assert state.best.val == 1.0, "the baseline was scored before"
    assert not folder.has_process()
