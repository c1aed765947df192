"""`compilot init` copies a sample or writes a config, and says what it took."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workspace import Workspace


def test_a_sample(invoke, tmp_path: Path) -> None:
    answer = invoke("init", tmp_path / "new place", "--sample", "router")
    assert answer.code == 0
    assert "program.py:Router" in answer.out
    assert f"compilot run --workspace '{tmp_path}/new place'" in answer.out
    assert Workspace.open(tmp_path / "new place").recipe()


def test_the_current_folder_with_json(invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.py").write_text("import dspy\nclass P(dspy.Module):\n    def forward(self, q): ...\n")
    (tmp_path / "d.csv").write_text("q,a\n1,2\n")
    answer = invoke("init", "--json")
    assert answer.code == 0
    assert answer.json["program"] == "p.py:P"
    assert answer.json["data"] == "d.csv"
    assert answer.json["inputs"] == ["q"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--sample", "rooter"], "router"), ([], "no DSPy program"), (["nowhere"], "no such folder")],
)
def test_what_cannot_be_made_is_said(
    invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = invoke("init", *arguments)
    assert answer.code == 1
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(invoke, workspace: Workspace) -> None:
    before = workspace.config_path.read_text()
    assert invoke("init", workspace.root).code == 1
    assert invoke("init", workspace.root, "--sample", "router").code == 1
    assert workspace.config_path.read_text() == before
