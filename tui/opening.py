"""Opens the app, without the command line's machinery in front of its first frame."""

from __future__ import annotations

import sys
from pathlib import Path

from core.errors import WorkspaceError

from .codes import FAILED


def wants_app(arguments: list[str]) -> bool:
    """`compilot` on a terminal and `compilot PATH` mean the app; a command's name never does."""
    if not arguments:
        return sys.stdin.isatty() and sys.stdout.isatty()
    first = arguments[0]
    if len(arguments) > 1 or first.startswith("-") or not Path(first).is_dir():
        return False
    from .commands import COMMANDS

    return all(row.name != first for row in COMMANDS)


def open_app(path: Path, mouse: bool | None = None) -> int:
    """Run the app on a folder until it is left; gives the exit code. Raises `WorkspaceError`."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkspaceError(
            "the app needs a terminal", where="stdin or stdout", fix="`compilot --help` lists the commands"
        )
    if not path.is_dir():
        raise WorkspaceError("there is no such folder", where=str(path), fix="name a folder")
    from . import signals
    from .app import CompilotApp

    signals.uninstall()
    app = CompilotApp(path)
    app.run(mouse=app.settings.mouse if mouse is None else mouse)
    return FAILED if app.return_code else 0
