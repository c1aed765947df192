"""A Python file's list of `dspy.Example`: read by a child process, since it runs a person's code."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from ...errors import DataError
from ..problems import Block, Problem
from ..sources import Source
from .jsonfile import is_too_deep

_CHILD = Path(__file__).with_name("python_child.py")
_SECONDS = 300.0
_PARSERS = {"datetime": datetime.fromisoformat, "date": date.fromisoformat, "time": time.fromisoformat}


class _Line(msgspec.Struct, frozen=True, array_like=True):
    values: dict[str, Any]
    kinds: dict[str, str]
    """Columns whose text stands for a date, a time or both."""


def read_python(source: Source, block_rows: int) -> Iterator[Block]:
    """Blocks of the examples that the file's attribute holds, or its only list of examples.

    Raises `DataError` when the file's code fails, takes over five minutes, or holds no examples.
    """
    if source.compression is not None:
        raise DataError("a compressed Python file cannot be run", where=source.name, fix="unpack it")
    with tempfile.TemporaryDirectory(prefix="compilot-") as folder:
        path = Path(folder) / "rows.jsonl"
        _run_child(source, path)
        yield from _read_rows(source, path, block_rows)


def _run_child(source: Source, rows: Path) -> None:
    errors = rows.with_suffix(".error")
    path, named = source.path.absolute(), Path(source.name).expanduser()
    root = path.parent if named.is_absolute() else path.parents[len(named.parts) - 1]
    command = [sys.executable, "-P", str(_CHILD), str(path), source.target, *map(str, (root, rows, errors))]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=root,
        start_new_session=True,
    )
    try:
        code = child.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        raise DataError(
            f"the file's code did not finish within {_SECONDS:.0f} seconds", where=source.name
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if errors.exists():
        raise DataError(errors.read_text("utf-8", "replace").strip(), where=source.name)
    if code or not rows.exists():
        raise DataError(f"the file's code ended the process (exit code {code})", where=source.name)


def _read_rows(source: Source, path: Path, block_rows: int) -> Iterator[Block]:
    names: dict[str, None] = {}
    rows: list[dict[str, object]] = []
    problems: list[Problem] = []
    decode = msgspec.json.Decoder(_Line).decode

    def take() -> Block:
        block = Block(
            tuple(names), [[row.get(name) for name in names] for row in rows], list(problems), source.size
        )
        rows.clear()
        problems.clear()
        return block

    with path.open("rb") as lines:
        for number, text in enumerate(lines):
            try:
                line = decode(text)
                broken = is_too_deep(line.values)
            except (msgspec.MsgspecError, RecursionError):
                broken = True
            if broken:
                what = f"example {number:,} cannot be read: row not loaded"
                problems.append(Problem(kind="bad_value", what=what, file=source.name, lost=1))
                continue
            names.update(dict.fromkeys(line.values))
            dates = {name: _PARSERS[kind](line.values[name]) for name, kind in line.kinds.items()}
            rows.append({**line.values, **dates})
            if len(rows) == block_rows:
                yield take()
    yield take()
