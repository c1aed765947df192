"""Results as markdown: a run's report. Foreign text can neither paint nor format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..jsonable import encode_json
from ..wording import plural
from .changes import Change, RowPair
from .compare import Comparison, Side
from .heldout import HeldOut, Scored
from .prompts import PromptChange
from .significance import Difference, Interval

if TYPE_CHECKING:
    from .report import Report

_SHOWN_ROWS = 20
_SHOWN_CANDIDATES = 40


def report_markdown(report: Report) -> str:
    """The report as a markdown page."""
    entry = report.entry
    parts = [
        f"# Run {entry.run_id}: {entry.optimizer}",
        _facts(report),
        "## Scores",
        _scores(report),
        _held_out(report.test),
        "## Cost",
        _ledger(report.ledger),
        "## Candidates",
        _candidates(report),
    ]
    if report.val is not None:
        parts += ["## What changed in the prompts", prompts_markdown(report.val.prompts)]
        parts += ["## Rows of val, best against baseline", _rows(report.val)]
    if report.warnings:
        parts += ["## Warnings", "\n".join(f"- {_inline(text)}" for text in report.warnings)]
    return "\n\n".join(parts) + "\n"


def describe_difference(difference: Difference) -> str:
    """The change, its interval and what the test says, as one sentence."""
    if difference.mean is None or difference.low is None or difference.high is None or difference.p is None:
        return "No row was scored by both, so nothing can be said."
    test = {"mcnemar": "McNemar's exact test", "permutation": "paired permutation test", "none": ""}
    verdict = {
        "better": "better, and more than chance explains",
        "worse": "worse, and more than chance explains",
        "not told apart": "no difference that chance would not make",
    }[difference.verdict]
    return (
        f"{100 * difference.mean:+.1f} points over {plural(difference.rows, 'row')} "
        f"(95 % interval {100 * difference.low:+.1f} to {100 * difference.high:+.1f}): {verdict} "
        f"(p {describe_p(difference.p)}, {test[difference.test]})."
    )


def describe_p(p: float) -> str:
    """A p-value with the digits that mean something."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def prompts_markdown(prompts: Sequence[PromptChange]) -> str:
    """Each predictor's diff in a fenced block."""
    parts = []
    for change in prompts:
        parts.append(f"### {_inline(change.predictor)}: {change.status}")
        lines = [f"{line.mark}{line.text}" for line in change.lines]
        for text in change.fields:
            lines += [f" [{text.name}]", *text.lines]
        lines += [f"-demo {_json(demo)}" for demo in change.demos_removed]
        lines += [f"+demo {_json(demo)}" for demo in change.demos_added]
        if lines:
            parts.append(_fenced(lines, "diff"))
        if change.demos_kept:
            parts.append(f"{plural(change.demos_kept, 'demonstration')} stayed.")
        for leak in change.leaks:
            where = f"{leak.split} row{'s' * (len(leak.rows) > 1)} {', '.join(map(str, leak.rows))}"
            parts.append(f"- copied from {where}: {_inline(leak.text)}")
        size = f"{change.letters_before:,} → {change.letters_after:,} characters"
        parts.append(f"Prompt size: {size}.")
    return "\n\n".join(parts)


def format_interval(interval: Interval | None) -> str:
    return "–" if interval is None else f"{100 * interval.low:.1f} – {100 * interval.high:.1f} %"


def _facts(report: Report) -> str:
    entry, recipe = report.entry, report.recipe
    optimizer = recipe.optimizer
    params = ", ".join(f"{name} = {value}" for name, value in (optimizer.params if optimizer else {}).items())
    models = ", ".join(f"{role}: {profile.model}" for role, profile in recipe.models.items())
    facts = {
        "status": f"{entry.status} ({entry.stop_reason or 'going on'})",
        "program": recipe.program.target,
        "metric": recipe.metric.target,
        "parameters": params or "the optimizer's own",
        "models": models,
        "seed": str(recipe.run.seed),
        "recipe": recipe.hash,
        "data": entry.data or "not loaded",
        "best candidate": entry.candidate or "none yet",
    }
    return "\n".join(f"- {name}: {_inline(value)}" for name, value in facts.items())


def _scores(report: Report) -> str:
    entry, val, test = report.entry, report.val, report.test
    rows = [
        _score_row("val", entry.baseline, entry.val, val.before if val else None, val.after if val else None),
        _score_row(
            "test",
            entry.test_baseline,
            entry.test,
            test.baseline if test else None,
            test.best if test else None,
        ),
    ]
    table = _table(["split", "baseline", "best", "gain", "rows", "errored"], rows)
    if entry.minibatch is not None:
        table += f"\n\nThe best was scored on minibatches only ({_percent(entry.minibatch)}): no full score."
    return table


def _score_row(
    split: str,
    before: float | None,
    after: float | None,
    left: Side | Scored | None,
    right: Side | Scored | None,
) -> list[str]:
    return [
        split,
        _with_interval(before, left.interval if left else None),
        _with_interval(after, right.interval if right else None),
        "–" if before is None or after is None else f"{100 * (after - before):+.1f}",
        str(right.size) if right else "–",
        str(right.errors) if right else "–",
    ]


def _with_interval(score: float | None, interval: Interval | None) -> str:
    return f"{_percent(score)} ({format_interval(interval)})" if interval else _percent(score)


def _held_out(test: HeldOut | None) -> str:
    if test is None:
        return "The held-out rows were not scored."
    if test.difference is None:
        return "Nothing beat the baseline, so the held-out rows were scored once."
    return f"Held out: {describe_difference(test.difference)}"


def _ledger(ledger: dict[str, dict[str, Any]]) -> str:
    rows = []
    for role, counts in ledger.items():
        dollars = "unknown" if counts["usd"] is None else f"${counts['usd']:,.4f}"
        numbers = [
            f"{counts[name]:,}" for name in ("asked", "paid", "replayed", "input_tokens", "output_tokens")
        ]
        rows.append([role, *numbers, dollars])
    return _table(["role", "asked", "paid", "replayed", "tokens in", "tokens out", "spent"], rows)


def _candidates(report: Report) -> str:
    standings = {one.candidate: one for one in report.front.standings}
    rows = []
    for node in list(report.lineage.walk())[:_SHOWN_CANDIDATES]:
        standing = standings.get(node.id)
        score = _percent(node.val)
        if node.val is None and node.minibatch is not None:
            score = f"({_percent(node.minibatch)} on {node.minibatch_rows} minibatch rows)"
        rows.append(
            [
                str(node.number),
                f"{'· ' * node.depth}{node.id}",
                score,
                str(standing.best_rows) if standing else "–",
                ", ".join(node.parents) or "–",
                node.origin,
            ]
        )
    table = _table(["n", "candidate", "val", "rows nobody beats", "from", "how"], rows)
    rest = len(report.lineage.nodes) - len(rows)
    return f"{table}\n\nAnd {rest} more." if rest else table


def _rows(comparison: Comparison) -> str:
    changes = comparison.rows
    counted = ", ".join(f"{number} {kind}" for kind, number in changes.counts.items() if number)
    parts = [f"{counted or 'no rows'}."]
    kinds: tuple[Change, ...] = ("fixed", "broken", "better", "worse", "errored")
    for kind in kinds:
        pairs = changes.of(kind)
        if pairs:
            parts.append(f"### {kind.capitalize()}")
            shown = [_pair_row(pair) for pair in pairs[:_SHOWN_ROWS]]
            parts.append(_table(["row", "input", "expected", "before", "after"], shown))
            if len(pairs) > _SHOWN_ROWS:
                parts.append(f"And {len(pairs) - _SHOWN_ROWS} more.")
    return "\n\n".join(parts)


def _pair_row(pair: RowPair) -> list[str]:
    shown = pair.shown
    outputs = [
        (one.error or "").split("\n", 1)[0] if one.error else _values(one.prediction) if one else "–"
        for one in (pair.before, pair.after)
        if one is not None
    ]
    return [
        str(pair.row),
        _short(_values(shown.inputs)),
        _short(_values(shown.labels)),
        *map(_short, outputs),
    ]


def _values(fields: dict[str, Any]) -> str:
    """One field alone without its name."""
    texts = {name: value if isinstance(value, str) else _json(value) for name, value in fields.items()}
    return next(iter(texts.values())) if len(texts) == 1 else "; ".join(f"{k}: {v}" for k, v in texts.items())


def _percent(score: float | None) -> str:
    return "–" if score is None else f"{100 * score:.1f} %"


def _json(value: Any) -> str:
    return encode_json(value).decode()


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return _inline(text).replace("|", "\\|")


def _inline(text: str) -> str:
    """Foreign text on one line, with nothing in it that markdown or a terminal would act on."""
    plain = "".join(
        " " if letter.isspace() else "\ufffd" if _is_control(letter) else letter for letter in text
    )
    for special in ("\\", "`", "*", "_", "<", "[", "]"):
        plain = plain.replace(special, f"\\{special}")
    return plain


def _fenced(lines: Sequence[str], language: str) -> str:
    """A block that no line in it can end early."""
    longest = max((len(ticks) for line in lines for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    safe = ["".join("\ufffd" if _is_control(letter) else letter for letter in line) for line in lines]
    return "\n".join([f"{fence}{language}", *safe, fence])


def _is_control(letter: str) -> bool:
    return letter != "\t" and unicodedata.category(letter)[0] == "C"
