"""Follow a run from a command: show it, let Ctrl+C stop it, and tell how it ended."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from core.errors import RunError
from core.runs import control
from core.runs.folder import RunFolder
from core.runs.follow import follow
from core.runs.process import is_alive
from core.runs.reduce import FINAL, RunState
from core.wording import plural

from .codes import FAILED, INTERRUPTED
from .display import Display, ProgressKind, open_display
from .display.progress import totals
from .output import print_error, print_json, print_lines
from .text import count, duration, percent, points, table, usd


class Interrupts:
    """Ctrl+C while a run is started and followed: once stops it keeping the best, twice kills it.

    Opened before the run exists, so that no moment is left in which Ctrl+C would leave it running unseen.
    """

    def __init__(self) -> None:
        self.count = 0
        self.quiet = False
        """The view shows by itself what Ctrl+C does."""
        self._folder: Path | None = None
        self._before: Any = None

    def attach(self, folder: Path) -> None:
        """The run to stop; one interrupt that came before is acted on now."""
        self._folder = folder
        if self.count:
            self._act()

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt
        if self._folder is not None:
            self._act()

    def _act(self) -> None:
        assert self._folder is not None
        if self.count == 1:
            self._say("stopping, the best so far is kept; Ctrl+C again kills the run")
        else:
            self._say("killing the run; what was paid for stays in its journal")
        # It may have ended by itself just now.
        with contextlib.suppress(RunError):
            if self.count == 1:
                control.stop(self._folder)
            else:
                control.kill(self._folder)

    def _say(self, text: str) -> None:
        if not self.quiet:
            # A signal handler may come in the middle of a print: straight to the descriptor.
            os.write(2, f"\n{text}\n".encode())


def follow_run(folder: Path, display: Display) -> RunState:
    """Show a run until it ends or its process is gone; gives its last state."""
    state = RunState(run_id=folder.name)
    with display:
        for state in follow(folder):
            display.show(state)
    wait_for_exit(folder)
    return state


def wait_for_exit(folder: Path, seconds: float = 5.0) -> None:
    """Give the process of a run that has ended the moment it needs to be gone, so that the run can be
    resumed or removed right after."""
    deadline = time.monotonic() + seconds
    while is_alive(RunFolder(folder).read_owner()) and time.monotonic() < deadline:
        time.sleep(0.02)


def follow_and_report(
    folder: Path,
    workspace: Path,
    progress: ProgressKind | None,
    as_json: bool,
    interrupts: Interrupts | None = None,
) -> int:
    """Follow a run, then print how it ended; gives the exit code.

    With `interrupts` Ctrl+C stops the run, without it leaves the run alone.
    """
    as_json = as_json or progress == "json"
    display = open_display(progress, title=workspace.name, as_json=as_json, leaves_run=interrupts is None)
    if interrupts is not None:
        interrupts.quiet = display.tells_of_stop
    state = follow_run(folder, display)
    if as_json:
        print_json(describe_result(folder, state))
    else:
        print_lines(summary_lines(state, workspace))
    error = ending_error(folder, state)
    if error is not None:
        print_error(error, as_json=False)
    if interrupts is not None and interrupts.count:
        return INTERRUPTED
    return FAILED if error is not None else 0


def describe_result(folder: Path, state: RunState) -> dict[str, Any]:
    """How a run ended, for scripts: what its process recorded, or else what its log tells."""
    recorded = RunFolder(folder).read_json("result.json") if state.status in FINAL else None
    if isinstance(recorded, Mapping) and recorded.get("status") == state.status:
        return dict(recorded)
    result: dict[str, Any] = {
        "run_id": state.run_id,
        "status": state.status,
        "stop_reason": state.stop_reason,
        "optimizer": state.optimizer,
        "baseline": state.baseline,
        "best": {"val": state.best.val, "test": state.best.test, "candidate": state.best.candidate},
        "ledger": state.ledger,
        "rollouts": state.rollouts,
        "seconds": state.seconds,
        "artifact": state.artifact,
    }
    if state.detail:
        result["error"] = {"error": "RunError", "what": state.detail, "where": state.where, "fix": state.fix}
    return result


def ending_error(folder: Path, state: RunState) -> RunError | None:
    """What a person must know of a run that did not end well; None when it did."""
    if state.status not in ("failed", "dead", "killed"):
        return None
    resume = f"`compilot runs resume {state.run_id}` goes on where it was; nothing is paid twice"
    default = {"killed": "the run was killed", "dead": "the run's process is gone"}.get(
        state.status, "the run failed"
    )
    return RunError(state.detail or default, where=state.where or str(folder), fix=state.fix or resume)


def summary_lines(state: RunState, workspace: Path) -> Iterator[str]:
    """How a run stands or ended, for a person."""
    reason = ""
    if state.stop_reason and state.stop_reason != state.status:
        reason = " at its budget" if state.stop_reason == "budget" else f" ({state.stop_reason})"
    optimizer = f" · {state.optimizer}" if state.optimizer else ""
    yield f"{state.status}{reason} after {duration(state.seconds)}{optimizer} · run {state.run_id}"
    if state.status == "stopped" and state.detail:
        yield state.detail
    base, best = state.baseline, state.best
    gains = [
        points(after - before)
        for before, after in ((base.get("val"), best.val), (base.get("test"), best.test))
        if before is not None and after is not None
    ]
    gain = f"{' and '.join(gains)} points" if gains else ""
    if state.points or base.get("val") is not None:
        yield ""
        yield from table(
            [
                ("", "val", "test", "", ""),
                ("baseline", percent(base.get("val")), percent(base.get("test")), "", ""),
                ("best", percent(best.val), percent(best.test), best.candidate or "", gain),
            ],
            "<>><<",
        )
    calls = ledger_lines(state)
    yield from ["", *calls, ""] if calls else []
    if state.errors:
        yield f"{plural(state.errors, 'example')} errored: no part of the scores"
    for warning in state.warnings:
        yield f"warning: {warning.what}" + (f" ({warning.fix})" if warning.fix else "")
    if best.candidate is None or best.val is None:
        return
    if state.artifact:
        yield f"program: {state.artifact}"
    if state.status in ("completed", "stopped"):
        option = "" if workspace == Path.cwd() else f" --workspace {shlex.quote(str(workspace))}"
        yield f"next: compilot export {state.run_id}{option} -o DIR"


def ledger_lines(state: RunState) -> list[str]:
    """Calls, tokens and dollars by role."""
    roles = {role: row for role, row in state.ledger.items() if row["asked"]}
    if not roles:
        return []
    rows: list[tuple[str, ...]] = [
        ("calls", "asked", "paid", "joined", "replayed", "errors", "tokens in", "out", "spent")
    ]
    for role, row in roles.items():
        numbers = ("asked", "paid", "joined", "replayed", "errors", "input_tokens", "output_tokens")
        rows.append((role, *(count(row[name]) for name in numbers), usd(row["usd"])))
    if len(roles) > 1:
        spent = totals(roles)
        rows.append(
            (
                "total",
                count(spent.asked),
                count(spent.paid),
                "",
                "",
                count(spent.errors),
                "",
                "",
                usd(spent.usd),
            )
        )
    return table(rows, "<>>>>>>>>")
