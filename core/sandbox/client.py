"""Our side of the warm child: start it early, give it jobs, get values or errors a person can read."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from ..bootstrap import command, environment
from ..errors import CompilotError, RunError
from ..jsonable import encode_json
from .limits import JobKilled, KillReason, Limits, Outcome, StackFrame, affordable_memory_mb

START_SECONDS = 60.0
GRACE_SECONDS = 5.0
"""How long after a job's limit the warm child itself may stay silent."""


class Sandbox:
    """A warm child process that runs jobs one after the other, each in a fork of its own.

    Thread-safe; starts on first use, or earlier with `start`. Use as a context manager, or `close` it.
    `preload` names modules to import before a job asks, ours with a leading dot; none may start threads.
    """

    def __init__(
        self, cwd: Path, *, limits: Limits | None = None, preload: Sequence[str] = ("dspy",)
    ) -> None:
        self.cwd = cwd
        self.limits = limits or Limits(memory_mb=affordable_memory_mb())
        self._preload = tuple(preload)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._rest = bytearray()
        self._errors: IO[bytes] | None = None
        self._ready = False
        self._lock = threading.Lock()
        self._cancelled = False

    def start(self) -> None:
        """Begin to warm up, without waiting for it."""
        with self._lock:
            self._start()

    def call(
        self,
        job: str,
        params: dict[str, Any],
        *,
        limits: Limits | None = None,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Outcome:
        """Run `module:function` of our package with these params, and wait for it.

        The function is called with the params and a function that sends progress. Raises the `CompilotError`
        that the job raised, or `JobKilled` when it did not come back.
        """
        limits = limits or self.limits
        request = {
            "job": job,
            "params": params,
            "limits": {name: getattr(limits, name) for name in limits.__struct_fields__},
            "cwd": str(self.cwd),
        }
        with self._lock:
            self._cancelled = False
            self._start()
            reply = self._exchange(request, limits, on_progress)
        return self._read_reply(reply, limits)

    def cancel(self) -> None:
        """End the job that runs now, if there is one; its `call` raises `JobKilled`."""
        self._cancelled = True
        connection, process = self._socket, self._process
        if not self._ready and process is not None:
            process.kill()  # it is still starting, and hears nothing
        elif connection is not None:
            with contextlib.suppress(OSError):
                connection.sendall(b'{"cancel": true}\n')

    def close(self) -> None:
        """End the child, and whatever it runs."""
        connection, process, written = self._socket, self._process, self._errors
        self._socket = self._process = self._errors = None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        if process is not None:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if written is not None:
            written.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        written = tempfile.TemporaryFile()  # noqa: SIM115  # read when the child has died
        try:
            self._process = subprocess.Popen(
                command("sandbox.zygote", str(theirs.fileno()), *self._preload),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=written,
                pass_fds=(theirs.fileno(),),
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            written.close()
            raise RunError(
                f"The child process cannot be started: {error}.", fix="free some memory"
            ) from error
        finally:
            theirs.close()
        self._socket, self._errors = ours, written
        self._rest = bytearray()
        self._ready = False

    def _exchange(
        self, request: dict[str, Any], limits: Limits, on_progress: Callable[[Any], None] | None
    ) -> dict[str, Any]:
        connection = self._socket
        if connection is None:
            raise RunError("The child process was closed.")
        deadline = time.monotonic() + START_SECONDS
        try:
            if not self._ready:
                self._receive(connection, deadline)
                self._ready = True
            if self._cancelled:
                return {"killed": "cancelled"}
            connection.sendall(encode_json(request) + b"\n")
            deadline = time.monotonic() + limits.seconds + GRACE_SECONDS
            while True:
                message = self._receive(connection, deadline)
                if "progress" not in message:
                    return message
                if on_progress is not None:
                    on_progress(message["progress"])
        except TimeoutError:
            self._destroy()
            return {"killed": "time"}
        except OSError:
            problem = self._destroy()
            return {"killed": "cancelled" if self._cancelled else "died", "detail": problem}

    def _receive(self, connection: socket.socket, deadline: float) -> dict[str, Any]:
        while (end := self._rest.find(b"\n")) < 0:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            data = connection.recv(1 << 16)
            if not data:
                raise ConnectionError("the child process ended")
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        message: dict[str, Any] = orjson.loads(line)
        return message

    def _destroy(self) -> str:
        """End a child that is silent or gone; the last line it wrote."""
        process, written = self._process, self._errors
        self._errors = None  # ours now: it is read after the child is gone
        if process is not None:
            process.kill()
        self.close()
        if written is None:
            return ""
        with written:
            written.seek(0)
            lines = written.read(1 << 20).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _read_reply(self, reply: dict[str, Any], limits: Limits) -> Outcome:
        output = reply.get("output", "")
        if "value" in reply:
            return Outcome(reply["value"], output, reply["dropped"], reply["seconds"])
        if "error" in reply:
            raise CompilotError.from_dict(reply["error"])
        if "crash" in reply:
            crash = reply["crash"]
            raise JobKilled(
                f"The job raised {crash['what']}.",
                output=f"{output}{crash['traceback']}",
                fix="the traceback is in the log",
            )
        stack = tuple(
            StackFrame(frame["file"], frame["line"], frame["function"]) for frame in reply.get("stack", ())
        )
        reason: KillReason = reply["killed"]
        what, fix = _describe_kill(reason, reply, limits)
        raise JobKilled(
            what, fix=fix, where=_own_line(stack, self.cwd), reason=reason, stack=stack, output=output
        )


def _describe_kill(reason: KillReason, reply: dict[str, Any], limits: Limits) -> tuple[str, str]:
    if reason == "time":
        return (
            f"The code did not end within {reply.get('after', limits.seconds):g} seconds.",
            "look for an endless loop or a call that waits, or allow more time",
        )
    if reason == "memory":
        return f"The code used more than {limits.memory_mb:g} MB of memory.", "work on less at a time"
    if reason == "processes":
        return (
            f"The code started more than {limits.processes} processes.",
            "look for processes that start processes",
        )
    if reason == "cancelled":
        return "The work was cancelled.", ""
    status = reply.get("status")
    if status is None:
        detail = reply.get("detail") or "no reason given"
        return f"The child process ended: {detail}.", "do it again; it starts anew"
    if status < 0:
        return (
            f"The code ended its own process with signal {-status}.",
            "look for a crash in a compiled library",
        )
    return f"The code ended its own process with status {status} (os._exit).", "raise an exception instead"


def _own_line(stack: Sequence[StackFrame], root: Path) -> str:
    """The innermost line of the workspace's code that the job was at."""
    for frame in stack:
        path = Path(frame.file)
        if path.is_relative_to(root.resolve()) and "site-packages" not in path.parts:
            return f"{path.relative_to(root.resolve())}:{frame.line} in {frame.function}"
    return ""
