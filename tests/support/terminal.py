"""The app in a real pseudo-terminal: what it sends, how soon it answers a key, how much memory it holds."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
ROOT = Path(__file__).parents[2]


class Terminal:
    """A `compilot` process on a pseudo-terminal of its own. Closes with the `with` block."""

    def __init__(self, folder: Path, size: tuple[int, int] = (120, 40), home: Path | None = None) -> None:
        self.output = bytearray()
        """Everything it has sent."""
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        if home is not None:
            for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
                environment[name] = str(home)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "-m", "tui.start", str(folder)], environment)
        columns, rows = size
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.close(self._fd)
        os.waitpid(self.pid, 0)

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def read(self, seconds: float, enough: Callable[[], object] = lambda: False) -> int:
        """Read for so long, or until `enough()`; gives the bytes that came."""
        end, before = time.perf_counter() + seconds, len(self.output)
        while not enough() and (rest := end - time.perf_counter()) > 0:
            ready, _, _ = select.select([self._fd], [], [], min(rest, 0.05))
            if ready:
                self.output += os.read(self._fd, 1 << 16)
        return len(self.output) - before

    def wait_for(self, text: str, seconds: float = 30.0) -> float:
        """Seconds until it sends this text; fails when it does not."""
        start, wanted, searched = time.perf_counter(), text.encode(), len(self.output)

        def came() -> bool:
            # Colours and cursor moves may come between any two letters.
            return wanted in _ESCAPES.sub(b"", bytes(self.output[searched:]))

        self.read(seconds, came)
        if not came():
            raise AssertionError(f"{text!r} did not come in {seconds:g} s: …{bytes(self.output[-3000:])!r}")
        return time.perf_counter() - start

    @property
    def memory_mib(self) -> float:
        return psutil.Process(self.pid).memory_info().rss / (1 << 20)
