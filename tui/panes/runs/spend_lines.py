"""What a run spends, by role and against its caps, as lines: pure functions of a snapshot and the room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.runs.reduce import FINAL
from core.wording import plural

from ...display.progress import elapsed, totals
from ...text import clock, count, duration, short_count, usd
from ...widgets.tones import Line, Span
from .progress_lines import bar, sparkline

if TYPE_CHECKING:
    from ...follower import Snapshot

_WIDE = 56


def spend_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Calls and dollars by role, caps, errors, speed."""
    state = snapshot.state
    if not state.ledger:
        return [[("no calls yet", "muted")], *cap_lines(snapshot, width)]
    return [
        *role_lines(state.ledger, width),
        answered_line(state.ledger),
        *trouble_lines(snapshot),
        *cap_lines(snapshot, width),
        *speed_lines(snapshot, width),
    ]


def role_lines(ledger: dict[str, dict[str, Any]], width: int) -> list[Line]:
    """One line a role, and their sum where there are several."""
    wide = width >= _WIDE
    head = f"{'calls':<11}{'asked':>7}{'paid':>7}" + (f"{'in':>8}{'out':>8}" if wide else "")
    lines: list[Line] = [[(f"{head}{'spent':>9}", "muted")]]
    roles = {role: row for role, row in ledger.items() if row["asked"] or row.get("in_flight")}
    lines.extend(_role(role, row, wide) for role, row in roles.items())
    if len(roles) > 1:
        spent = totals(ledger)
        tokens = [sum(row[name] for row in roles.values()) for name in ("input_tokens", "output_tokens")]
        total = {"asked": spent.asked, "paid": spent.paid, "usd": spent.usd}
        lines.append(
            _role("total", {**total, "input_tokens": tokens[0], "output_tokens": tokens[1]}, wide, "bold")
        )
    return lines


def _role(role: str, row: dict[str, Any], wide: bool, tone: str = "") -> Line:
    tokens = f"{short_count(row['input_tokens']):>8}{short_count(row['output_tokens']):>8}" if wide else ""
    text = f"{role:<11}{_short(row['asked']):>7}{_short(row['paid']):>7}{tokens}{usd(row['usd']):>9}"
    return [(text, tone)]


def _short(number: int) -> str:
    return count(number) if number < 100_000 else short_count(number)


def answered_line(ledger: dict[str, dict[str, Any]]) -> Line:
    """Calls that cost nothing: answered from the journal, or by an equal call in flight."""
    replayed, joined = (sum(row[name] for row in ledger.values()) for name in ("replayed", "joined"))
    return [("free ", "muted"), (f"{count(replayed)} replayed · {count(joined)} joined", "")]


def trouble_lines(snapshot: Snapshot) -> list[Line]:
    """Errors and retries; red only where something failed for good."""
    ledger, rows = snapshot.state.ledger, snapshot.state.errors
    errors, retries = (sum(row.get(name, 0) for row in ledger.values()) for name in ("errors", "retries"))
    if not errors and not retries and not rows:
        return [[("trouble none", "muted")]]
    line: list[Span] = [
        ("trouble ", "muted"),
        (plural(errors, "failed call"), "error" if errors else ""),
        (f" · {plural(retries, 'retry', 'retries')}", ""),
    ]
    told = f"{plural(rows, 'row')} errored, not counted as zero"
    return [line, [(told, "error")]] if rows else [line]


def cap_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Each cap with what is used of it."""
    state = snapshot.state
    spent = totals(state.ledger)
    ended = state.status in FINAL or state.status == "paused"
    seconds = state.earlier_seconds + elapsed(state, snapshot.now, ended)
    used: dict[str, tuple[float | None, str]] = {
        "usd": (spent.usd, usd(spent.usd)),
        "calls": (spent.paid, count(spent.paid)),
        "tokens": (spent.tokens, short_count(spent.tokens)),
        "minutes": (seconds / 60, (duration if ended else clock)(seconds)),
    }
    lines: list[Line] = []
    for cap, limit in state.caps.items():
        if cap not in used:
            continue
        value, text = used[cap]
        share = value / limit if value is not None and limit else 0.0
        tone = "error" if share >= 0.95 else "warning" if share >= 0.8 else "accent"
        if state.status in FINAL and tone == "error" and state.stop_reason != "budget":
            tone = "accent"
        of = {"usd": usd(limit), "minutes": duration(60 * limit), "tokens": short_count(limit)}.get(
            cap, count(limit)
        )
        told = f" {text} of {of}"
        lines.append([("cap ", "muted"), *bar(share, max(6, width - 5 - len(told)), tone), (told, "")])
    return lines or [[("no cap is set", "muted")]]


def speed_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Calls a second, threads in use, seconds a call; only while it lives."""
    state = snapshot.state
    if state.status in FINAL:
        return []
    in_flight = sum(row.get("in_flight", 0) for row in state.ledger.values())
    line: list[Span] = [
        (f"{snapshot.rates.calls:,.0f}", "bold"),
        (" calls/s · ", "muted"),
        (f"{in_flight} of {snapshot.threads}", ""),
        (" threads", "muted"),
    ]
    mean = mean_latency(state.ledger)
    if mean is not None and width >= 40:
        line.append((f" · {brief(mean)} a call", "muted"))
    return [line, [(sparkline(snapshot.rates.history, width), "muted")]]


def brief(seconds: float) -> str:
    """A latency: milliseconds where seconds would be 0.0."""
    return f"{1_000 * seconds:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def mean_latency(ledger: dict[str, dict[str, Any]]) -> float | None:
    """Seconds of an answered call, over all roles."""
    known = [
        (row["paid"], row["latency_seconds"])
        for row in ledger.values()
        if row.get("latency_seconds") is not None and row["paid"]
    ]
    paid = sum(number for number, _ in known)
    return sum(number * seconds for number, seconds in known) / paid if paid else None


def summary_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """The same in three or four lines, for a narrow screen."""
    state = snapshot.state
    if not state.ledger:
        return [[("no calls yet", "muted")]]
    spent = totals(state.ledger)
    replayed = sum(row["replayed"] for row in state.ledger.values())
    calls = f" · {plural(spent.asked, 'call')} · {count(spent.paid)} paid · {count(replayed)} replayed"
    lines: list[Line] = [[("spent ", "muted"), (usd(spent.usd), "bold"), (calls, "")]]
    trouble = trouble_lines(snapshot)
    if len(trouble[0]) > 1:
        apart: list[Span] = [(" · ", "")] if len(trouble) > 1 else []
        lines.append([*trouble[0], *apart, *(span for line in trouble[1:] for span in line)])
    if state.caps:
        lines += cap_lines(snapshot, width)
    speed = speed_lines(snapshot, width)
    if speed:
        room = max(0, width - sum(len(text) for text, _ in speed[0]) - 2)
        lines.append([*speed[0], ("  ", ""), (sparkline(snapshot.rates.history, room), "muted")])
    return lines
