"""What happened in a run, as lines of its log: one event after the other, with what is known by then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.runs import events as ev
from core.wording import plural

from ...text import count, describe_phase, duration, percent, points, usd
from ...widgets.log_buffer import LogLine


class Narrator:
    """Tells events as lines. Keeps only what a line needs from events before it."""

    def __init__(self) -> None:
        self._optimizer = ""
        self._trial: int | None = None
        self._phase = ""
        self._best: float | None = None
        self._baseline: float | None = None

    def tell(self, events: Iterable[ev.Event | ev.UnknownEvent]) -> Iterator[LogLine]:
        for event in events:
            told = self._tell(event)
            if told is not None:
                yield LogLine(event.t, *told)

    def _tell(self, event: ev.Event | ev.UnknownEvent) -> tuple[str, str] | None:
        match event:
            case ev.EvaluationEnded():
                return self._score(event)
            case ev.LogLine():
                return event.level, event.message
            case ev.Warned():
                where = f" ({event.where})" if event.where else ""
                return "warning", f"{event.what}{where}" + (f": {event.fix}" if event.fix else "")
            case ev.Proposal():
                return _proposal(event)
            case ev.CandidateNoted():
                parents = f" from {', '.join(event.parents)}" if event.parents else ""
                return "debug", f"candidate {event.id}{parents}: {event.origin}"
            case ev.EvaluationStarted():
                kind = "minibatch" if event.kind == "minibatch" else "full evaluation"
                return (
                    "debug",
                    f"{kind} of {event.candidate or 'a program'} on {plural(event.size, 'row')} begins",
                )
            case ev.TrialStarted():
                self._trial = event.trial
                of = f" of {event.total}" if event.total else ""
                return "debug", f"trial {event.trial}{of}" + (f": {event.note}" if event.note else "")
            case ev.PhaseChanged():
                self._phase = event.phase
                self._trial = None
                return "info", describe_phase(event.phase, self._optimizer)
            case _:
                return self._tell_turn(event)

    def _tell_turn(self, event: ev.Event | ev.UnknownEvent) -> tuple[str, str] | None:
        """Beginnings, ends, and what a person asked for."""
        match event:
            case ev.RunStarted():
                self._optimizer, self._trial, self._best = event.optimizer, None, None
                if event.attempt > 1:
                    again = "recorded answers are replayed, nothing is paid twice"
                    return "info", f"attempt {event.attempt} begins: {again}"
                return "info", f"run {event.run_id} begins"
            case ev.BudgetReached():
                level = "warning" if event.fraction >= 0.95 else "info"
                share = f"{100 * event.fraction:.0f} %"
                return level, f"{share} of the {event.cap} cap is used ({event.spent:g} of {event.limit:g})"
            case ev.LimitsChanged():
                return "info", describe_limits(event.caps, event.threads)
            case ev.Paused():
                return "info", "paused: calls in flight finish, no new one starts"
            case ev.Resumed():
                return "info", "going on"
            case ev.RunEnded():
                level = "error" if event.status == "failed" else "good"
                why = f": {event.detail}" if event.detail else ""
                return level, f"{event.status} after {duration(event.seconds)}{why}"
            case _:
                return None

    def _score(self, event: ev.EvaluationEnded) -> tuple[str, str]:
        where = f"trial {self._trial}" if self._trial is not None else self._phase
        kind = " (minibatch)" if event.kind == "minibatch" else ""
        errors = f", {event.errors} errored" if event.errors else ""
        name = f", {event.candidate}" if event.candidate else ""
        text = f"{where}: {percent(event.score)} on {plural(event.size, f'{event.split} row')}{kind}{errors}"
        level = "debug" if event.kind == "minibatch" else "info"
        if event.kind == "full" and event.split == "val" and event.score is not None:
            if self._best is None:
                self._baseline = event.score
            elif event.score > self._best:
                gain = points(event.score - (self._baseline or 0.0))
                level, text = "good", f"{text}, best so far ({gain})"
            self._best = max(event.score, self._best if self._best is not None else event.score)
        return level, text + name


def describe_limits(caps: dict[str, float], threads: int) -> str:
    shown = [usd(value) if cap == "usd" else f"{count(value)} {cap}" for cap, value in caps.items()]
    budget = f"capped at {', '.join(shown)}" if shown else "no cap"
    return f"limits changed: {budget}, at most {plural(threads, 'call')} in flight"


def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _proposal(event: ev.Proposal) -> tuple[str, str]:
    answer = {True: "accepted", False: "rejected", None: "proposed"}[event.accepted]
    why = f" ({event.reason})" if event.reason else ""
    # An accepted one is told by its score.
    level = "info" if event.accepted is False else "debug"
    return level, f"{event.component}: {answer}{why}: {first_line(event.text)}"
