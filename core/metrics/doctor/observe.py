"""Calls a metric and sees everything it does on the way: prints, LM calls, network, disk, changes."""

from __future__ import annotations

import contextlib
import io
import random
import sys
import sysconfig
from pathlib import Path
from typing import Any

import dspy
import msgspec
from dspy.utils.callback import BaseCallback

from ...errors import StopRun
from ...jsonable import encode_json
from ...programs.frames import Frame, find_user_frame
from ...programs.load import global_settings
from ...sandbox.cage import end_as_hung
from ...sandbox.deadline import TimeLimitReached, time_limit
from ..adapt import AdaptedMetric
from ..verdict import Verdict

MAX_PRINTS = 20_000
_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_CHANGES_DISK = frozenset(
    {
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.mkdir",
        "os.truncate",
        "os.link",
        "os.symlink",
        "shutil.rmtree",
    }
)
_STARTS_PROCESS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec"})
_CODE = (".py", ".pyc", ".so", ".pyi")
_LIBRARIES = (
    *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
    *("/proc/", "/dev/", "/sys/", "/etc/"),
)


class Touch(msgspec.Struct, frozen=True):
    """Something outside the process that the metric reached for."""

    kind: str
    """`network`, `write`, `read` or `process`."""
    detail: str


class Observed(msgspec.Struct, frozen=True):
    """One call of the metric, and what it did."""

    verdict: Verdict
    prints: str = ""
    lm_calls: int = 0
    unmetered: tuple[str, ...] = ()
    """Models asked past the judge."""
    touches: tuple[Touch, ...] = ()
    changed_example: bool = False
    changed_prediction: bool = False
    changed_settings: tuple[str, ...] = ()
    used_random: bool = False
    """It drew from, or seeded, Python's global random generator."""
    hung_at: Frame | None = None
    hung: bool = False


class Observer:
    """Watches one process's calls of one metric. Make only one in a process: audit hooks stay."""

    def __init__(self, metric: AdaptedMetric, *, row_seconds: float) -> None:
        self.metric = metric
        self.row_seconds = row_seconds
        self._touches: list[Touch] = []
        self._watching = False
        self._callback = _CountCalls(metric)
        metric.protect = False
        sys.addaudithook(self._audit)

    def call(
        self,
        example: Any,
        pred: Any,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> Observed:
        """Call the metric once, under the row's time limit."""
        before = encode_json(example), encode_json(pred), global_settings(), random.getstate()
        self._touches = []
        self._callback.reset()
        prints = _Capped()
        hung: TimeLimitReached | None = None
        verdict = Verdict(None, error=f"did not end within {self.row_seconds:g} seconds")
        with (
            dspy.context(callbacks=[*dspy.settings.callbacks, self._callback]),
            contextlib.redirect_stdout(prints),
            contextlib.redirect_stderr(prints),
        ):
            self._watching = True
            try:
                with time_limit(self.row_seconds, unless=lambda: self._callback.inside > 0, deaf=end_as_hung):
                    verdict = self.metric(example, pred, trace, pred_name, pred_trace)
            except TimeLimitReached as limit:
                hung = limit
            except StopRun:
                raise
            finally:
                self._watching = False
        after = global_settings()
        return Observed(
            verdict=verdict,
            prints=prints.getvalue(),
            lm_calls=self._callback.calls,
            unmetered=tuple(self._callback.unmetered),
            touches=tuple(dict.fromkeys(self._touches)),
            changed_example=encode_json(example) != before[0],
            changed_prediction=encode_json(pred) != before[1],
            changed_settings=tuple(sorted(k for k in after if after[k] is not before[2].get(k))),
            used_random=random.getstate() != before[3],
            hung_at=find_user_frame(hung, self.metric.root) if hung else None,
            hung=hung is not None,
        )

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching or self._callback.inside:
            return
        touch = read_touch(event, arguments)
        if touch is not None:
            self._touches.append(touch)


def read_touch(event: str, arguments: tuple[Any, ...]) -> Touch | None:
    """What an audit event says about the world outside; None for what a metric may well do."""
    if event in _NETWORK:
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        if isinstance(address, (tuple, list)) and address:
            address = address[0]
        return Touch("network", str(address))
    if event in _STARTS_PROCESS:
        return Touch("process", str(arguments[0]) if arguments else event)
    if event in _CHANGES_DISK:
        return Touch("write", str(arguments[0]))
    if event == "open":
        path, mode, flags = str(arguments[0]), arguments[1], arguments[2]
        if path.endswith(_CODE) or path.startswith(_LIBRARIES) or path.isdigit():
            return None
        writes = any(c in str(mode or "") for c in "wax+") or bool(isinstance(flags, int) and flags & 3)
        return Touch("write" if writes else "read", Path(path).name)
    return None


class _CountCalls(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """Counts the LM calls made inside the metric."""

    def __init__(self, metric: AdaptedMetric) -> None:
        self._metric = metric
        self.reset()

    def reset(self) -> None:
        self.calls = 0
        self.inside = 0
        self.unmetered: dict[str, None] = {}

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self.calls += 1
        self.inside += 1
        judge = self._metric.judge_lm
        engine = getattr(instance, "engine", None)
        if judge is not None and instance is not judge and engine is not getattr(judge, "engine", judge):
            self.unmetered[str(getattr(instance, "model", type(instance).__name__))] = None

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self.inside -= 1


class _Capped(io.StringIO):
    """Keeps the first prints, and says how many more there were."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0

    def write(self, text: str) -> int:
        room = max(0, MAX_PRINTS - self.tell())
        self.dropped += max(0, len(text) - room)
        super().write(text[:room])
        return len(text)

    def getvalue(self) -> str:
        text = super().getvalue()
        return f"{text}\n… {self.dropped} more characters" if self.dropped else text
