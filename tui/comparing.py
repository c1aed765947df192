"""A comparison of two candidates as lines of plain text that fit a terminal. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.jsonable import encode_json
from core.results.changes import CHANGES, Change, RowChanges, RowPair
from core.results.compare import Comparison, Side
from core.results.markdown import describe_p
from core.results.prompts import PromptChange
from core.results.significance import Difference, Interval
from core.runs.rows import RowResult
from core.wording import plural

from .text import clean, count, percent, points, table

_TESTS = {"mcnemar": "McNemar", "permutation": "permutation", "none": ""}
_VERDICTS = {
    "better": "better",
    "worse": "worse",
    "not told apart": "could be chance",
    "no rows": "no row was scored by both",
}
_INDENT = 11


def comparison_lines(comparison: Comparison, width: int = 80, rows: int = 5) -> list[str]:
    """Scores, significance, notes, prompts, and up to `rows` rows of each kind of change."""
    return [
        *table([_side_cells("before", comparison.before), _side_cells("after", comparison.after)], "<<<>><"),
        *_wrap(comparison.split, describe_difference(comparison.rows.difference), width),
        *_wrap("rows", describe_counts(comparison.rows), width),
        *(line for note in comparison.notes for line in _wrap("note", note, width)),
        "",
        *(line for change in comparison.prompts for line in prompt_lines(change, width)),
        *(
            line
            for kind in ("broken", "fixed", "worse", "better", "errored")
            for line in _change_lines(comparison, kind, width, rows)
        ),
    ]


def describe_difference(difference: Difference) -> str:
    """The mean change with its interval, and what the test says of it."""
    if difference.mean is None or difference.low is None or difference.high is None or difference.p is None:
        return _VERDICTS["no rows"]
    return (
        f"{points(difference.mean)} points ({points(difference.low)} to {points(difference.high)}): "
        f"{_VERDICTS[difference.verdict]}, p {describe_p(difference.p)} ({_TESTS[difference.test]})"
    )


def describe_counts(changes: RowChanges) -> str:
    """How many rows of each kind; kinds that are rare are named only where there are any."""
    always = ("fixed", "broken")
    told = [f"{changes.counts[kind]} {kind}" for kind in CHANGES if changes.counts[kind] or kind in always]
    rows = changes.difference.rows
    return f"{plural(rows, 'row')} scored by both: {', '.join(told)}"


def describe_interval(interval: Interval | None) -> str:
    return "" if interval is None else f"{100 * interval.low:.1f} – {100 * interval.high:.1f}"


def prompt_lines(change: PromptChange, width: int) -> Iterator[str]:
    """One predictor's changes, each line with its sign."""
    size = f"{count(change.letters_before)} → {count(change.letters_after)} characters"
    yield f"prompt of {clean(change.predictor)}: {change.status}, {size}"
    for line in change.lines:
        mark = "!" if line.leaks and line.mark == "+" else line.mark
        yield from _signed(mark, line.text, width)
    for text in change.fields:
        yield f"  {clean(text.name)}"
        for told in text.lines:
            yield from _signed(told[0], told[1:], width)
    for sign, demos in (("-", change.demos_removed), ("+", change.demos_added)):
        for demo in demos:
            yield from _signed(sign, f"demo  {show_demo(demo)}", width)
    if change.demos_kept:
        yield f"  {plural(change.demos_kept, 'demonstration')} as before"
    for leak in change.leaks:
        where = f"{leak.split} row{'s' * (len(leak.rows) > 1)} {', '.join(map(str, leak.rows[:5]))}"
        yield from _wrap("! copied", f"from {where}: {leak.text}", width)
    yield ""


def show_fields(fields: Mapping[str, Any]) -> str:
    """Fields on one line; a single one without its name."""
    texts = {name: show_value(value) for name, value in fields.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "  ".join(f"{name}: {text}" for name, text in texts.items())


def show_demo(demo: Mapping[str, Any]) -> str:
    """A demonstration's fields; dspy's own mark for bootstrapped ones is no field."""
    return show_fields({name: value for name, value in demo.items() if name != "augmented"})


def show_value(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else encode_json(value).decode()


def show_output(row: RowResult | None) -> str:
    """What came out of a row, or why nothing did."""
    if row is None:
        return "not in this evaluation"
    if row.error is not None:
        return row.error.split("\n", 1)[0]
    return show_fields(row.prediction) if row.prediction else "no output was kept"


def _side_cells(name: str, side: Side) -> Sequence[str]:
    score = f"({describe_interval(side.interval)})" if side.interval else ""
    return name, side.candidate, clean(side.origin)[:14], percent(side.score), score, side.run_id


def _change_lines(comparison: Comparison, kind: Change, width: int, most: int) -> Iterator[str]:
    pairs = comparison.rows.of(kind)
    if not pairs:
        return
    more = f", the first {most}" if 0 < most < len(pairs) else ""
    yield f"{kind} ({len(pairs)}{more})"
    for pair in pairs[:most]:
        yield from _pair_lines(pair, width)
    yield ""


def _pair_lines(pair: RowPair, width: int) -> Iterator[str]:
    shown = pair.shown
    yield from _wrap(f"  row {pair.row}", show_fields(shown.inputs), width, 2)
    if shown.labels:
        yield from _wrap("  expected", show_fields(shown.labels), width, 2)
    for name, row in (("  before", pair.before), ("  after", pair.after)):
        score = f"   {percent(row.score)}" if row is not None and row.score not in (None, 0.0, 1.0) else ""
        yield from _wrap(name, f"{show_output(row)}{score}", width, 2)
    if pair.after is not None and pair.after.feedback and pair.change in ("broken", "worse"):
        yield from _wrap("  feedback", pair.after.feedback, width, 2)


def _wrap(name: str, text: str, width: int, most: int = 6) -> list[str]:
    """A name and its text beside it, in at most so many lines."""
    lines = textwrap.wrap(
        clean(text), max(20, width - _INDENT), max_lines=most, placeholder=" …", break_on_hyphens=False
    )
    return [
        f"{name if number == 0 else '':<{_INDENT}}{line}".rstrip()
        for number, line in enumerate(lines or [""])
    ]


def _signed(sign: str, text: str, width: int) -> list[str]:
    """A line of a diff, wrapped under its sign; its own indentation stays."""
    told = clean(text)
    margin = told[: len(told) - len(told.lstrip())][: width // 2]
    lines = textwrap.wrap(told, max(20, width - 4 - len(margin)), break_on_hyphens=False)
    return [
        f"{sign} {margin}{'  ' if number else ''}{line}".rstrip() for number, line in enumerate(lines or [""])
    ]
