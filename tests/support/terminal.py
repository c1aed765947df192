"""A real terminal for the app: a pty, its bytes, and the screen that these bytes draw."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyte

ROOT = Path(__file__).parents[2]
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "space": " ",
    **{f"f{number}": f"\x1bO{letter}" for number, letter in enumerate("PQRS", start=1)},
    "f5": "\x1b[15~",
    "f6": "\x1b[17~",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}
_WHOLE_SECONDS = 30.0
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def compilot(*arguments: str | Path) -> list[str]:
    """The command line of the installed `compilot`, of this very Python."""
    return [sys.executable, "-m", "tui.start", *map(str, arguments)]


class Terminal:
    """A process on a pty of its own. Its output is read only while someone waits for it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        home: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        """`home` stands in for the person's own folder and all that is kept below it."""
        self.bytes = bytearray()
        """Everything the process wrote."""
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._drawn = 0
        self._fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            if home is not None:
                environment[name] = str(home)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            list(command),
            stdin=child,
            stdout=child,
            stderr=child,
            cwd=cwd,
            env={**environment, **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def press(self, *keys: str) -> None:
        """Keys by name (`down`, `ctrl+p`), or text as it is typed."""
        os.write(self._fd, "".join(KEYS.get(key, key) for key in keys).encode())

    def read(self, seconds: float, enough: Callable[[], object] = lambda: False) -> bytes:
        """What arrives within this time, or until `enough()`."""
        end = time.perf_counter() + seconds
        start = len(self.bytes)
        while not enough() and (rest := end - time.perf_counter()) > 0:
            if not self._read_once(rest):
                break
        return bytes(self.bytes[start:])

    def settle(self, quiet: float = 0.3, most: float = 10.0) -> int:
        """Read until nothing comes for a while; gives the bytes that came."""
        end = time.perf_counter() + most
        start = len(self.bytes)
        while time.perf_counter() < end and self._read_once(quiet):
            pass
        return len(self.bytes) - start

    def text(self) -> str:
        """The screen as lines of text."""
        # Drawn only when it is looked at: an emulator costs more than the app that is measured.
        fresh = bytes(self.bytes[self._drawn :])
        self._drawn = len(self.bytes)
        self._stream.feed(fresh)
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, seen: str | Callable[[str], object], seconds: float = _WHOLE_SECONDS) -> str:
        """Wait until the screen shows it; fails with what is on screen when it never does."""
        find = (lambda text: seen in text) if isinstance(seen, str) else seen
        end = time.perf_counter() + seconds
        while not find(self.text()):
            if time.perf_counter() > end or (not self._read_once(0.2) and self.process.poll() is not None):
                told = seen if isinstance(seen, str) else "what was waited for"
                raise AssertionError(f"not seen within {seconds:g} s: {told!r}; on screen:\n{self.text()}")
        return self.text()

    def wait_for(self, text: str, seconds: float = _WHOLE_SECONDS) -> float:
        """Seconds until the process sends this text, from now on; fails when it does not."""
        start, wanted, searched = time.perf_counter(), text.encode(), len(self.bytes)

        def came() -> bool:
            # Colours and cursor moves may come between any two letters.
            return wanted in _ESCAPES.sub(b"", bytes(self.bytes[searched:]))

        self.read(seconds, came)
        if not came():
            raise AssertionError(f"{text!r} was not sent within {seconds:g} s; on screen:\n{self.text()}")
        return time.perf_counter() - start

    def wait_exit(self, seconds: float = 20.0) -> int:
        """The exit code, reading to the end: a process that cannot write does not end."""
        end = time.perf_counter() + seconds
        while self.process.poll() is None and time.perf_counter() < end:
            self._read_once(0.1)
        return self.process.wait(0.1)

    @property
    def cpu_seconds(self) -> float:
        """What the process has computed so far, without its children."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def memory_mib(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss / (1 << 20))

    def hang_up(self) -> None:
        """Close the terminal under the process, as a lost connection does."""
        os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read_once(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            got = os.read(self._fd, 65536)
        except OSError:
            return False
        self.bytes += got
        return bool(got)
