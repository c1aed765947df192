"""One line each for runs, candidates with proposals, and LM calls: pure functions of item and room."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from ...text import best_score, count, percent, points, short_count, usd
from ...widgets.tones import Line, Span
from .log_lines import first_line
from .progress_lines import MARKS, STATUS_TONES
from .spend_lines import brief

if TYPE_CHECKING:
    from core.models.journal import RecordedCall
    from core.runs.listing import RunSummary
    from core.runs.reduce import Candidate, RunState

_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\s*")
"""How dspy's chat adapter marks a field."""


def age(seconds: float) -> str:
    """How long ago, in at most three letters and a unit."""
    for limit, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= limit:
            return f"{seconds // limit:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"


class RunRow(NamedTuple):
    """A run of the list, with its age as shown, so that equal rows look equal."""

    run: RunSummary
    age: str


def run_line(row: RunRow, width: int) -> Line:
    """Wide rooms show status, baseline, calls and spend too."""
    run = row.run
    tone = STATUS_TONES.get(run.status, "")
    mark: Span = (f"{MARKS.get(run.status, '●')} ", tone)
    best = best_score(run.best, run.best_kind)
    cells: list[Span] = []
    if width >= 40:
        cells.append((f"{percent(run.baseline):>8}", "muted"))
    full = run.best if run.best_kind != "minibatch" else None
    better = full is not None and run.baseline is not None and full > run.baseline
    cells.append((f"{best:>13}" if width >= 64 else f"{best:>9}", "good" if better else ""))
    if width >= 64:
        cells.append((f"{count(run.calls):>9}{usd(run.usd):>10}", ""))
    cells.append((f"{row.age:>5}", "muted"))
    head: list[Span] = [mark]
    if width >= 56:
        head.append((f"{'queued' if run.phase == 'queued' else run.status:<10}", tone))
    name = width - sum(len(text) for text, _ in [*head, *cells])
    return [*head, (_fit(run.optimizer or run.run_id, name), "bold"), *cells]


def run_heading(width: int) -> Line:
    head = "  " + (f"{'status':<10}" if width >= 56 else "") + "optimizer"
    cells = (f"{'baseline':>8}" if width >= 40 else "") + (f"{'best':>13}" if width >= 64 else f"{'best':>9}")
    cells += (f"{'calls':>9}{'spent':>10}" if width >= 64 else "") + f"{'age':>5}"
    return [(head + " " * max(1, width - len(head) - len(cells)) + cells, "muted")]


class Step(NamedTuple):
    """A candidate, or a proposal that did not become one."""

    key: str
    t: float
    candidate: Candidate | None
    component: str = ""
    text: str = ""
    accepted: bool | None = None
    reason: str = ""
    baseline: float | None = None
    best: bool = False


def steps_of(state: RunState) -> list[Step]:
    """Newest first: every candidate, and every proposal that was not accepted."""
    best = state.best.candidate
    base = state.baseline.get("val")
    steps = [Step(one.id, one.t, one, baseline=base, best=one.id == best) for one in state.candidates]
    steps += [
        Step(
            f"p{number}",
            proposal.t,
            None,
            proposal.component,
            proposal.text,
            proposal.accepted,
            proposal.reason,
        )
        for number, proposal in enumerate(state.proposals)
        if proposal.accepted is not True
    ]
    steps.sort(key=lambda step: -step.t)
    return steps


def step_line(step: Step, width: int) -> Line:
    clock: list[Span] = []
    if width >= 60:
        clock.append((time.strftime("%H:%M:%S  ", time.localtime(step.t)), "muted"))
    if step.candidate is None:
        answer = "rejected" if step.accepted is False else "proposed"
        said = step.reason if step.accepted is False and step.reason else first_line(step.text)
        return [*clock, (f"{answer:<13}", "muted"), (f"{step.component}: {said}", "muted")]
    one = step.candidate
    full = one.full("val")
    head: list[Span] = [*clock, (f"{'★ ' if step.best else '  '}", "good"), (f"{one.id:<11}  ", "bold")]
    if full is not None:
        gain = points(full - step.baseline) if step.baseline is not None else ""
        score: list[Span] = [(f"{percent(full):>8}", "good" if step.best else ""), (f"{gain:>7}", "muted")]
    else:
        mini = next((s for s in reversed(one.scores) if s.kind == "minibatch" and s.value is not None), None)
        text = f"{percent(mini.value)} mini" if mini is not None else "no score"
        score = [(f"{text:>15}", "muted")]
    others = f" +{len(one.parents) - 1}" if len(one.parents) > 1 else ""
    parents = f"← {one.parents[0]}{others}" if one.parents else ""
    tail = f"  {parents:<14} {one.origin}" if width >= 52 else f"  {parents}"
    return [*head, *score, (tail.rstrip(), "muted")]


def call_line(call: RecordedCall, width: int) -> Line:
    head: list[Span] = [(f"{call.seq:>6}  ", "muted")] if width >= 48 else []
    head.append((f"{call.role:<10} ", ""))
    if width >= 64:
        head.append((time.strftime("%H:%M:%S ", time.localtime(call.at)), "muted"))
    head.append((f"{brief(call.latency):>8} ", ""))
    if width >= 56:
        tokens = f"{_tokens(call.input_tokens)}→{_tokens(call.output_tokens)}"
        head.append((f"{tokens:>11} ", "muted"))
    if width >= 90:
        head.append((f"{usd(call.usd):>9} ", ""))
    if call.attempts > 1:
        head.append((f"{call.attempts} attempts ", "warning"))
    return [*head, (condense(call.answer) if call.response is not None else "", "")]


def condense(answer: str) -> str:
    """An answer on one line; the headers of its fields become their names."""
    named = _FIELD.sub(lambda header: f"{header[1]}: " if header[1] != "completed" else "", answer[:2_000])
    return " ".join(named.split())


def call_heading(width: int) -> Line:
    number = f"{'n':>6}  " if width >= 48 else ""
    clock = f"{'at':<9}" if width >= 64 else ""
    tokens = f"{'tokens':>11} " if width >= 56 else ""
    price = f"{'spent':>9} " if width >= 90 else ""
    return [(f"{number}{'role':<11}{clock}{'time':>8} {tokens}{price}answer", "muted")]


def _tokens(number: int | None) -> str:
    return "?" if number is None else short_count(number)


def _fit(text: str, width: int) -> str:
    return f"{text:<{width}}" if len(text) <= width else text[: max(0, width - 2)] + "… "
