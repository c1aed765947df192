"""The `compilot` command: the app, or one of the commands."""

from __future__ import annotations

from . import signals  # first: from here on Ctrl+C ends it without a traceback

signals.install()

import sys  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """Run and exit: 0 fine, 1 failed, 2 wrong usage, 130 interrupted."""
    from .output import prepare_streams

    prepare_streams()
    from .opening import open_app, wants_app

    arguments = sys.argv[1:]
    if wants_app(arguments) and sys.stdin.isatty() and sys.stdout.isatty():
        sys.exit(open_app(Path(arguments[0] if arguments else ".")))
    from .cli import main as run

    run(["app", *arguments] if wants_app(arguments) else arguments)


if __name__ == "__main__":
    main()
