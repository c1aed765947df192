"""Estimates as a person gets them: measured in a child process, kept, and true of the run that follows."""

import json
import threading

import psutil
import pytest

from core import Workspace, estimate
from core.cost import facts as cost_facts
from core.errors import ProgramError, RunError
from core.samples import copy_sample
from tests.support.runs import run_to_end
from tui.cli import run_command


@pytest.fixture
def router(tmp_path):
    copy_sample("router", tmp_path / "w")
    return Workspace.open(tmp_path / "w")


def test_the_command_measures_once_and_prints_both_ways(router, capsys, monkeypatch):
    arguments = ["estimate", "--workspace", str(router.root), "--optimizer", "BootstrapFewShot"]
    assert run_command([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out.splitlines()[-1])
    assert found["roles"]["student"]["calls"]["expected"] == 360
    assert found["total"]["usd"]["expected"] == 0
    assert "measuring" in printed.err
    assert [path.suffix for path in (router.state_dir / "facts").iterdir()] == [".json"]

    monkeypatch.setattr(cost_facts, "_measure", lambda *_: pytest.fail("measured again"))
    assert run_command(arguments) == 0
    printed = capsys.readouterr()
    assert "rule of thumb" in printed.out
    assert "student" in printed.out
    assert printed.err == ""


def test_facts_go_stale_with_the_code_and_the_data(router):
    recipe = router.recipe(optimizer="LabeledFewShot")
    assert estimate(recipe).total.calls.expected == 360
    assert cost_facts.find_facts(recipe) is not None
    program = router.root / "program.py"
    text = program.read_text()
    program.write_text(text + "\n# changed\n")
    assert cost_facts.find_facts(recipe) is None
    program.write_text(text)
    assert cost_facts.find_facts(recipe) is not None
    data = router.root / "messages.jsonl"
    data.write_text("\n".join(data.read_text().splitlines()[:-1]) + "\n")
    assert cost_facts.find_facts(recipe) is None


def test_measuring_can_be_cancelled_and_leaves_nothing(router):
    (router.root / "program.py").write_text("import time\ntime.sleep(60)\n")
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(RunError, match="cancelled"):
        cost_facts.get_facts(router.recipe(optimizer="LabeledFewShot"), cancel=cancel)
    assert list((router.state_dir / "facts").iterdir()) == []
    assert not [child for child in psutil.Process().children() if "facts_child" in " ".join(child.cmdline())]


def test_a_program_that_does_not_load_is_the_error(router):
    (router.root / "program.py").write_text("raise RuntimeError('not today')\n")
    with pytest.raises(ProgramError):
        estimate(router.recipe(optimizer="LabeledFewShot"))
    assert list((router.state_dir / "facts").iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["BootstrapFewShot", "GEPA"])
def test_the_run_is_as_estimated(router, name):
    recipe = router.recipe(optimizer=name)
    found = estimate(recipe)
    _, state = run_to_end(router.root, recipe)
    for role, spent in state.ledger.items():
        if not spent["asked"]:
            continue
        one = found.roles[role]
        room = 0.10 if role in ("student", "teacher") else 0.25
        assert one.calls.low <= spent["asked"] <= one.calls.high
        assert abs(one.calls.expected - spent["asked"]) <= room * spent["asked"]
        assert one.input_tokens.low <= spent["input_tokens"] <= one.input_tokens.high
        if role in ("student", "teacher"):
            assert one.input_tokens.expected == pytest.approx(spent["input_tokens"], rel=0.2)
