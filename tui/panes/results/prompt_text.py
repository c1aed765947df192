"""What changed in the prompts, as text with colours: signs and words say all of it without them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.content import Content

from core.results.prompts import PromptChange, PromptLine
from core.wording import plural

from ...comparing import show_value
from ...text import count
from ...widgets.fitted import hang
from ...widgets.foreign import foreign, foreign_lines
from ..program.texts import heading, indent
from .loading import PairView

_LINE = {"+": "$text-success", "-": "$text-error", " ": "$text-muted"}
_CHANGED = {"+": "bold $text-success on $success 30%", "-": "bold $text-error on $error 30%", " ": ""}
_LEAK = "bold underline $text-warning on $warning 30%"


def describe_pair(pair: PairView, width: int) -> Content:
    """Every predictor whose prompt differs; the whole prompts where a candidate stands beside itself.

    Fitted into a width, with what goes on in the next line moved under the text of its sign.
    """
    parts = [describe_sides(pair), Content()]
    itself = (pair.target.run, pair.target.candidate) == (pair.run, pair.candidate)
    changed = [change for change in pair.prompts if itself or change.status != "same"]
    for change in changed:
        parts += [*describe_prompt(change, pair.candidate, width, whole=itself), Content()]
    same = [change.predictor for change in pair.prompts if change not in changed]
    if same:
        parts.append(foreign(f"the same: {', '.join(same)}", "$text-muted"))
    if pair.note:
        parts.append(foreign(pair.note, "$text-muted"))
    return Content("\n").join(parts)


def describe_sides(pair: PairView) -> Content:
    """Who stands against whom."""
    after = foreign(pair.candidate, "bold")
    if (pair.target.run, pair.target.candidate) == (pair.run, pair.candidate):
        return after + Content.styled("  alone: there is nothing before it", "$text-muted")
    run = "" if pair.target.run == pair.run else f" of {pair.target.run.name}"
    return (
        after
        + Content.styled(f"  against {pair.target.label}  ", "$text-muted")
        + foreign(f"{pair.target.candidate}{run}")
    )


def describe_prompt(
    change: PromptChange, candidate: str, width: int, *, whole: bool = False
) -> Iterator[Content]:
    """One predictor: instructions, field texts, demonstrations, what was copied."""
    size = f"{count(change.letters_before)} → {count(change.letters_after)} characters"
    if whole:
        size = f"{count(change.letters_after)} characters"
    status = "" if whole else f"  {change.status}"
    yield foreign(change.predictor, "bold") + Content.styled(f"{status}  {size}", "$text-muted")
    if change.lines:
        inherited = any(line.since not in ("", candidate) for line in change.lines)
        yield heading("Instructions", "‹ the candidate that brought a line in" if inherited else "")
        for line in change.lines:
            yield hang(describe_line(line, candidate), width)
    elif whole:
        yield heading("Instructions")
        yield indent(foreign_lines(change.instructions or "none"))
    else:
        yield Content.styled("  the instructions are the same", "$text-muted")
    for text in change.fields:
        yield foreign(text.name, "bold $text-primary")
        for told in text.lines:
            yield hang(foreign(f"{told[:1]} {told[1:]}", _LINE.get(told[:1], "")), width)
    for sign, demos, word in (("-", change.demos_removed, "gone"), ("+", change.demos_added, "new")):
        if demos:
            yield heading(f"Demonstrations {word}", str(len(demos)))
            yield from _describe_demos(sign, demos)
    if change.demos_kept:
        yield Content.styled(f"  {plural(change.demos_kept, 'demonstration')} as before", "$text-muted")
    if change.leaks:
        yield heading("Copied from rows", "fits them, and says little of others")
        for leak in change.leaks:
            where = f"{leak.split} row{'s' * (len(leak.rows) > 1)} {', '.join(map(str, leak.rows[:8]))}"
            yield hang(Content.styled(f"! {where}  ", "$text-warning") + foreign(leak.text), width)


def describe_line(line: PromptLine, candidate: str) -> Content:
    """A line with its sign; `!` where it was copied; who brought it in, where that was an ancestor."""
    sign = "!" if line.leaks and line.mark == "+" else line.mark
    styles = [""] * len(line.text)
    for start, end in line.changed:
        styles[start:end] = [_CHANGED[line.mark]] * (end - start)
    for span in line.leaks:
        styles[span.start : span.end] = [_LEAK] * (span.end - span.start)
    text = Content.styled(f"{sign} ", _LEAK if sign == "!" else _LINE[line.mark])
    for start, end in _runs(styles):
        # Cleaned piece by piece: cleaning drops letters, and would move what is marked.
        text += foreign(line.text[start:end], styles[start] or _LINE[line.mark])
    if line.since and line.since != candidate:
        text += foreign(f"  ‹ {line.since}", "$text-muted italic")
    return text


def _runs(styles: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where stretches of one style begin and end."""
    start = 0
    for at in range(1, len(styles) + 1):
        if at == len(styles) or styles[at] != styles[start]:
            yield start, at
            start = at


def _describe_demos(sign: str, demos: Sequence[Mapping[str, Any]]) -> Iterator[Content]:
    for number, demo in enumerate(demos, start=1):
        yield Content.styled(f"{sign} {number}", _LINE[sign])
        for name, value in demo.items():
            if name != "augmented":
                yield indent(
                    foreign(f"{name}  ", "$text-muted") + foreign_lines(show_value(value), _LINE[sign]),
                    "    ",
                )
