"""`compilot metric`, `program` and `check` as a person or a script calls them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "router"
    shutil.copytree(SAMPLES / "router", folder, ignore=shutil.ignore_patterns(".compilot", "__pycache__"))
    return folder


def compilot(workspace, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=workspace,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + ("" if "--json" in arguments else done.stdout)
    return done.stdout


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def test_metric_test(workspace):
    assert "nothing to report" in compilot(workspace, "metric", "test", "--rows", "6")
    told = last_json(compilot(workspace, "metric", "test", "--rows", "6", "--json"))
    assert told["ok"] is True
    assert told["summary"]["gold"] == 1.0
    assert len(told["rows"]) == 6


def test_metric_test_fails_with_findings(workspace, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(workspace, broken, ignore=shutil.ignore_patterns(".compilot"))
    (broken / "metrics.py").write_text("def routed_right(example, pred):\n    return example.nothing\n")
    text = compilot(broken, "metric", "test", code=1)
    assert "FAIL  The metric raised AttributeError" in text
    assert "where: metrics.py:2 in routed_right" in text
    told = last_json(compilot(broken, "metric", "test", "--json", code=1))
    assert told["ok"] is False
    assert told["findings"][0]["code"] == "metric.raises"
    assert told["findings"][0]["evidence"]


def test_metric_templates(workspace, tmp_path):
    assert "builtin" in compilot(workspace, "metric", "templates").lower()
    told = last_json(compilot(workspace, "metric", "templates", "--json"))
    assert len(told["builtins"]) >= 12
    out = tmp_path / "made.py"
    compilot(workspace, "metric", "templates", "with-feedback", "--field", "team", "-o", str(out))
    assert "example.team" in out.read_text()
    compilot(workspace, "metric", "templates", "with-feedback", "-o", str(out), code=1)
    compilot(workspace, "metric", "templates", "nothing", code=2)


def test_program_show_and_try(workspace):
    text = compilot(workspace, "program", "show")
    assert "route  [Predict, RouteMessage]" in text
    assert "LM calls of one run" in text
    told = last_json(compilot(workspace, "program", "show", "--json"))
    assert told["measured"]["calls"] == {"route": 1}
    told = last_json(compilot(workspace, "program", "try", "message=the printer smokes", "--json"))
    assert told["result"]["outputs"]["team"]
    assert told["calls_by_predictor"] == {"route": 1}
    assert "completion:" in compilot(workspace, "program", "try", "--row", "3")
    compilot(workspace, "program", "try", "--row", "999999", code=1)
    compilot(workspace, "program", "try", "novalue", code=2)


def test_check(workspace):
    assert "pass  program" in compilot(workspace, "check")
    assert last_json(compilot(workspace, "check", "--json"))["ok"] is True


def test_rescore_asks_no_model(workspace, tmp_path):
    place = tmp_path / "rescored"
    shutil.copytree(workspace, place, ignore=shutil.ignore_patterns(".compilot"))
    ran = last_json(compilot(place, "run", "--optimizer", "BootstrapFewShot", "--json"))
    assert ran["status"] == "completed"
    told = last_json(compilot(place, "metric", "rescore", "--json"))
    assert told["run_id"] == ran["run_id"]
    assert all(
        one["before"] == pytest.approx(one["after"]) and not one["changed"] for one in told["evaluations"]
    )
    (place / "metrics.py").write_text(
        "def routed_right(example, pred):\n    return 1.0 - float(example.team == pred.team)\n"
    )
    told = last_json(compilot(place, "metric", "rescore", "--split", "test", "--json"))
    assert told["evaluations"]
    for one in told["evaluations"]:
        assert one["split"] == "test"
        assert one["after"] == pytest.approx(1 - one["before"])
        assert len(one["changed"]) == one["rows"]
    assert "after" in compilot(place, "metric", "rescore")
    compilot(workspace, "metric", "rescore", code=1)
