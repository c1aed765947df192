"""Our package under another name beside a project that has our names, and libraries' names, itself."""

import json
import subprocess
import time

from core.bootstrap import command

PROBE = """
import json, sys
from .programs.imports import open_project
from .programs.load import load_attribute
from pathlib import Path

def main(arguments):
    root = Path(arguments[0])
    finder = open_project(root)
    value = load_attribute("app.py:VALUE", root)
    print(json.dumps({
        "value": value,
        "warnings": finder.warnings,
        "package": __name__,
        "ours": sys.modules["compilot_core.programs.load"].__file__,
    }))
    return 7
"""

APP = """
import secrets
import click
import core, tui.screen, plotting_lib_of_nobody
VALUE = {
    "core": core.WHO,
    "tui": tui.screen.WHO,
    "secrets": hasattr(secrets, "token_hex"),
    "click": hasattr(click, "command"),
    "own": plotting_lib_of_nobody.WHO,
}
"""


def test_a_project_with_our_names_and_with_names_of_libraries(tmp_path, monkeypatch):
    root = tmp_path / "project"
    for folder in ("core", "tui"):
        (root / folder).mkdir(parents=True)
    (root / "core" / "__init__.py").write_text("WHO = 'the user'\n")
    (root / "tui" / "__init__.py").write_text("")
    (root / "tui" / "screen.py").write_text("from core import WHO\n")
    (root / "secrets.py").write_text("raise RuntimeError('shadowed the standard library')\n")
    (root / "click.py").write_text("raise RuntimeError('shadowed a library')\n")
    (root / "plotting_lib_of_nobody.py").write_text("WHO = 'the user'\n")
    (root / "app.py").write_text(APP)

    # A module of our package that exists only for this test: the package's folder is linked, file by file.
    package = tmp_path / "package"
    package.mkdir()
    import core

    source = __import__("pathlib").Path(core.__file__).parent
    for path in source.iterdir():
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    (package / "probe.py").write_text(PROBE)
    line = command("probe", str(root))
    (package / "bootstrap.py").unlink()
    (package / "bootstrap.py").write_text((source / "bootstrap.py").read_text())
    line[2] = str(package / "bootstrap.py")

    started = time.perf_counter()
    done = subprocess.run(line, capture_output=True, text=True, cwd=root)
    seconds = time.perf_counter() - started
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    assert told["value"] == {
        "core": "the user",
        "tui": "the user",
        "secrets": True,
        "click": True,
        "own": "the user",
    }
    assert told["package"] == "compilot_core.probe"
    assert sorted(warning.split(" ")[0] for warning in told["warnings"]) == ["click.py", "secrets.py"]
    assert seconds < 5
