"""What a command writes: data to stdout, errors to stderr, nothing that could steer the terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from core.errors import CompilotError

from .codes import FAILED
from .text import clean


class OutputError(CompilotError):
    """What a command has to tell cannot be written to stdout; a pipe that was closed is no such error."""


def prepare_streams() -> None:
    """Letters that an encoding lacks are replaced, and no file of ours gets the number of a closed stream."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process lives
    closed = sys.stdout is None
    if closed:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if closed:
        say("error: cannot write the output: stdout is closed")
        sys.exit(FAILED)


def drop_stdout() -> None:
    """Let what is still waiting for stdout go nowhere, so that the end of the process does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@contextmanager
def writing() -> Iterator[None]:
    """Around each write to stdout. Raises `OutputError` for a full disk, and lets a broken pipe through."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from error


def print_json(value: Any) -> None:
    """One JSON value on one line of stdout."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(text + b"\n")
        sys.stdout.buffer.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Lines of plain text on stdout, made safe for a terminal."""
    for line in lines:
        print_text(f"{clean(line)}\n")


def print_text(text: str) -> None:
    """Text on stdout as it is."""
    with writing():
        click.echo(text, nl=False)


def print_error(error: CompilotError, as_json: bool) -> None:
    """What, where and fix on stderr, a line each; with `as_json` an object on stdout too."""
    for number, line in enumerate(error.lines()):
        text = clean(line)
        click.echo(click.style(f"error: {text}", fg="red") if number == 0 else f"  {text}", err=True)
    if as_json:
        print_json(error.to_dict())


def say(text: str) -> None:
    """A remark for the person, on stderr so that stdout stays data."""
    click.echo(clean(text), err=True)
