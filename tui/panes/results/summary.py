"""What a run came to, in words and bars: scores with intervals, cost, what to beware of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.content import Content

from core.errors import CompilotError
from core.results.heldout import HeldOut
from core.results.leaderboard import Place
from core.results.significance import Difference, Interval, Verdict, score_interval
from core.wording import plural

from ...comparing import describe_difference, describe_interval
from ...text import count, duration, percent, points, short_count, usd
from ...widgets.fitted import hang
from ...widgets.foreign import foreign
from ..program.texts import heading, show_value
from .board import LIVE
from .loading import RunView

_LABEL = 10
_SHORTEST_BAR = 10
_ROOMY = 66
"""From this width on the ledger's numbers are written out."""
_SCALE = (0, 25, 50, 75, 100)
TONES: dict[Verdict, str] = {
    "better": "$text-success",
    "worse": "$text-error",
    "not told apart": "$text-warning",
    "no rows": "$text-muted",
}


def describe_run(view: RunView, place: Place | None, width: int, told: Sequence[Content] = ()) -> Content:
    """The whole summary of a run, fitted into a width; `told` is what was made of the chosen candidate."""
    parts = [_title(view), _how_it_ended(view)]
    for one in told:
        parts += [Content(), one]
    parts += [Content(), *_scores(view, width)]
    if place is not None and place.note:
        parts.append(_labelled("note", foreign(place.note), "$text-warning"))
    if place is not None and place.group > 1:
        parts.append(_labelled("note", Content(OTHER_GROUP), "$text-warning"))
    parts += [Content(), *_ledger(view, width)]
    parts += [Content(), *_recipe(view, width)]
    if view.state.warnings:
        parts += [Content(), heading("Warnings")]
        parts += [foreign(f"  {warning.what}") for warning in view.state.warnings]
    return Content("\n").join(parts)


OTHER_GROUP = "other splits or another metric than the newest run: not comparable with it"


def describe_exported(manifest: dict[str, object]) -> Content:
    """What an export wrote and how it was verified."""
    verified = manifest["verified"]
    assert isinstance(verified, dict)
    where = foreign(str(manifest["folder"]))
    if verified["same_as_run"]:
        told = f"scored {percent(verified['score'])} on {verified['split']} again"
    else:
        told = f"scored {percent(verified['score'])} on {verified['split']}, other than in the run"
    loaded = "loaded in a fresh process" if verified["reloaded"] else "made anew, as it lives at run time"
    style = "$text-success" if verified["same_as_run"] else "$text-warning"
    calls = verified["new_calls"]
    paid = plural(calls, "new LM call") if calls else "no new LM call"
    return Content("\n").join(
        [
            _labelled("exported", where, "$text-success"),
            _labelled("verified", Content(f"{loaded}, {told} with {paid}"), style),
            _labelled("load it", foreign(str(manifest["note"]))),
        ]
    )


def describe_tested(result: Mapping[str, Any]) -> Content:
    """What a candidate scored on the held-out rows."""
    scores = [row["score"] for row in result["rows"] if row["score"] is not None]
    told = f"{result['candidate']} on test: {percent(result['score'])}"
    told += f"  {describe_interval(score_interval(scores))}  {plural(result['size'], 'row')}"
    if result["errors"]:
        told += f", {count(result['errors'])} errored"
    paid = sum(role["paid"] for role in result["ledger"].values())
    told += f", {plural(paid, 'new LM call') if paid else 'no new LM call'}"
    return _labelled("tested", foreign(told), "$text-success")


def describe_interval_bar(score: float, interval: Interval | None, width: int) -> str:
    """A score and its 95 % interval on a line from 0 to 100 %."""
    last = max(1, width - 1)
    cells = [" "] * width
    for tick in _SCALE:
        cells[round(last * tick / 100)] = "·"
    if interval is not None:
        low, high = round(last * interval.low), round(last * interval.high)
        cells[low : high + 1] = ["─"] * (high + 1 - low)
        cells[low], cells[high] = "├", "┤"
    cells[round(last * min(1.0, max(0.0, score)))] = "●"
    return "".join(cells)


def _title(view: RunView) -> Content:
    return foreign(view.entry.optimizer, "bold") + foreign(f"  {view.path.name}", "$text-muted")


def _how_it_ended(view: RunView) -> Content:
    state = view.state
    reason = "" if state.stop_reason in (None, state.status) else f" ({state.stop_reason})"
    words = foreign(f"{state.status}{reason}", "$text-error bold" if state.status == "failed" else "")
    since = "for" if state.status in LIVE else "after"
    number = view.entry.candidates
    words += Content(f" {since} {duration(view.entry.seconds)}, {plural(number, 'candidate')}")
    if state.best.candidate:
        words += Content.styled("; best ", "$text-muted") + foreign(state.best.candidate)
    if state.detail:
        words += Content("\n") + foreign(state.detail, "$text-error")
    return words


def _scores(view: RunView, width: int) -> Iterator[Content]:
    entry, test = view.entry, view.held_out
    bar = min(60, width - 40)
    sizes = [plural(size, f"{split} row") for split, size in _sizes(view) if size]
    yield heading("Scores", ", ".join(["mean and 95 % interval", *sizes]))
    rows: list[tuple[str, str, float | None, Interval | None]] = []
    if view.baseline and entry.baseline is not None:
        rows.append(("val", "baseline", entry.baseline, _val_interval(view, view.baseline)))
    if entry.candidate and entry.candidate != view.baseline and entry.val is not None:
        rows.append(("", "best", entry.val, _val_interval(view, entry.candidate)))
    if test is not None:
        rows.append(("test", "baseline", test.baseline.score, test.baseline.interval))
        if test.difference is not None:
            rows.append(("", "best", test.best.score, test.best.interval))
    for split, name, score, interval in rows:
        told = f"  {split:<5}{name:<9}{percent(score):>8}  "
        line = Content.styled(told, "bold" if name == "best" else "")
        if score is not None:
            line += Content.styled(f"{describe_interval(interval):<13}", "$text-muted")
            if bar >= _SHORTEST_BAR:
                drawn = describe_interval_bar(score, interval, bar)
                line += Content.styled(drawn, "$text-success" if name == "best" else "$text-muted")
        yield line
    if not rows:
        yield Content.styled("  nothing is scored in full yet", "$text-muted")
    if entry.gain is not None and entry.candidate != view.baseline:
        yield _labelled(
            "val", Content(f"{points(entry.gain)} points; chosen by these rows, which flatters it")
        )
    yield from _held_out(view, test)


def _sizes(view: RunView) -> Iterator[tuple[str, int]]:
    yield "val", view.entry.val_size or view.state.sizes.get("val", 0)
    yield "test", view.held_out.best.size if view.held_out else 0


def _held_out(view: RunView, test: HeldOut | None) -> Iterator[Content]:
    if test is None:
        if view.state.status in ("completed",):
            yield _labelled("held out", Content.styled("the run had no test rows", "$text-muted"))
        return
    if test.difference is None:
        yield _labelled("held out", Content("nothing beat the baseline"))
        return
    yield _labelled("held out", tell_difference(test.difference))
    errors = test.baseline.errors, test.best.errors
    if any(errors):
        text = f"{plural(errors[0], 'row')} of the baseline and {errors[1]} of the best errored: left out"
        yield _labelled("", Content(text), "$text-warning")


def tell_difference(difference: Difference) -> Content:
    """A difference in the colour of its verdict, which its words say too."""
    return Content.styled(describe_difference(difference), TONES[difference.verdict])


def _val_interval(view: RunView, candidate: str) -> Interval | None:
    scores = view.scores.get(candidate)
    if scores is None:
        return None
    return score_interval([row.score for row in scores.rows if row.score is not None])


def _ledger(view: RunView, width: int) -> Iterator[Content]:
    yield heading("Cost")
    if not view.state.ledger:
        yield Content.styled("  no calls yet", "$text-muted")
        return
    sizes = (9, 9, 13, 11, 10) if width >= _ROOMY else (8, 8, 10, 8, 9)
    told = count if width >= _ROOMY else short_count
    heads = ("asked", "paid", "tokens in", "out", "spent")
    names = "".join(f"{name:>{size}}" for name, size in zip(heads, sizes, strict=True))
    yield Content.styled(f"  {'role':<10}{names}", "$text-muted")
    for role, counts in view.state.ledger.items():
        numbers = [told(counts[name]) for name in ("asked", "paid", "input_tokens", "output_tokens")]
        cells = zip([*numbers, usd(counts["usd"])], sizes, strict=True)
        yield foreign(f"  {role:<10}{''.join(f'{cell:>{size}}' for cell, size in cells)}")


def _recipe(view: RunView, width: int) -> Iterator[Content]:
    recipe = view.recipe
    yield heading("Recipe", recipe.hash)
    params = recipe.optimizer.params if recipe.optimizer else {}
    facts = {
        "program": recipe.program.target,
        "metric": recipe.metric.target,
        "params": ", ".join(f"{name} = {show_value(value)}" for name, value in params.items())
        or "the optimizer's own",
        "models": ", ".join(f"{role} {profile.model}" for role, profile in recipe.models.items()),
        "seed": str(recipe.run.seed),
    }
    for name, value in facts.items():
        yield hang(_labelled(name, foreign(value)), width, _LABEL + 2)


def _labelled(name: str, text: Content, style: str = "") -> Content:
    label = Content.styled(f"  {name:<{_LABEL - 2}}  ", "$text-muted")
    return label + (text.stylize(style) if style else text)


def describe_problems(problems: Sequence[CompilotError]) -> CompilotError | None:
    """The first of the unreadable runs, and how many more there are."""
    if not problems:
        return None
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return CompilotError(f"{first.what}{more}", where=first.where, fix=first.fix)
