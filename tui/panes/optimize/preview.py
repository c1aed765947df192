"""An estimate as text: calls, tokens, dollars and minutes by role, what the cap leaves, what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.content import Content

from core.cost.estimate import Estimate, RoleEstimate
from core.optimizers.plan import Range
from core.recipe import Budget

from ...text import count, duration, short_count, table, usd
from ...widgets.foreign import foreign

_NAME = 15
_REPEATS = 0.99
"""Part of the calls that is paid for from which nothing is said about it."""
_WIDE = 74
"""Columns from which low and high of the dollars have room in the table."""


@dataclass(frozen=True)
class Beside:
    """What is known besides the estimate itself."""

    named: tuple[tuple[str, Content], ...] = ()
    """Lines with their names: what the budget buys, cheaper ways."""
    block: Content = field(default_factory=lambda: Content(""))
    """A table of a dry run."""


def show_estimate(estimate: Estimate, budget: Budget, width: int, beside: Beside) -> Content:
    """The whole preview for a pane of this many columns."""
    thumb = estimate.rule_of_thumb
    why = Content(f"{count(thumb.calls)} calls: ") + Content.styled(thumb.why, "$text-muted")
    parts = [*role_table(estimate, width), Content("")]
    parts += [hang(name, text, width) for name, text in (*totals(estimate, budget), *beside.named)]
    parts += [Content(""), beside.block] if beside.block.plain else []
    parts += [Content(""), hang("rule of thumb", why, width), Content("")]
    parts += [
        hang("assumed" if place == 0 else "", foreign(line), width)
        for place, line in enumerate(estimate.assumptions)
    ]
    return Content("\n").join(parts)


def hang(name: str, text: Content, width: int) -> Content:
    """A name and its text, which wraps beside the name and not below it."""
    lines = text.wrap(max(20, width - _NAME))
    first = Content.styled(f"{name:<{_NAME}}", "$text-muted")
    return (Content("\n") + Content(" " * _NAME)).join([first + lines[0], *lines[1:]])


def role_table(estimate: Estimate, width: int) -> list[Content]:
    """One line for each role and one for all of them."""
    wide = width >= _WIDE
    head = ["", "calls", "low–high", "in", "out", "usd", *(["low–high"] if wide else [])]
    rows = [head]
    rows += [_row(role, one, wide) for role, one in estimate.roles.items()]
    rows.append(_row("total", estimate.total, wide))
    lines = table(rows, "<" + ">" * (len(head) - 1))
    return [
        Content.styled(lines[0], "$text-muted"),
        *(Content(line) for line in lines[1:-1]),
        Content.styled(lines[-1], "bold"),
    ]


def totals(estimate: Estimate, budget: Budget) -> list[tuple[str, Content]]:
    """Dollars, time and the budget, each with its name."""
    lines = [("time", Content(between(estimate.minutes, lambda minutes: duration(60 * minutes))))]
    if estimate.total.usd is not None and estimate.total.usd.high > 0:
        lines.insert(0, ("dollars", Content(between(estimate.total.usd, usd))))
    calls, paid = estimate.total.calls, estimate.total.paid
    if paid.expected < _REPEATS * calls.expected:
        text = f"{between(paid, count)}; repeated requests are replayed"
        lines.insert(0, ("paid calls", Content(text)))
    caps = cap_lines(estimate, budget)
    return [*lines, *(("budget" if place == 0 else "", line) for place, line in enumerate(caps))]


def cap_lines(estimate: Estimate, budget: Budget) -> list[Content]:
    """What each cap leaves of the run: enough for the highest figure, for the expected one, or not."""
    total = estimate.total
    tokens = total.input_tokens + total.output_tokens
    caps = (
        ("usd", budget.usd, total.usd, usd),
        ("calls", budget.calls, total.calls, count),
        ("tokens", budget.tokens, tokens, short_count),
        ("minutes", budget.minutes, estimate.minutes, lambda minutes: duration(60 * minutes)),
    )
    lines = [_cap_line(name, cap, needed, write) for name, cap, needed, write in caps if cap is not None]
    return lines or [Content.styled("no cap is set (b)", "$text-muted")]


def _cap_line(name: str, cap: float, needed: Range | None, write: object) -> Content:
    assert callable(write)
    told = f"{name} {write(cap)}: " if name in ("calls", "tokens") else f"{write(cap)}: "
    if needed is None:
        return Content(told) + Content.styled(
            "a price is unknown, so dollars cannot be capped: cap calls or tokens", "$text-warning"
        )
    if needed.high <= cap:
        return Content(told) + Content.styled("enough for the highest figure", "$text-success")
    if needed.expected <= cap:
        return Content(told + "enough for the expected figure, not for the highest")
    share = cap / needed.expected
    return Content(told) + Content.styled(
        f"stops the run at about {100 * share:.0f} % of it, keeping the best", "$text-warning"
    )


def summary_line(estimate: Estimate) -> Content:
    """The estimate in one line, for where there is no room for more."""
    total = estimate.total
    spread = f"{short_count(total.calls.low)}–{short_count(total.calls.high)}"
    parts = [
        Content.styled(f"{count(total.calls.expected)} calls", "bold"),
        Content.styled(f" ({spread})", "$text-muted"),
        Content(f"  {money(total)}"),
        Content(f"  {duration(60 * estimate.minutes.expected)}"),
        Content.styled(f" (up to {duration(60 * estimate.minutes.high)})", "$text-muted"),
    ]
    return Content("").join(parts)


def money(one: RoleEstimate) -> str:
    """Expected dollars; `free` where every model is."""
    if one.usd is not None and one.usd.high == 0:
        return "free"
    return usd(one.usd.expected if one.usd else None)


def between(amount: Range, write: object) -> str:
    """`expected (low to high)`."""
    assert callable(write)
    return f"{write(amount.expected)} ({write(amount.low)} to {write(amount.high)})"


def _row(name: str, one: RoleEstimate, wide: bool) -> list[str]:
    row = [
        name,
        count(one.calls.expected),
        f"{short_count(one.calls.low)}–{short_count(one.calls.high)}",
        short_count(one.input_tokens.expected),
        short_count(one.output_tokens.expected),
        money(one),
    ]
    if wide:
        row.append(f"{usd(one.usd.low)}–{usd(one.usd.high)}" if one.usd and one.usd.high else "")
    return row


def all_rows(found: Sequence[tuple[str, Estimate | str]], *, wide: bool) -> list[list[str]]:
    """A head and a row for each optimizer, the fewest calls first; those without figures are left out."""
    done = sorted(
        ((name, one) for name, one in found if not isinstance(one, str)),
        key=lambda pair: pair[1].total.calls.expected,
    )
    rows = [["optimizer", "calls", "low", "high", "tokens", "usd", "highest", "time"]]
    for name, one in done:
        total = one.total
        tokens = total.input_tokens.expected + total.output_tokens.expected
        rows.append(
            [
                name,
                count(total.calls.expected),
                count(total.calls.low),
                count(total.calls.high),
                short_count(tokens),
                money(total),
                usd(total.usd.high) if total.usd and total.usd.high else "",
                duration(60 * one.minutes.expected),
            ]
        )
    return rows if wide else [[row[place] for place in (0, 1, 3, 5, 7)] for row in rows]
