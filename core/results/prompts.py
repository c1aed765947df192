"""What an optimizer did to the prompts: line by line, who brought each line in, and what it copied."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ..programs.diff import TextChange, diff_states
from .leaks import Leak, find_leaks
from .lineage import Lineage

State = Mapping[str, Mapping[str, Any]]
Rows = Sequence[Mapping[str, Any]]
Mark = Literal["+", "-", " "]
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class Span(msgspec.Struct, frozen=True):
    """Characters of a line that stand in training rows."""

    start: int
    end: int
    leak: int
    """Its place among the prompt's leaks."""


class PromptLine(msgspec.Struct, frozen=True):
    """One line of a diff of instructions."""

    mark: Mark
    text: str
    changed: tuple[tuple[int, int], ...] = ()
    """Letters of the words that differ from the line it stands for; none where all of it is new or gone."""
    leaks: tuple[Span, ...] = ()
    since: str = ""
    """Of a new line: the candidate that brought it in, where the run tells."""


class PromptChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in one predictor's prompt."""

    predictor: str
    status: Literal["same", "changed", "added", "removed"]
    lines: tuple[PromptLine, ...] = ()
    """Of the instructions, whole; empty where these are the same."""
    instructions: str = ""
    """As they stand after."""
    fields: tuple[TextChange, ...] = ()
    """Changed prefixes and descriptions of fields."""
    demos_added: tuple[dict[str, Any], ...] = ()
    demos_removed: tuple[dict[str, Any], ...] = ()
    demos_kept: int = 0
    leaks: tuple[Leak, ...] = ()
    """Stretches of the new instructions that stand in rows; demonstrations are rows by design."""
    letters_before: int = 0
    """Length of the instructions, field texts and demonstrations, in characters."""
    letters_after: int = 0


def diff_prompts(
    before: State,
    after: State,
    *,
    rows: Mapping[str, Rows] | None = None,
    written: State | None = None,
    since: Callable[[str, str], str] | None = None,
) -> list[PromptChange]:
    """Predictor by predictor, in the order of the new state, removed ones last.

    `rows` are the training rows' values by split, to mark what was copied from them; what stands in
    `written`, the prompts that a person wrote (`before` unless given), was not copied. `since(predictor,
    line)` names the candidate that brought a line in (`trace_lines` makes one).
    """
    changes = []
    for part in diff_states(before, after):
        old, new = before.get(part.predictor, {}), after.get(part.predictor, {})
        text = str(new.get("instructions", ""))
        known = str(old.get("instructions", ""))
        own = str((before if written is None else written).get(part.predictor, {}).get("instructions", ""))
        leaks = _find_all(text, rows or {}, own)
        lines = diff_lines(known, text) if part.instructions is not None else ()
        changes.append(
            PromptChange(
                predictor=part.predictor,
                status=part.status,  # type: ignore[arg-type]
                lines=tuple(_annotate(lines, text, leaks, part.predictor, since)),
                instructions=text,
                fields=part.fields,
                demos_added=part.demos_added,
                demos_removed=part.demos_removed,
                demos_kept=part.demos_kept,
                leaks=leaks,
                letters_before=count_letters(old),
                letters_after=count_letters(new),
            )
        )
    return changes


def diff_lines(before: str, after: str) -> list[PromptLine]:
    """Both texts line by line; a line that was reworded tells which of its characters differ."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[PromptLine] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [PromptLine(" ", text) for text in old[a:b]]
            continue
        pairs = _reworded(old[a:b], new[c:d])
        lines += [PromptLine("-", text, pairs.get(("-", text), ())) for text in old[a:b]]
        lines += [PromptLine("+", text, pairs.get(("+", text), ())) for text in new[c:d]]
    return lines


def trace_lines(lineage: Lineage, candidate: str, states: Mapping[str, State]) -> Callable[[str, str], str]:
    """For `diff_prompts`: the earliest candidate on the way to this one that has a line of a predictor.

    `states` are those of the candidate and its ancestors. A line that an ancestor dropped and a later one
    wrote again belongs to the later one.
    """

    def since(predictor: str, line: str) -> str:
        found, seen = candidate, {candidate}
        while True:
            node = lineage.nodes.get(found)
            older = next(
                (
                    parent
                    for parent in (node.parents if node else ())
                    if parent not in seen and _has_line(states.get(parent), predictor, line)
                ),
                None,
            )
            if older is None:
                return found
            found = older
            seen.add(found)

    return since


def count_letters(part: Mapping[str, Any]) -> int:
    """Characters of a predictor's instructions, field texts and demonstrations."""
    fields = sum(len(str(text)) for texts in part.get("fields", {}).values() for text in texts.values())
    demos = sum(len(str(value)) for demo in part.get("demos", ()) for value in demo.values())
    return len(str(part.get("instructions", ""))) + fields + demos


def _find_all(text: str, rows: Mapping[str, Rows], known: str) -> tuple[Leak, ...]:
    """What was copied from each split; what a stretch of an earlier split holds is not told again."""
    found: list[Leak] = []
    for split, values in rows.items():
        found += [
            leak
            for leak in find_leaks(text, values, known=known, split=split)
            if not any(other.start <= leak.start and leak.end <= other.end for other in found)
        ]
    return tuple(sorted(found, key=lambda leak: leak.start))


def _has_line(state: State | None, predictor: str, line: str) -> bool:
    return state is not None and line in str(state.get(predictor, {}).get("instructions", "")).splitlines()


def _reworded(old: Sequence[str], new: Sequence[str]) -> dict[tuple[Mark, str], tuple[tuple[int, int], ...]]:
    """Words that differ, for lines that are much alike; at most 40 lines are compared with 40."""
    found: dict[tuple[Mark, str], tuple[tuple[int, int], ...]] = {}
    left = {text: _WORDS.findall(text) for text in old[:40]}
    for text in new[:40]:
        words = _WORDS.findall(text)
        matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher(None, autojunk=False)
        matcher.set_seq2(words)
        best, ratio = None, 0.6
        for other, theirs in left.items():
            matcher.set_seq1(theirs)
            if matcher.real_quick_ratio() > ratio and matcher.quick_ratio() > ratio:
                likeness = matcher.ratio()
                if likeness > ratio:
                    best, ratio = other, likeness
        if best is None:
            continue
        theirs = left.pop(best)
        matcher.set_seq1(theirs)
        changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
        found["-", best] = _letters(theirs, [(a, b) for _, a, b, _, _ in changes])
        found["+", text] = _letters(words, [(c, d) for _, _, _, c, d in changes])
    return found


def _letters(words: Sequence[str], stretches: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Stretches of words as stretches of letters."""
    ends = [0, *itertools.accumulate(len(word) for word in words)]
    return tuple((ends[start], ends[end]) for start, end in stretches if end > start)


def _annotate(
    lines: Sequence[PromptLine],
    text: str,
    leaks: Sequence[Leak],
    predictor: str,
    since: Callable[[str, str], str] | None,
) -> list[PromptLine]:
    """Adds leaks and origins; the lines that are not `-` are those of `text`, in order."""
    starts = []
    at = 0
    for whole in text.splitlines(keepends=True):
        starts.append(at)
        at += len(whole)
    following = iter(starts)
    return [
        line
        if line.mark == "-"
        else msgspec.structs.replace(
            line,
            leaks=_spans(next(following), len(line.text), leaks),
            since=since(predictor, line.text) if since and line.mark == "+" and line.text.strip() else "",
        )
        for line in lines
    ]


def _spans(start: int, length: int, leaks: Sequence[Leak]) -> tuple[Span, ...]:
    return tuple(
        Span(max(0, leak.start - start), min(length, leak.end - start), number)
        for number, leak in enumerate(leaks)
        if leak.start < start + length and leak.end > start
    )
