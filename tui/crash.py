"""A fault of the app's own: kept in a file without secrets, told in three lines."""

from __future__ import annotations

import os
import time
import traceback

from platformdirs import user_log_path

from core.errors import CompilotError
from core.models.secrets import redact
from core.store import write_atomic


def keep_crash(error: BaseException) -> CompilotError:
    """Write the traceback (no locals, secrets taken out) where the person finds it, and say where."""
    path = user_log_path("compilot") / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, redact("".join(traceback.format_exception(error))))
        where = str(path)
    except (OSError, CompilotError) as second:
        where = f"the traceback could not be kept either: {second}".splitlines()[0]
    return CompilotError(
        f"a fault of Compilot's own: {redact(f'{type(error).__name__}: {error}')}",
        where=where,
        fix="start it again: runs go on and nothing kept is lost; if it stays, report it with that file",
    )
