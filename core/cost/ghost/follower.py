"""Tells the ghost which row a program runs on, and keeps every other LM from being asked."""

from __future__ import annotations

from typing import Any

import dspy
from dspy.utils.callback import BaseCallback

from ...errors import StopRun
from .engine import GhostEngine
from .ghost import Ghost


class RefuseModels(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """A callback for dspy's settings, for code that makes LMs while it runs."""

    def __init__(self, ghost: Ghost) -> None:
        self._ghost = ghost

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if isinstance(getattr(instance, "engine", None), GhostEngine):
            return
        # No Exception, which dspy would swallow: the call would then be made, and paid for.
        name = str(getattr(instance, "model", type(instance).__name__))
        self._ghost.stop(
            StopRun(
                "failed",
                f"the code asks {name}, a model that it makes for itself while it runs; a dry run asks none",
            )
        )
        self._ghost.check()


def follow_runs(program: dspy.Module, ghost: Ghost) -> bool:
    """Have every run of the program, and of its copies, told to the ghost; False for classes that forbid it.

    A callback in dspy's settings would do the same, and cost more than all that a ghost does: dspy looks for
    the handlers of every callback at every module. Copies keep their class, so the class carries it.
    """
    kind = type(program)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = ghost.begin_run(kwargs)
        try:
            return kind.__call__(self, *args, **kwargs)
        finally:
            ghost.end_run(before)

    async def acall(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = ghost.begin_run(kwargs)
        try:
            return await kind.acall(self, *args, **kwargs)
        finally:
            ghost.end_run(before)

    # The same name in the same place: proposers look up the program's source by it.
    place = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    metaclass: Any = type(kind)
    try:
        program.__class__ = metaclass(kind.__name__, (kind,), {**place, "__call__": call, "acall": acall})
    except TypeError:  # subclasses need arguments, or have another layout
        return False
    return True
