"""What a command writes: data to stdout, errors to stderr, nothing that could steer the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from core.errors import CompilotError

from .text import clean


def print_json(value: Any) -> None:
    """One JSON value on one line of stdout."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)
    sys.stdout.flush()
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Lines of plain text on stdout, made safe for a terminal."""
    for line in lines:
        click.echo(clean(line))


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
