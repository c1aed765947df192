"""Where a run stands, as lines: pure functions of a snapshot and the room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.runs.reduce import FINAL, RunState
from core.wording import plural

from ...display.progress import best_full, elapsed, fraction_done, seconds_left
from ...text import clock, describe_phase, duration, percent, points
from ...widgets.tones import Line, Span, width_of

if TYPE_CHECKING:
    from ...follower import Rates, Snapshot

MARKS = {
    "pending": "◌",
    "running": "●",
    "paused": "‖",
    "stopping": "●",
    "completed": "✓",
    "stopped": "■",
    "failed": "✗",
    "killed": "✗",
    "dead": "✗",
    "damaged": "✗",
}
STATUS_TONES = {
    "running": "good",
    "completed": "good",
    "paused": "warning",
    "stopping": "warning",
    "failed": "error",
    "dead": "error",
    "damaged": "error",
    "killed": "warning",
}
_SHOWN_PHASES = ("load", "baseline", "compile", "final")
_GERUNDS = {
    "student": "the program runs",
    "teacher": "the teacher makes demonstrations",
    "reflection": "the reflection model reads feedback",
    "proposer": "the proposer writes instructions",
    "judge": "the metric asks its judge",
}
BLOCKS = " ▁▂▃▄▅▆▇█"


def progress_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Status, position, bar, what goes on, scores."""
    state = snapshot.state
    return [
        status_line(snapshot, width),
        position_line(state, width),
        bar_line(snapshot, width),
        doing_line(state, snapshot.rates)
        if snapshot.settled
        else [("reading what happened so far", "muted")],
        *score_lines(state),
    ]


def status_line(snapshot: Snapshot, width: int) -> Line:
    state = snapshot.state
    status = state.status
    why = ""
    if state.stop_reason and state.stop_reason != status:
        why = " at its budget" if state.stop_reason == "budget" else f" ({state.stop_reason})"
    word = "queued" if status == "pending" and state.phase == "queued" else status
    left: list[Span] = [
        (f"{MARKS.get(status, '●')} {word}{why}", STATUS_TONES.get(status, "")),
        (f"  {snapshot.optimizer}", "bold"),
    ]
    if state.attempt > 1:
        left.append((f"  attempt {state.attempt}", "muted"))
    ended = status in FINAL or status == "paused"
    time_used = (duration if ended else clock)(elapsed(state, snapshot.now, ended))
    room = width - width_of(left) - len(time_used)
    return [*left, (" " * max(2, room), ""), (time_used, "")]


def position_line(state: RunState, width: int) -> Line:
    """The phases, with the one it is in, and the trial; of the numbers after it, as many as fit."""
    if state.status in FINAL and state.phase not in ("load", "baseline", "compile"):
        phases: list[Span] = []
    else:
        phases = []
        ahead = False
        for phase in _SHOWN_PHASES:
            here = phase == state.phase
            phases.append((f"{phase}  ", "accent" if here else "muted" if ahead or not state.phase else ""))
            ahead = ahead or here
    details = []
    if state.trial is not None and state.phase in ("compile", "final", ""):
        of = f" of {state.trials_total}" if state.trials_total else ""
        details.append(f"trial {state.trial}{of}")
    details.append(plural(state.rollouts, "program run"))
    if state.trial_note and state.phase == "compile" and state.status not in FINAL:
        details.append(state.trial_note)
    while len(details) > 1 and width_of(phases) + len(" · ".join(details)) > width:
        details.pop(1)
    return [*phases, (" · ".join(details), "")]


def bar_line(snapshot: Snapshot, width: int) -> Line:
    """How far the compile phase is and how long still; nothing where the optimizer does not tell."""
    state = snapshot.state
    done = fraction_done(state)
    if state.status == "completed":
        done = 1.0
    if done is None:
        return [("how far: known with the first trial", "muted")]
    left = seconds_left(state, snapshot.now) if state.status not in FINAL else None
    text = f" {100 * done:3.0f} %" + (f"  about {duration(left)} left" if left is not None else "")
    room = max(8, min(width - max(len(text), 28), 72))
    return [*bar(done, room), (text, "")]


def bar(fraction: float, width: int, tone: str = "accent") -> list[Span]:
    full = round(max(0.0, min(1.0, fraction)) * width)
    return [("━" * full, tone), ("─" * (width - full), "muted")]


def doing_line(state: RunState, rates: Rates) -> Line:
    """What is going on right now, even where the optimizer says nothing for a while."""
    status = state.status
    if status in FINAL:
        # What failed is told below, with what mends it.
        return [("" if status in ("failed", "dead") else state.detail, "muted")]
    if status == "paused":
        return [("calls in flight have finished; r goes on", "warning")]
    if status == "stopping":
        return [("calls in flight finish, then the best so far is kept", "warning")]
    if status == "pending":
        waits = state.phase == "queued"
        return [
            ("queued: it begins when the run before it is over" if waits else "its process starts", "muted")
        ]
    running = state.evaluation
    if running is not None:
        kind = "minibatch" if running.kind == "minibatch" else "full evaluation"
        done = min(running.done, running.total)
        name = f" of {running.candidate}" if running.candidate else ""
        share = done / running.total if running.total else 0.0
        return [(f"{kind}{name}  ", ""), *bar(share, 12, ""), (f" {done}/{running.total} rows", "")]
    if state.phase != "compile":
        return [(describe_phase(state.phase), "")]
    by_role = dict(rates.by_role)
    busy = max(by_role, key=lambda role: (role != "student", by_role[role])) if by_role else ""
    stage = "before the first trial" if state.trial is None else "between trials"
    what = _GERUNDS.get(busy, f"{busy} is asked") if busy else "no calls at the moment"
    speed = f", {by_role[busy]:.0f} calls/s" if busy else ""
    return [(f"{stage}: {what}{speed}", "")]


def score_lines(state: RunState) -> list[Line]:
    """Baseline and best on val and test; a minibatch score is named one and compares with nothing."""
    lines = [_split_line(state, "val")]
    if state.baseline.get("test") is not None or state.best.test is not None:
        lines.append(_split_line(state, "test"))
    best = state.best
    if best.val is None and best.score is not None and best.kind == "minibatch":
        lines.append(
            [
                ("on minibatches ", "muted"),
                (f"{percent(best.score)} ", ""),
                (f"of {best.split} rows, {best.candidate}: not yet scored in full", "muted"),
            ]
        )
    return lines


def history_lines(state: RunState, width: int) -> list[Line]:
    """The full val scores in their order, where there is no room for a chart."""
    values = [p.score.value for p in state.points if p.score.kind == "full" and p.score.split == "val"]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    low, high = min(known), max(known)
    # The lowest score is still a block, so that it differs from nothing.
    levels = [1 + 7 * (value - low) / ((high - low) or 1.0) for value in known]
    chart = "".join(BLOCKS[round(level)] for level in levels[-(width - 26) :])
    return [[("full val scores  ", "muted"), (chart, "good")]]


def _split_line(state: RunState, split: str) -> Line:
    base = state.baseline.get(split)
    best, name = state.best.test, state.best.candidate or ""
    if split == "val":
        full = best_full(state)
        value = state.best.val
        best, name = (value, name) if value is not None else full or (None, "")
    line: list[Span] = [
        (f"{split:<5}", "muted"),
        ("baseline ", "muted"),
        (f"{percent(base):>7}", ""),
        ("   best ", "muted"),
        (f"{percent(best):>7}", "good" if base is not None and best is not None and best > base else "bold"),
    ]
    if base is not None and best is not None and best != base:
        line.append((f"  {points(best - base)} points", ""))
    first = state.candidates[0].id if state.candidates else ""
    if split == "val" and name == first and best == base:
        line.append(("  the program as it is", "muted"))
    elif split == "val" and name:
        line.append((f"  {name}", "muted"))
    return line


def sparkline(values: tuple[float, ...] | list[float], width: int) -> str:
    """The last values as blocks; zero is a blank."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return " " * len(shown)
    return "".join(BLOCKS[0 if value <= 0 else max(1, round(value / top * 8))] for value in shown)
