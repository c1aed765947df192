"""The process of a run: loads the user's program, data and metric, meters every LM, and executes."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import logging
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from ..errors import CompilotError, RunError, StopReason
from . import events as ev
from .control import GRACE_SECONDS, read_control
from .events import EventLog
from .failures import complete, explain
from .folder import Provenance, RunFolder, StoredRecipe
from .limits import Limits, apply_limits, caps_of, read_limits
from .process import HAS_PROCESS, describe_self
from .turns import is_turn

POLL_SECONDS = 0.1
LEDGER_SECONDS = 0.5
TURN_SECONDS = 0.5
OUTPUT_LIMIT = 8 << 20
log = logging.getLogger("compilot.worker")


def main(arguments: list[str]) -> int:
    """Run or resume the run in the folder given; 0 unless it failed."""
    folder = RunFolder(Path(arguments[0]))
    force = "--anyway" in arguments[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    lock = FileLock(folder.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return HAS_PROCESS
    with lock:
        before = folder.read_owner()
        attempt = before.attempt + 1 if before else 1
        folder.write_owner(describe_self(attempt))
        return Session(folder, attempt, force).run()


class Session:
    """One attempt at a run, from its first event to its last."""

    def __init__(self, folder: RunFolder, attempt: int, force: bool) -> None:
        self.folder = folder
        self.attempt = attempt
        self.force = force
        self.log = EventLog(folder.events)
        self.started = time.monotonic()
        self.meter: Any = None
        self.recorder: Any = None
        self._ending = threading.Lock()
        self._ended = False
        """Whether result.json and the last event are written."""
        self._paused = False
        self._closed_at: float | None = None
        self._told_at = 0.0
        self._stop = ""
        """Why the run is to stop; empty while it is not."""
        self._last_ledger: dict[str, Any] = {}
        self._limits: Limits | None = None
        self._begun = False
        """Whether the log tells of this attempt."""

    def run(self) -> int:
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            stored = self.folder.read_recipe()
            job = self._prepare(stored)
        except CompilotError as error:
            return self._fail(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - told in three parts; the log has the rest
            return self._fail(explain(error, self.folder))
        from .execute import execute

        try:
            outcome = execute(job)
        except CompilotError as error:
            return self._fail(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            return self._fail(explain(error, self.folder))
        self._end(outcome)
        return 1 if outcome.status == "failed" else 0

    def _prepare(self, stored: StoredRecipe) -> Any:
        """Load everything; raises a person's error for whatever cannot be."""
        self._limits = read_limits(self.folder)
        recipe, root = apply_limits(stored.recipe, self._limits), Path(stored.workspace)
        if recipe.optimizer is None:
            raise RunError("the recipe names no optimizer", fix="choose one: `compilot run --optimizer GEPA`")
        self._wait_for_turn()
        self._begun = True
        self.log.emit(
            ev.RunStarted(
                run_id=self.folder.run_id,
                attempt=self.attempt,
                optimizer=recipe.optimizer.name,
                recipe_hash=stored.recipe.hash,
                pid=os.getpid(),
                versions=read_versions(),
                caps=caps_of(recipe.budget),
                threads=recipe.run.num_threads,
            )
        )
        self.log.emit(ev.PhaseChanged(phase="load"))
        from .prepare import prepare_job
        from .recorder import Recorder

        self.recorder = Recorder(self.folder, self.log)
        job = prepare_job(
            recipe,
            self.folder,
            root,
            self.recorder,
            attempt=self.attempt,
            on_warning=lambda warn: self.log.emit(ev.BudgetReached(**dataclasses.asdict(warn))),
        )
        self.meter = job.meter
        self._check_provenance(root, job)
        return job

    def _wait_for_turn(self) -> None:
        """A queued run says so and waits; a stop meanwhile ends it, and a resume does not wait again."""
        if self.attempt > 1 or is_turn(self.folder):
            return
        self.log.emit(ev.PhaseChanged(phase="queued"))
        while not is_turn(self.folder):
            time.sleep(TURN_SECONDS)
        self.started = time.monotonic()

    def _check_provenance(self, root: Path, job: Any) -> None:
        """A resumed run must be made of what it began with, unless the person said to go on anyway."""
        from ..programs.imports import project_files

        now = Provenance(
            code={str(path.relative_to(root.resolve())): hash_file(path) for path in project_files(root)},
            data=job.data_hash,
            versions=read_versions(),
        )
        before = self.folder.read_provenance()
        if before is None:
            self.folder.write_provenance(now)
            return
        changed = before.changes_to(now)
        if not changed:
            return
        if not self.force:
            raise RunError(
                f"since this run began, {changed} changed: recorded answers may no longer fit",
                where=str(root),
                fix=f"start a new run, or go on anyway: `compilot runs resume {self.folder.run_id} --anyway`",
            )
        self.recorder.warn(f"resumed although {changed} changed since the run began")
        self.folder.write_provenance(now)

    def _pulse(self) -> None:
        """Every 100 ms: watch the folder and for a stuck stop, obey control.json, tell the ledger, cap the
        output file.

        A disk or a table of files that fails for a moment ends none of that: the next tick tries again.
        """
        steps = (
            self._watch_folder,
            self._obey_control,
            self._obey_limits,
            self._watch_stop,
            self._tell_progress,
        )
        told: set[str] = set()
        while True:
            time.sleep(POLL_SECONDS)
            for step in steps:
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - whatever fails, a run has to stay under control
                    if (text := f"{step.__name__}: {error!r}") not in told:
                        told.add(text)
                        log.warning("the run's control failed and tries again: %s", text)

    def _watch_folder(self) -> None:
        """Leave once the folder is deleted: nobody could see, pause or stop this process any more."""
        try:
            os.stat(self.folder.path)
        except (FileNotFoundError, NotADirectoryError):
            os._exit(1)

    def _obey_control(self) -> None:
        if self._ended:
            return
        control = read_control(self.folder)
        if control is None or control.attempt not in (None, self.attempt):
            return
        if control.command == "stop":
            self._stop = self._stop or "stopped by request"
        elif self.meter is None:
            return
        elif control.command == "pause" and not self._paused:
            self._paused = True
            self.meter.gate.pause()
            self.log.emit(ev.Paused())
        elif control.command == "run" and self._paused:
            self._paused = False
            self.meter.gate.resume()
            self.log.emit(ev.Resumed())

    def _watch_stop(self) -> None:
        """Close the gate after a stop, and leave without user code that does not come back."""
        if self.meter is None:
            if self._stop:
                self._leave_behind("stopped", self._stop)
            return
        if self._stop:
            self.meter.gate.close("stopped", self._stop)
        if not (stop := self.meter.gate.closed):
            return
        now = time.monotonic()
        self._closed_at = self._closed_at or now
        if now - self._closed_at > GRACE_SECONDS:
            self._leave_behind(stop.reason, f"{stop.detail}; user code did not come back and was left behind")

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if self.meter is None or self._ended or now - self._told_at < LEDGER_SECONDS:
            return
        self._told_at = now
        self._tell_ledger()
        cap_output(self.folder.output)

    def _obey_limits(self) -> None:
        """Caps and threads that were set since, for the calls to come."""
        if self.meter is None or self._ended:
            return
        limits = read_limits(self.folder)
        if limits is None or limits == self._limits:
            return
        self._limits = limits
        threads = self.meter.set_threads(limits.num_threads)
        self.meter.set_caps(limits.budget)
        self.log.emit(ev.LimitsChanged(caps=caps_of(limits.budget), threads=threads))

    def _tell_ledger(self) -> None:
        roles = self.meter.snapshot()
        if roles != self._last_ledger:
            self._last_ledger = roles
            self.log.emit(ev.LmCalls(roles=roles))

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop = self._stop or f"stopped by {signal.Signals(number).name}"

    def _leave_behind(self, reason: StopReason, detail: str) -> NoReturn:
        """User code still loads or hangs after a stop: write the end without it and leave."""
        from .execute import Outcome

        status: Any = "failed" if reason == "failed" else "stopped"
        outcome = Outcome(status, reason, detail)
        if self.recorder is None:
            self._end(outcome)
            os._exit(0)
        outcome.candidate = self.recorder.best_candidate
        if outcome.candidate:
            outcome.best["val"] = self.recorder.full_val_scores().get(outcome.candidate)
        if self.recorder.baseline:
            outcome.baseline["val"] = self.recorder.full_val_scores().get(self.recorder.baseline)
        self._end(outcome)
        os._exit(1 if status == "failed" else 0)

    def _end(self, outcome: Any, error: CompilotError | None = None) -> None:
        """The last event and result.json; the first caller writes them, another one waits until it has."""
        with self._ending:
            if self._ended:
                return
            self._settle(outcome)
            self._write_end(outcome, error)
            self._ended = True
            self.log.close()
            if self.meter is not None:
                self.meter.close()

    def _settle(self, outcome: Any) -> None:
        """Wait for the calls in flight: their answers are paid for, so the end has to count them."""
        if self.meter is None:
            return
        now = time.monotonic()
        self._closed_at = self._closed_at or now
        left = self.meter.settle(max(0.0, self._closed_at + GRACE_SECONDS - now))
        outcome.tell_left(left)

    def _write_end(self, outcome: Any, error: CompilotError | None) -> None:
        if not self._begun:
            self._begun = True
            # A reader takes an end without a beginning for that of an earlier attempt.
            name = self._optimizer_name()
            self.log.emit(
                ev.RunStarted(run_id=self.folder.run_id, attempt=self.attempt, optimizer=name, recipe_hash="")
            )
        if error is None and outcome.status == "failed":
            error = RunError(outcome.detail, where=outcome.where, fix=outcome.fix)
        if self.meter is not None:
            self._tell_ledger()
        artifact = str(self.folder.program) if self.folder.program.exists() else None
        seconds = time.monotonic() - self.started
        ledger = self._last_ledger
        self.folder.write_json(
            "result.json",
            {
                "run_id": self.folder.run_id,
                "status": outcome.status,
                "stop_reason": outcome.stop_reason,
                "detail": outcome.detail,
                "optimizer": self._optimizer_name(),
                "baseline": outcome.baseline,
                "best": {**outcome.best, "candidate": outcome.candidate},
                "ledger": ledger,
                "rollouts": self.recorder.rollouts if self.recorder else 0,
                "seconds": round(seconds, 3),
                "attempts": self.attempt,
                "artifact": artifact,
                **({"error": error.to_dict()} if error else {}),
            },
        )
        self.log.emit(
            ev.RunEnded(
                status=outcome.status,
                stop_reason=outcome.stop_reason,
                detail=outcome.detail,
                where=error.where if error else "",
                fix=error.fix if error else "",
                seconds=seconds,
                scores={"baseline": outcome.baseline, "best": outcome.best},
                best=outcome.candidate,
                artifact=artifact,
                rollouts=self.recorder.rollouts if self.recorder else 0,
            )
        )

    def _fail(self, error: CompilotError) -> int:
        from .execute import Outcome

        traceback.print_exc()
        told = complete(error, self.folder)
        self._end(Outcome("failed", "failed", told.what), told)
        return 1

    def _optimizer_name(self) -> str:
        optimizer = self.folder.read_recipe().recipe.optimizer
        return optimizer.name if optimizer else ""


def read_versions() -> dict[str, str]:
    """Versions of what decides a run's outcome."""
    names = ("compilot", "dspy", "gepa", "optuna")
    return {"python": sys.version.split()[0], **{name: importlib.metadata.version(name) for name in names}}


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cap_output(path: Path, limit: int = OUTPUT_LIMIT) -> None:
    """Keep the last half of an output file that grew past its limit; it is open for appending meanwhile."""
    try:
        if path.stat().st_size <= limit:
            return
        with path.open("r+b") as file:
            file.seek(-limit // 2, os.SEEK_END)
            kept = file.read()
            file.seek(0)
            file.write(b"[earlier output dropped]\n" + kept)
            file.truncate()
    except FileNotFoundError:
        return
