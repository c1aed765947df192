"""`compilot estimate --dry-run`: figures beside one another, JSON for scripts, Ctrl+C ends it."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from core.cost.dry_run import DryRunProgress
from core.samples import copy_sample
from tui.cli import run_command
from tui.commands.dry_run import describe_progress


@pytest.fixture
def router(tmp_path):
    copy_sample("router", tmp_path / "w")
    return tmp_path / "w"


@pytest.fixture
def pipeline7(tmp_path):
    copy_sample("pipeline7", tmp_path / "w")
    return tmp_path / "w"


def arguments(place, *more):
    return ["estimate", "--workspace", str(place), "--dry-run", *more]


def test_the_dry_run_is_printed_beside_the_estimate(router, capsys):
    choice = ("--optimizer", "BootstrapFewShot")
    assert run_command(arguments(router, *choice, "--success-rate", "0.2", "--success-rate", "0.6")) == 0
    printed = capsys.readouterr().out
    assert re.search(r"student +360 +360 +360 +360", printed)
    assert "rule of thumb" in printed
    assert "20.0 %" in printed
    assert "60.0 %" in printed

    assert run_command(arguments(router, *choice, "--success-rate", "0.2", "--json")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["roles"]["student"]["calls"]["expected"] == 360
    assert told["dry_run"]["calls"]["student"]["expected"] == 360
    assert told["dry_run"]["rates"][0]["success_rate"] == 0.2
    assert not list((router / ".compilot").glob("runs/*"))


@pytest.mark.slow
def test_seven_modules_with_gepa_three_figures_beside_one_another(pipeline7, capsys):
    assert run_command(arguments(pipeline7, "--optimizer", "GEPA")) == 0
    printed = capsys.readouterr().out
    found = re.search(r"dry run ([\d,]+) · closed form ([\d,]+) · rule of thumb ([\d,]+)", printed)
    dry, closed, thumb = (int(number.replace(",", "")) for number in found.groups())
    assert thumb == 1848
    # 8 × (116 + 12) program runs of seven calls, the scoring before and after, and the reflections.
    assert 7168 < dry < 9500
    assert dry == pytest.approx(closed, rel=0.15)
    print(found.group())


def test_an_optimizer_of_the_workspace_has_a_dry_run_and_no_estimate(router, capsys):
    (router / "mine.py").write_text(
        "def mine(student, trainset, rounds):\n"
        "    for row in trainset[:rounds]:\n"
        "        student(**row.inputs())\n"
        "    return student\n"
    )
    choice = ("--optimizer", "mine.py:mine", "--set", "rounds=7", "--success-rate", "0.5")
    assert run_command(arguments(router, *choice, "--json")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["dry_run"]["calls"]["student"]["expected"] == 72 + 72 + 108 + 7
    assert run_command(arguments(router, *choice)) == 0
    assert "student" in capsys.readouterr().out
    assert run_command(["estimate", "--workspace", str(router), "--optimizer", "mine.py:mine"]) == 1
    assert "--dry-run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--success-rate", "1.5"), 2),
        (("--all",), 2),
    ],
)
def test_wrong_usage(router, more, code):
    assert run_command(arguments(router, *more)) == code


def test_a_rate_without_a_dry_run_is_wrong_usage(router):
    choice = ["--optimizer", "LabeledFewShot", "--success-rate", "0.5"]
    assert run_command(["estimate", "--workspace", str(router), *choice]) == 2


def test_progress_on_one_line():
    told = DryRunProgress(
        success_rate=0.5,
        number=2,
        rates=3,
        phase="compile",
        calls={"student": 1200, "reflection": 3},
        trials=4,
        trials_total=9,
        seconds=61.0,
    )
    assert describe_progress(told) == (
        "dry run at 50.0 % right (2 of 3) · compile · trial 4 of 9 · 1,200 student, 3 reflection calls"
        " · 1 min 01 s"
    )


@pytest.mark.slow
def test_ctrl_c_ends_it_and_leaves_nothing(router):
    assert run_command(["estimate", "--workspace", str(router), "--optimizer", "COPRO"]) == 0
    program = router / "program.py"
    text = program.read_text()
    # Ten minutes of sleep: only an end by force comes in time.
    program.write_text(
        text + "\n\nimport time as _time\n\n\n"
        "def _slow(forward):\n"
        "    def slow(self, *args, **kwargs):\n"
        "        _time.sleep(0.2)\n"
        "        return forward(self, *args, **kwargs)\n"
        "    return slow\n\n\n"
        "for _one in list(globals().values()):\n"
        "    if isinstance(_one, type) and 'forward' in vars(_one):\n"
        "        _one.forward = _slow(_one.forward)\n"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tui.cli",
            *arguments(router, "--optimizer", "COPRO", "--success-rate", "0.5"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 240
    while b"student" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 4096)
    assert b"dry run" in seen
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    # What it still draws must be read, or it waits for its terminal.
    while process.poll() is None and time.monotonic() - began < 10:
        try:
            os.read(ours, 4096)
        except OSError:
            break
    assert process.wait(10) == 130
    os.close(ours)
    assert not list((router / ".compilot").glob("runs/*"))
