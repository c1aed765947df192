"""The live view of a run as a rich renderable: a pure function of its state, the clock and the room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from core.runs.reduce import FINAL

from ..text import clean, clock, count, duration, percent, points, short_count, usd
from .activity import Entry, recent
from .progress import best_full, elapsed, fraction_done, seconds_left, totals

if TYPE_CHECKING:
    from core.runs.reduce import RunState

_PHASES = ("load", "baseline", "compile", "final")
_STATUS_STYLES = {"running": "green", "completed": "green", "paused": "yellow", "stopping": "yellow"}
_LEVEL_STYLES = {"best": "green", "info": "", "minor": "dim", "warning": "yellow", "error": "red"}
_LEDGER_COLUMNS = (
    (90, ("asked", "paid", "joined", "replayed", "errors", "tokens in", "out", "spent")),
    (70, ("asked", "paid", "replayed", "errors", "tokens in", "out", "spent")),
    (0, ("asked", "paid", "errors", "spent")),
)
"""The least width, and what is shown from there on."""
_BARS = "▁▂▃▄▅▆▇█"
Part = list[RenderableType]
"""Lines that belong together; shown or left out as one."""

_WIDEST = 110
_LEAST_LOG = 3
_MOST_LOG = 12


def render_run(
    state: RunState, *, title: str, now: float, width: int, height: int, leaves_run: bool
) -> RenderableType:
    """Everything about a run that fits into `width` × `height` cells, what matters most first."""
    width = min(width - 1, _WIDEST)
    parts: list[Part] = []
    header: Part = [_header(state, title, now, width)]
    # The footer, and a last line that stays free so that the terminal never scrolls.
    room = height - 2
    for part in (
        header,
        _position(state, now, width),
        _scores(state, width),
        _ledger(state, now, width),
    ):
        needed = _lines(part) + 1
        if part and needed <= room:
            parts.append(part)
            room -= needed
    if room > _LEAST_LOG:
        entries = recent(state, min(room - 1, _MOST_LOG))
        parts.append([_line(entry, width) for entry in entries])
    lines: list[RenderableType] = []
    for part in parts:
        if part:
            lines += [*part, Text()]
    return Group(*lines, _footer(state, leaves_run, width))


def _lines(part: Part) -> int:
    return sum(len(item.rows) + bool(item.show_header) if isinstance(item, Table) else 1 for item in part)


def _header(state: RunState, title: str, now: float, width: int) -> Text:
    style = f"bold {_STATUS_STYLES.get(state.status, 'red')}"
    right = Text.assemble((state.status, style), f"  {_time_used(state, now)}")
    left = Text.assemble(
        (clean(state.optimizer) or "run", "bold"), f"  {clean(title)}  ", (state.run_id, "dim")
    )
    left.truncate(max(1, width - right.cell_len - 2), overflow="ellipsis")
    return Text.assemble(left, " " * max(2, width - left.cell_len - right.cell_len), right)


def _position(state: RunState, now: float, width: int) -> Part:
    """The phase, the trial, and how far and how long still."""
    phases = Text("  ").join(
        Text(phase, "bold" if phase == state.phase else "dim" if _is_ahead(phase, state.phase) else "")
        for phase in _PHASES
    )
    details = []
    if state.trial is not None and state.phase == "compile":
        of = f" of {state.trials_total}" if state.trials_total else ""
        details.append(f"trial {state.trial}{of}")
    elif state.phase == "compile":
        details.append(f"{count(state.rollouts)} program runs so far")
    running = state.evaluation
    if running is not None:
        kind = "minibatch" if running.kind == "minibatch" else "full evaluation"
        details.append(f"{kind} {min(running.done, running.total)}/{running.total}")
    if state.trial_note and state.phase == "compile":
        details.append(clean(state.trial_note))
    first = Text.assemble(phases, "    ", "  ·  ".join(details))
    first.truncate(width, overflow="ellipsis")

    done = fraction_done(state)
    if done is None:
        return [first]
    left = seconds_left(state, now)
    text = f"{100 * done:3.0f} %" + (f"   about {duration(left)} left" if left is not None else "")
    bar = Table.grid(padding=(0, 2, 0, 0))
    bar.add_row(ProgressBar(total=1.0, completed=done, width=max(10, min(60, width - 34))), Text(text))
    return [first, bar]


def _is_ahead(phase: str, current: str) -> bool:
    return current not in _PHASES or _PHASES.index(phase) > _PHASES.index(current)


def _scores(state: RunState, width: int) -> Part:
    """Baseline and best, and the full val scores in their order."""
    best, base = state.best, state.baseline.get("val")
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(min_width=8)
    grid.add_column(justify="right", min_width=7)
    grid.add_column(justify="right", min_width=7)
    grid.add_column(no_wrap=True)
    grid.add_row("", Text("val", "dim"), Text("test", "dim"), "")
    grid.add_row("baseline", percent(base), percent(state.baseline.get("test")), "")
    full = (best.val, best.candidate or "") if best.val is not None else best_full(state)
    value, note = full or (None, "")
    gain = (
        f"{points(value - base)} points  " if value is not None and base is not None and value != base else ""
    )
    if best.val is None and best.score is not None:
        note = f"{best.candidate} has {percent(best.score)} on a {best.split} {best.kind}"
    grid.add_row(
        Text("best", "bold"),
        Text(percent(value), "bold green"),
        percent(best.test),
        Text.assemble(gain, (clean(note), "dim")),
    )
    lines: Part = [grid]
    scores = [p.score.value for p in state.points if p.score.kind == "full" and p.score.split == "val"]
    chart = sparkline([score for score in scores if score is not None][-min(60, width - 16) :])
    if len(chart) > 1:
        lines.append(Text.assemble(("val scores  ", ""), (chart, "green")))
    return lines


def sparkline(values: list[float]) -> str:
    """Values as blocks, the lowest of them the lowest block."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in values)


def _ledger(state: RunState, now: float, width: int) -> Part:
    """Calls by role, and the caps."""
    if not state.ledger:
        return []
    columns = next(names for least, names in _LEDGER_COLUMNS if width >= least)
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column("calls")
    for name in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    for role, row in state.ledger.items():
        if not row["asked"]:
            continue
        cells: dict[str, str | Text] = {
            "asked": count(row["asked"]),
            "paid": count(row["paid"]),
            "joined": count(row["joined"]),
            "replayed": count(row["replayed"]),
            "errors": Text(count(row["errors"]), "red" if row["errors"] else ""),
            "tokens in": short_count(row["input_tokens"]),
            "out": short_count(row["output_tokens"]),
            "spent": usd(row["usd"]),
        }
        grid.add_row(clean(role), *(cells[name] for name in columns))
    caps = _caps(state, now)
    return [grid, *([caps] if caps is not None else [])]


def _caps(state: RunState, now: float) -> Text | None:
    spent = totals(state.ledger)
    used: dict[str, tuple[float | None, str]] = {
        "usd": (spent.usd, f"{usd(spent.usd)} of {{}}"),
        "calls": (spent.paid, f"{count(spent.paid)} of {{}} calls"),
        "tokens": (spent.tokens, f"{short_count(spent.tokens)} of {{}} tokens"),
    }
    parts = []
    for cap, limit in state.caps.items():
        if cap == "minutes":
            parts.append(f"{_time_used(state, now)} of {duration(60 * limit)}")
        elif cap in used:
            limit_text = (
                usd(limit) if cap == "usd" else short_count(limit) if cap == "tokens" else count(limit)
            )
            parts.append(used[cap][1].format(limit_text))
    if not parts:
        return None
    return Text.assemble(("cap    ", "dim"), " · ".join(parts))


def _time_used(state: RunState, now: float) -> str:
    ended = state.status in FINAL
    return (duration if ended else clock)(elapsed(state, now, ended))


def _line(entry: Entry, width: int) -> Text:
    text = Text.assemble((entry.clock, "dim"), "  ", (entry.text, _LEVEL_STYLES[entry.level]))
    text.truncate(width, overflow="ellipsis")
    return text


def _footer(state: RunState, leaves_run: bool, width: int) -> Text:
    if state.status in FINAL:
        hint = ""
    elif state.status == "stopping":
        hint = "stopping: calls in flight finish, the best is kept · ctrl+c again kills"
    elif leaves_run:
        hint = "ctrl+c leaves (the run goes on) · `compilot runs stop` stops it"
    elif state.status == "paused":
        hint = f"paused · `compilot runs resume {state.run_id}` goes on · ctrl+c stops"
    else:
        hint = "ctrl+c stops and keeps the best · closing the terminal leaves the run alive"
    text = Text(hint, "dim")
    text.truncate(width, overflow="ellipsis")
    return text
