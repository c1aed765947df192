"""The border: core is headless and light, and the command line never loads dspy or the user's code."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("dspy", "litellm", "optuna", "gepa", "polars", "pyarrow", "numpy", "pydantic")
SCREEN = ("textual", "rich", "tui")


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import core",
        "import core.data",
        "from core import Workspace",
        "import core.optimizers.registry as r; [r.get(name) for name in r.names()]",
    ],
)
def test_core_is_light_and_headless(statement):
    assert not modules_after(statement) & {*HEAVY, *SCREEN}


@pytest.mark.parametrize(
    "statement",
    ["import tui.cli", "import tui.app", "from core import follow, start_run, load_state"],
)
def test_following_and_starting_runs_loads_no_dspy(statement):
    assert not modules_after(statement) & {"dspy", "litellm", "optuna", "gepa", "polars"}


def test_import_contracts_hold():
    from importlinter.cli import lint_imports

    assert lint_imports(no_cache=True) == 0


def test_the_app_on_screen_loads_neither_dspy_nor_the_workspace_code(tmp_path):
    code = """
import asyncio, sys
from pathlib import Path
from core.workspace import Workspace
from tui.app import CompilotApp
from tui.settings import Settings

workspace = Workspace.init_sample("triage", Path(sys.argv[1]) / "w")

async def visit():
    app = CompilotApp(workspace.root, Settings())
    async with app.run_test() as pilot:
        for key in range(1, 7):
            await pilot.press(f"f{key}")
            while len(app.places) < key:
                await pilot.pause(0.05)
        await pilot.pause(2.0)

asyncio.run(visit())
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"dspy", "litellm", "gepa", "optuna", "pipeline", "metrics"}))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
