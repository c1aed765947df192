"""`compilot eval`: what it is asked to score, said before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.support.results import make_result_run
from tests.tui.conftest import Answer

Invoke = Callable[..., Answer]


def test_a_file_has_no_candidates(invoke: Invoke, workspace: Workspace, tmp_path: Path) -> None:
    exported = tmp_path / "out"
    exported.mkdir()
    (exported / "program.json").write_text("{}")
    for target in (exported, exported / "program.json"):
        answer = invoke("eval", target, "--candidate", "2", "-w", workspace.root)
        assert answer.code == 2
        assert "--candidate names one of a run" in answer.err


@pytest.mark.parametrize("runs", [0, 1])
def test_a_folder_without_a_program_is_told_of(
    invoke: Invoke, workspace: Workspace, tmp_path: Path, runs: int
) -> None:
    for _ in range(runs):
        make_result_run(workspace)
    (tmp_path / "empty").mkdir()
    answer = invoke("eval", tmp_path / "empty", "-w", workspace.root)
    assert answer.code == 1
    assert f"there is no program.json in {tmp_path / 'empty'}" in answer.err
    assert "compilot export" in answer.err
    assert "there is no program.json" not in invoke("eval", "nothing", "-w", workspace.root).err
