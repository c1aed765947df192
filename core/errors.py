"""Every error a person sees: what happened, where, how to fix it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

StopReason = Literal["completed", "stopped", "budget", "failed", "killed"]


class CompilotError(Exception):
    """An error meant for a person.

    `what` says what is wrong, `where` names the file, line, row or field, `fix` says what to do about it.
    The traceback, where there is one, belongs in the log and never on the screen.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.fix)

    def lines(self) -> list[str]:
        """The message as one to three lines, each part on its own."""
        parts = [self.what]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.fix:
            parts.append(f"fix: {self.fix}")
        return parts

    def to_dict(self) -> dict[str, str]:
        return {"error": type(self).__name__, "what": self.what, "where": self.where, "fix": self.fix}

    @staticmethod
    def from_dict(told: Mapping[str, str]) -> CompilotError:
        """The error that another process gave as `to_dict`, of its kind where that is one of these."""
        kind = globals().get(told.get("error", ""))
        known = kind if isinstance(kind, type) and issubclass(kind, CompilotError) else CompilotError
        return known(told.get("what", ""), where=told.get("where", ""), fix=told.get("fix", ""))


def _rebuild(kind: type[CompilotError], what: str, where: str, fix: str) -> CompilotError:
    return kind(what, where=where, fix=fix)


class ConfigError(CompilotError):
    """compilot.toml, a recipe or a parameter is wrong."""


class WorkspaceError(CompilotError):
    """The folder cannot serve as a workspace."""


class StoreError(CompilotError):
    """What the program remembers cannot be read or written."""


class DataError(CompilotError):
    """A dataset cannot be read, mapped or split."""


class ProgramError(CompilotError):
    """The user's program cannot be found, loaded or run."""


class MetricError(CompilotError):
    """The metric cannot be found, called or trusted."""


class ModelError(CompilotError):
    """A model is unknown, has no key, or does not answer."""


class OptimizerError(CompilotError):
    """An optimizer cannot be built or run with these parameters."""


class RunError(CompilotError):
    """A run cannot be started, found, controlled or finished."""


class StopRun(BaseException):
    """Raised out of an LM call to end a run now.

    A `BaseException` because optimizers swallow ordinary exceptions and then report success.
    """

    def __init__(self, reason: StopReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: StopReason = reason
        self.detail = detail
