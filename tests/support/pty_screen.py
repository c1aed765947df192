"""A real terminal for the app: a pty, its bytes, and the screen that these bytes draw."""

from __future__ import annotations

import fcntl
import os
import pty
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

import pyte

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
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.bytes = bytearray()
        """Everything the process wrote."""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            list(command),
            stdin=child,
            stdout=child,
            stderr=child,
            cwd=cwd,
            env=environment,
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

    def read(self, seconds: float) -> bytes:
        """What arrives within this time."""
        end = time.perf_counter() + seconds
        start = len(self.bytes)
        while (rest := end - time.perf_counter()) > 0:
            if not self._read_once(rest):
                break
        return bytes(self.bytes[start:])

    def settle(self, quiet: float = 0.3, most: float = 10.0) -> None:
        """Read until nothing comes for a while."""
        end = time.perf_counter() + most
        while time.perf_counter() < end:
            if not self.read(quiet):
                return

    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, seen: str | Callable[[str], object], seconds: float = _WHOLE_SECONDS) -> str:
        """Wait until the screen shows it; fails with what is on screen when it never does."""
        find = (lambda text: seen in text) if isinstance(seen, str) else seen
        end = time.perf_counter() + seconds
        while not find(self.text()):
            if time.perf_counter() > end or (not self._read_once(0.2) and self.process.poll() is not None):
                told = seen if isinstance(seen, str) else "what was waited for"
                raise AssertionError(f"not seen within {seconds:g} s: {told!r}; on screen:\n{self.text()}")
        return self.text()

    def wait_bytes(self, mark: bytes, seconds: float = _WHOLE_SECONDS) -> float:
        """Seconds from the start until these bytes were written."""
        end = time.perf_counter() + seconds
        while mark not in self.bytes:
            if time.perf_counter() > end:
                raise AssertionError(f"{mark!r} never came; on screen:\n{self.text()}")
            self._read_once(0.2)
        return time.perf_counter() - self.started

    def wait_exit(self, seconds: float = 20.0) -> int:
        """The exit code, reading to the end: a process that cannot write does not end."""
        end = time.perf_counter() + seconds
        while self.process.poll() is None and time.perf_counter() < end:
            self._read_once(0.1)
        return self.process.wait(0.1)

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
        self._stream.feed(got)
        return bool(got)
