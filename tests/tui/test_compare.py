from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.support.results import CHILD, MERGED, SEED, make_result_run
from tests.tui.conftest import Answer
from tui.comparing import show_demo, show_fields

Invoke = Callable[..., Answer]


@pytest.fixture
def run(workspace: Workspace) -> Path:
    return make_result_run(workspace, demos=[{"augmented": True, "message": "x" * 200, "team": "payroll"}])


def test_one_run_compares_its_best_with_its_baseline(
    invoke: Invoke, run: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = invoke("compare", "-w", workspace.root)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split()[:3] == ["before", SEED, "baseline"]
    assert lines[1].split()[:3] == ["after", MERGED, "merge"]
    text = " ".join(" ".join(lines).split())
    assert "+50.0 points (+12.5 to +87.5): could be chance, p = 0.12 (McNemar)" in text
    assert "8 rows scored by both: 4 fixed, 0 broken, 2 right, 2 wrong" in text
    assert "+ - payslip or contract: payroll" in lines
    assert "fixed (4)" in lines
    assert "augmented" not in text
    assert "the data changed since the run" in answer.err


def test_two_runs_and_chosen_candidates(invoke: Invoke, run: Path, workspace: Workspace) -> None:
    other = make_result_run(workspace, "261102-100000-simba-bbbb", optimizer="SIMBA")
    result = invoke("compare", run.name, other.name, "-w", workspace.root, "--json").json
    assert [result[side]["run_id"] for side in ("before", "after")] == [run.name, other.name]
    assert result["rows"]["difference"]["verdict"] == "not told apart"
    result = invoke("compare", run.name, "--candidate", "2", "-w", workspace.root, "--json").json
    assert [result[side]["candidate"] for side in ("before", "after")] == [SEED, CHILD]
    chosen = ("--candidate", CHILD, "--candidate", MERGED)
    result = invoke("compare", run.name, *chosen, "-w", workspace.root, "--json").json
    assert [result[side]["candidate"] for side in ("before", "after")] == [CHILD, MERGED]


def test_only_some_rows_are_shown(invoke: Invoke, run: Path, workspace: Workspace) -> None:
    out = invoke("compare", "-w", workspace.root, "--rows", "2").out
    assert "fixed (4, the first 2)" in out
    assert out.count("  expected ") == 2


def test_what_cannot_be_compared_says_why(invoke: Invoke, run: Path, workspace: Workspace) -> None:
    answer = invoke("compare", "--candidate", CHILD, "--split", "test", "-w", workspace.root)
    assert answer.code == 1
    assert "was never scored on all of test" in answer.err
    assert "compilot eval" in answer.err
    assert invoke("compare", "a", "b", "c", "-w", workspace.root).code == 2
    assert invoke("compare", "nothing", "-w", workspace.root).code == 1


def test_a_run_without_a_baseline_says_so(invoke: Invoke, workspace: Workspace) -> None:
    workspace.prepare()
    assert invoke("compare", "-w", workspace.root).code == 1


def test_report_prints_and_writes(invoke: Invoke, run: Path, workspace: Workspace, tmp_path: Path) -> None:
    answer = invoke("report", "-w", workspace.root)
    assert answer.code == 0
    assert answer.out.startswith(f"# Run {run.name}: GEPA\n")
    assert invoke("report", "-w", workspace.root, "--json").json["entry"]["candidate"] == MERGED
    target = tmp_path / "report.md"
    answer = invoke("report", "-w", workspace.root, "-o", target, "--json")
    assert answer.json == {"report": str(target)}
    assert target.read_text().startswith("# Run")


def test_fields_on_one_line() -> None:
    assert show_fields({"team": "payroll"}) == "payroll"
    assert show_fields({"a": 1, "b": ["x"]}) == 'a: 1  b: ["x"]'
    assert show_demo({"augmented": True, "team": "payroll"}) == "payroll"
    assert show_fields({}) == ""
