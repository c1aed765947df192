"""Ctrl+C on the command line: at any moment 130 and no traceback, also while modules are loaded."""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType

from .codes import INTERRUPTED

_BUILDING = ("<frozen importlib", os.sep + "msgspec" + os.sep)
"""Files in whose frames an exception does harm: half-loaded modules, and types that native code builds."""


def install() -> None:
    """Listen to Ctrl+C from now on, unless whoever started us has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
        # When all is done the exit code stands: Python's own end would give the signal its default back.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def uninstall() -> None:
    """Python's own way again: the app's event loop looks for it."""
    if signal.getsignal(signal.SIGINT) is _interrupted:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupted(_number: int, frame: FrameType | None) -> None:
    """Raise `KeyboardInterrupt` in a command that has begun; leave at once while something is built."""
    begun = False
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in _BUILDING):
            _leave()
        begun = begun or frame.f_code.co_name == "run_command"
        frame = frame.f_back
    if not begun:
        _leave()
    raise KeyboardInterrupt


def _leave() -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
