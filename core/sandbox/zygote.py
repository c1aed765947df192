"""The warm child: has dspy imported, forks once for each job, and watches what it forked.

A fork starts in milliseconds with nothing of the last job in it, so that edited code is read anew, and
whatever the job does to its process ends with it.
"""

from __future__ import annotations

import importlib
import os
import re
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import orjson
import psutil

from .cage import PR_SET_CHILD_SUBREAPER, parse_message, run_job, set_process_control
from .limits import KillReason

_PACKAGE = __name__.rpartition(".sandbox.")[0]
TICK = 0.05
"""Seconds between looks at the clock and at the job's memory."""
LOOKS_PER_SURVEY = 4
"""Finding its processes means reading about every process of the machine: done less often."""
_FRAME = re.compile(r'File "(.*)", line (\d+) in (.*)')
_MAX_RESULT = 256 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Serve jobs on the inherited socket until the other side closes it."""
    fd, *preload = arguments
    control = socket.socket(fileno=int(fd))
    set_process_control(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    for name in preload:
        importlib.import_module(f"{_PACKAGE}{name}" if name.startswith(".") else name)
    _send(control, {"ready": True})
    lines = _Lines()
    while True:
        data = control.recv(1 << 16)
        if not data:
            return 0
        for line in lines.feed(data):
            request = orjson.loads(line)
            if "job" in request and not _Job(request, control, lines).run():
                return 0


class _Lines:
    """Whole lines out of pieces."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            yield line

    def __len__(self) -> int:
        return len(self._rest)


class _Job:
    """One fork, from its start to the last of its processes."""

    def __init__(self, request: dict[str, Any], control: socket.socket, commands: _Lines) -> None:
        self.limits = request["limits"]
        self.request = request
        self.control = control
        self.commands = commands
        self.connected = True
        self.output = bytearray()
        self.dropped = 0
        self.result: dict[str, Any] | None = None
        self.killed: KillReason | None = None
        self.after = self.limits["seconds"]
        self.looks = 0
        self.used_by_children = 0
        self.started = time.monotonic()

    def run(self) -> bool:
        """Run it and send what came of it; False when the other side is gone."""
        result_read, result_write = os.pipe()
        output_read, output_write = os.pipe()
        with tempfile.TemporaryFile() as stack:
            # What a fork inherits must not be flushed twice.
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                self.control.close()
                os.close(result_read)
                os.close(output_read)
                run_job(self.request, result_write, output_write, stack.fileno())
            os.close(result_write)
            os.close(output_write)
            try:
                status = self._watch(pid, result_read, output_read, stack)
            finally:
                os.close(result_read)
                os.close(output_read)
            stack.seek(0)
            frames = _read_stack(stack.read(1 << 20).decode("utf-8", "replace"))
        _reap_all()
        if self.connected:
            self._report(status, frames)
        return self.connected

    def _watch(self, pid: int, result: int, output: int, stack: IO[bytes]) -> int:
        """Until the job is over and its pipes are read; its exit status."""
        lines = _Lines()
        process = psutil.Process(pid)
        with selectors.DefaultSelector() as selector:
            for fd in (result, output):
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ)
            selector.register(self.control, selectors.EVENT_READ)
            next_look = time.monotonic() + TICK
            while True:
                for key, _ in selector.select(TICK):
                    if key.fileobj is self.control:
                        self._read_command(selector)
                    elif not self._read_pipe(key.fd, key.fd == result, lines):
                        selector.unregister(key.fd)
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    # What lies in the pipes; others may still hold them open, and are not waited for.
                    self._read_pipe(result, True, lines, rest=True)
                    self._read_pipe(output, False, lines, rest=True)
                    return status
                if self.result is not None:
                    continue
                if time.monotonic() >= next_look or self.killed:
                    self.killed = self.killed or self._find_excess(process)
                    next_look = time.monotonic() + TICK
                    if self.killed:
                        self._kill(pid, process, stack)

    def _read_command(self, selector: selectors.BaseSelector) -> None:
        data = self.control.recv(1 << 16)
        if not data:
            self.connected = False
            selector.unregister(self.control)
            self.killed = "cancelled"
        for line in self.commands.feed(data):
            if "cancel" in orjson.loads(line):
                self.killed = "cancelled"

    def _read_pipe(self, fd: int, is_result: bool, lines: _Lines, *, rest: bool = False) -> bool:
        """Read what is there; False at the end."""
        while True:
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            if not is_result:
                room = max(0, int(self.limits["output_bytes"]) - len(self.output))
                self.output += data[:room]
                self.dropped += len(data) - min(room, len(data))
                if not rest:
                    # One piece a turn: a flood must not keep us from looking at the clock.
                    return True
                continue
            for line in lines.feed(data):
                self._take(parse_message(line))
            if len(lines) > _MAX_RESULT:
                self.killed = self.killed or "memory"

    def _take(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            if self.connected:
                _send(self.control, {"progress": message["progress"]})
        elif "hung" in message:
            self.killed, self.after = "time", message["hung"]
        elif self.result is None and message.keys() & {"value", "error", "crash"}:
            self.result = message

    def _find_excess(self, process: psutil.Process) -> KillReason | None:
        if time.monotonic() - self.started > self.limits["seconds"]:
            return "time"
        self.looks += 1
        with suppress(psutil.Error):
            used = process.memory_info().rss
            if self.looks % LOOKS_PER_SURVEY == 0:
                children = process.children(recursive=True)
                if len(children) > self.limits["processes"]:
                    return "processes"
                self.used_by_children = sum(_memory_of(child) for child in children)
            if used + self.used_by_children > self.limits["memory_mb"] * 2**20:
                return "memory"
        return None

    def _kill(self, pid: int, process: psutil.Process, stack: IO[bytes]) -> None:
        """Ask where it is, then end it and everything it started."""
        with suppress(OSError):
            os.kill(pid, signal.SIGUSR1)
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline and not os.fstat(stack.fileno()).st_size:
            time.sleep(0.005)
        time.sleep(0.005)
        descendants: list[psutil.Process] = []
        with suppress(psutil.Error):
            descendants = process.children(recursive=True)
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        for child in [process, *descendants]:
            with suppress(psutil.Error):
                child.kill()

    def _report(self, status: int, frames: list[dict[str, Any]]) -> None:
        code = os.waitstatus_to_exitcode(status)
        reply: dict[str, Any] = {
            "seconds": time.monotonic() - self.started,
            "output": self.output.decode("utf-8", "replace"),
            "dropped": self.dropped,
        }
        if self.result is not None:
            reply |= self.result
        else:
            reply |= {"killed": self.killed or "died", "status": code, "stack": frames, "after": self.after}
        _send(self.control, reply)


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        control.sendall(orjson.dumps(message) + b"\n")


def _read_stack(text: str) -> list[dict[str, Any]]:
    """faulthandler's words as frames, the main thread (which it prints last) first."""
    threads = re.split(r"^(?=Thread |Current thread )", text, flags=re.MULTILINE)
    return [
        {"file": file, "line": int(line), "function": function}
        for thread in reversed(threads)
        for file, line, function in _FRAME.findall(thread)
    ]


def _reap_all() -> None:
    """End whatever the job left behind: on Linux orphans become our children."""
    with suppress(ChildProcessError):
        while True:
            done, _ = os.waitpid(-1, os.WNOHANG)
            if done:
                continue
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
            os.waitpid(-1, 0)


def _memory_of(process: psutil.Process) -> int:
    """Resident bytes; 0 when it is gone."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
