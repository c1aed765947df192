"""Runs a program on some rows at once, keeping what it answered or why it did not."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import StopRun
from .frames import describe_exception, find_user_frame, last_user_frame

if TYPE_CHECKING:
    import dspy


class Answer(msgspec.Struct, frozen=True):
    """What became of one row."""

    answer: Any
    """The `dspy.Prediction`; None when the program raised or did not end."""
    trace: list[Any] = []
    """Each predictor run as dspy traces it: (predictor, inputs, outputs)."""
    steps: dict[str, list[Any]] = {}
    """The trace by predictor name."""
    error: str | None = None
    where: str | None = None


def answer_rows(
    program: dspy.Module,
    examples: Sequence[dspy.Example],
    root: Path,
    *,
    num_threads: int = 8,
    seconds: float = 120.0,
    on_row: Callable[[int], None] = lambda done: None,
) -> list[Answer]:
    """One answer for each example, in their order, with the LM of the current context.

    Rows that have not ended after `seconds` in all are left running and told as such: call it only in a
    process that ends soon. Only `StopRun` is raised; `on_row` hears how many are done.
    """
    import dspy

    names = {id(predictor): name for name, predictor in program.named_predictors()}
    at_work: dict[int, int] = {}

    def answer(row: int, example: dspy.Example) -> Answer:
        at_work[row] = threading.get_ident()
        try:
            with dspy.context(trace=[]):
                prediction = program(**example.inputs())
                trace = list(dspy.settings.trace)
        except StopRun:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  # told in the answer
            frame = find_user_frame(error, root)
            return Answer(None, error=describe_exception(error), where=str(frame) if frame else None)
        steps: dict[str, list[Any]] = {}
        for step in trace:
            steps.setdefault(names.get(id(step[0]), ""), []).append(step)
        return Answer(prediction, trace, steps)

    pool = ThreadPoolExecutor(max_workers=max(1, min(num_threads, len(examples))))
    futures = [pool.submit(copy_context().run, answer, row, example) for row, example in enumerate(examples)]
    _wait_for(futures, seconds, on_row)
    pool.shutdown(wait=False, cancel_futures=True)
    return [
        future.result() if _has_ended(future) else _unfinished(at_work.get(row), seconds, root)
        for row, future in enumerate(futures)
    ]


def _has_ended(future: Future[Answer]) -> bool:
    return future.done() and not future.cancelled()


def _wait_for(futures: Sequence[Future[Answer]], seconds: float, on_row: Callable[[int], None]) -> None:
    deadline = time.monotonic() + seconds
    open_futures = set(futures)
    while open_futures and (left := deadline - time.monotonic()) > 0:
        done, open_futures = wait(open_futures, timeout=left, return_when=FIRST_COMPLETED)
        if done:
            on_row(len(futures) - len(open_futures))


def _unfinished(thread: int | None, seconds: float, root: Path) -> Answer:
    stack = sys._current_frames().get(thread or 0)
    frame = last_user_frame(traceback.extract_stack(stack), root) if stack is not None else None
    return Answer(None, error=f"did not end within {seconds:g} seconds", where=str(frame) if frame else None)
