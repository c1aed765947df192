"""What a person is told of a run that failed: what broke, on which line, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..errors import CompilotError, RunError, StopRun
from .folder import RunFolder

Broken = Literal["metric", "program", "model"]


class TooManyErrors(StopRun):
    """More rows of one evaluation errored than the recipe allows."""

    def __init__(self, detail: str, broken: Broken, where: str) -> None:
        super().__init__("failed", detail)
        self.broken = broken
        """What raised on the last of those rows."""
        self.where = where

    def fix(self, run_id: str) -> str:
        """How the run can go on."""
        if self.broken == "model":
            return f"`compilot check` tells whether the models answer; then `compilot runs resume {run_id}`"
        check = "compilot metric test" if self.broken == "metric" else "compilot program try"
        return f"mend the {self.broken} and check it with `{check}`; {_go_on(run_id)}"


def who_broke(error: BaseException) -> Broken:
    """Whose an exception is that came out of a program: dspy raises those of models and their answers."""
    return "model" if type(error).__module__.partition(".")[0] == "dspy" else "program"


def explain(error: Exception | SystemExit, folder: RunFolder) -> CompilotError:
    """An exception that nobody expected, as an error for a person."""
    from ..programs.frames import find_user_frame

    frame = find_user_frame(error, Path(folder.read_recipe().workspace))
    if isinstance(error, SystemExit):
        return RunError(
            f"the workspace's code ended the process (sys.exit: {error})",
            where=str(frame or folder.output),
            fix=f"raise an exception there instead: it costs that row, not the run; {_go_on(folder.run_id)}",
        )
    what = f"{type(error).__name__}: {error}"
    if frame is not None and who_broke(error) == "program":
        return RunError(what, where=str(frame), fix=f"mend that line; {_go_on(folder.run_id)}")
    return RunError(
        what,
        where=str(folder.output),
        fix="the traceback is at the end of that file; `compilot runs resume "
        f"{folder.run_id}` goes on once the cause is mended",
    )


def complete(error: CompilotError, folder: RunFolder) -> CompilotError:
    """The same error, with a fix where it has none."""
    if error.fix:
        return error
    return type(error)(error.what, where=error.where, fix=f"mend that; {_go_on(folder.run_id)}")


def _go_on(run_id: str) -> str:
    return f"then start a new run, or go on with `compilot runs resume {run_id} --anyway`"
