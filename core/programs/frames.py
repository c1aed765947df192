"""Where in the user's own code something went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..errors import CompilotError
from .imports import in_site_packages


class Frame(msgspec.Struct, frozen=True):
    """One line of the user's code."""

    file: str
    """Relative to the workspace where it lies inside."""
    line: int
    function: str = ""
    text: str = ""

    def __str__(self) -> str:
        inside = f" in {self.function}" if self.function and self.function != "<module>" else ""
        return f"{self.file}:{self.line}{inside}"


def find_user_frame(error: BaseException, root: Path) -> Frame | None:
    """The last line of the workspace's own code that an exception came through.

    A syntax error points at the line it is about.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        path = Path(error.filename)
        if is_user_file(path, root):
            return Frame(relative_name(path, root), error.lineno, text=(error.text or "").strip())
    return last_user_frame(traceback.extract_tb(error.__traceback__), root)


def last_user_frame(stack: Sequence[traceback.FrameSummary], root: Path) -> Frame | None:
    """The innermost frame that lies in the workspace's own code."""
    for frame in reversed(stack):
        path = Path(frame.filename)
        if frame.lineno and is_user_file(path, root):
            return Frame(relative_name(path, root), frame.lineno, frame.name, (frame.line or "").strip())
    return None


def is_user_file(path: Path, root: Path) -> bool:
    """Whether a source file is part of the workspace, and not of a package installed inside it."""
    try:
        resolved = path.resolve()
    except (OSError, ValueError):
        return False
    return resolved.is_relative_to(root.resolve()) and not in_site_packages(resolved)


def relative_name(path: Path, root: Path) -> str:
    """The path as a person would write it: relative to the workspace where it lies inside."""
    resolved, base = path.resolve(), root.resolve()
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else str(resolved)


def format_user_traceback(error: BaseException, root: Path) -> str:
    """The traceback from the first line of the user's code on; whole when none of it is theirs."""
    stack = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(stack) if is_user_file(Path(frame.filename), root)), 0)
    lines = ["Traceback (most recent call last):\n"] if stack else []
    lines += traceback.format_list(stack[first:])
    lines += traceback.format_exception_only(error)
    return "".join(lines)


def describe_exception(error: BaseException) -> str:
    """Type and message in one line of at most 300 characters."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    if isinstance(error, CompilotError):
        return f"{error.what} ({error.fix})" if error.fix else error.what
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
