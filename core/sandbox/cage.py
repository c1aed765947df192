"""Inside the forked child: gives up what a job must not touch, runs it, sends its result."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import orjson

from ..errors import CompilotError
from ..jsonable import encode_json

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_PACKAGE = __name__.rpartition(".sandbox.")[0]

_job_pid = 0
_give_up: Callable[[float], None] | None = None
"""Ends this process as one that hangs; set inside a job."""

Progress = Callable[[Any], None]


def run_job(request: dict[str, Any], result_fd: int, output_fd: int, stack_fd: int) -> NoReturn:
    """Become the job and never return: the process ends with it."""
    global _job_pid  # one job a process: it is what the process is for
    _job_pid = os.getpid()
    os.setsid()
    set_process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
    _redirect(output_fd)
    faulthandler.enable(stack_fd, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=stack_fd, all_threads=True, chain=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _limit(request["limits"])
    end_process = _tell_before_exit(stack_fd)
    _prepare_to_give_up(result_fd, stack_fd, end_process)
    status = 0
    try:
        os.chdir(request["cwd"])
        value = _find(request["job"])(request["params"], _make_progress(result_fd))
        _send(result_fd, {"value": value})
    except CompilotError as error:
        _send(result_fd, {"error": error.to_dict()})
    except BaseException as error:  # noqa: BLE001  # told to the parent, whatever it is
        import traceback

        text = "".join(traceback.format_exception(error))
        _send(result_fd, {"crash": {"what": f"{type(error).__name__}: {error}"[:500], "traceback": text}})
        status = 1
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # No interpreter shutdown: threads that the user's code left behind would hold it up.
        end_process(status)


def _tell_before_exit(stack_fd: int) -> Callable[[int], NoReturn]:
    """Let `os._exit` in user code say first where it was called from; gives the real one."""
    real = os._exit

    def exit_with_stack(status: int) -> NoReturn:
        faulthandler.dump_traceback(stack_fd)
        real(status)

    os._exit = exit_with_stack
    return real


def end_as_hung(seconds: float) -> None:
    """End the job here and now, as one whose code did not end in time; does nothing outside of a job."""
    if _give_up is not None:
        _give_up(seconds)


def _prepare_to_give_up(result_fd: int, stack_fd: int, end_process: Callable[[int], NoReturn]) -> None:
    global _give_up

    def give_up(seconds: float) -> None:
        faulthandler.dump_traceback(stack_fd)
        _send(result_fd, {"hung": seconds})
        end_process(1)

    _give_up = give_up


def set_process_control(option: int, value: int) -> None:
    """Linux's prctl; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _redirect(output_fd: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]


def _limit(limits: dict[str, Any]) -> None:
    """Backstops of the kernel and of Python, for what the watching parent might see too late."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    allowed = int(limits["processes"])
    own = os.getpid()
    started = 0

    def refuse_fork_bombs(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal started
        if event not in ("os.fork", "os.forkpty"):
            return
        started += 1
        if os.getpid() != own or started > allowed * 4:
            raise BlockingIOError(11, "this job may not start more processes")

    sys.addaudithook(refuse_fork_bombs)


def _find(job: str) -> Callable[[dict[str, Any], Progress], Any]:
    module, _, name = job.partition(":")
    found: Callable[[dict[str, Any], Progress], Any] = getattr(
        importlib.import_module(f"{_PACKAGE}.{module}"), name
    )
    return found


def _make_progress(result_fd: int) -> Progress:
    return lambda value: _send(result_fd, {"progress": value})


def _send(fd: int, message: dict[str, Any]) -> None:
    if os.getpid() != _job_pid:
        # A fork that the user's code made came back into ours: it is not the job.
        os.kill(os.getpid(), signal.SIGKILL)
    data = encode_json(message) + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def parse_message(line: bytes) -> dict[str, Any]:
    """A line that a job sent; anything else (the user's code wrote to our pipe) is an empty message."""
    try:
        message = orjson.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
