"""What stands beside the estimate: what the caps buy, cheaper ways, a dry run's counts. Pure text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from core.cost.buys import Bought, trials_within
from core.cost.changes import Change, change_param, change_threads
from core.cost.dry_run import DryRun, DryRunProgress
from core.cost.estimate import Estimate
from core.cost.facts import Measured
from core.cost.mitigations import mitigate, suggest_changes
from core.cost.what_if import Effect, compare_changes
from core.errors import CompilotError
from core.optimizers import registry
from core.recipe import Recipe

from ...text import count, duration, short_count, table
from ...widgets.foreign import foreign
from .preview import money

_SHOWN = 3
_LABEL = 38


@dataclass(frozen=True)
class Further:
    """For one recipe."""

    recipe: Recipe
    measured: Measured
    bought: Bought | None = None
    cheaper: tuple[Effect, ...] = ()


def look_further(recipe: Recipe, measured: Measured) -> Further:
    """What the caps buy, and the guide's mitigations that save something; some dozens of estimates."""
    try:
        bought, cheaper = trials_within(recipe, measured), mitigate(recipe, measured)
    except CompilotError:
        return Further(recipe, measured)  # the preview says what is wrong with it
    return Further(recipe, measured, bought, tuple(cheaper))


def usual_changes(recipe: Recipe, measured: Measured) -> list[Change]:
    """What a person would try: the guide's mitigations, then the presets and other numbers of threads."""
    changes = suggest_changes(recipe, measured)
    if recipe.optimizer is not None:
        spec = registry.get(recipe.optimizer.name).spec
        changes += [change_param(recipe, "preset", preset) for preset in spec.presets]
    threads = recipe.run.num_threads
    others = {max(1, threads // 2), threads * 2} - {threads}
    changes += [change_threads(recipe, other) for other in sorted(others)]
    return list({change.id: change for change in reversed(changes)}.values())[::-1]


def compare(recipe: Recipe, measured: Measured, changes: Sequence[Change]) -> list[Effect]:
    return compare_changes(recipe, measured, changes)


def further_lines(further: Further) -> tuple[tuple[str, Content], ...]:
    """The budget's line and the best ways to save, for the preview."""
    lines = []
    if further.bought is not None:
        lines.append(("budget buys", foreign(further.bought.text)))
    for place, effect in enumerate(further.cheaper[:_SHOWN]):
        text = foreign(effect.label) + Content.styled(f"  {describe_effect(effect)}", "$text-success")
        lines.append(("cheaper (w)" if place == 0 else "", text))
    return tuple(lines)


def describe_effect(effect: Effect) -> str:
    """`−62 % calls`, or of what changes at all."""
    for name, share in (("calls", effect.calls), ("dollars", effect.usd), ("time", effect.minutes)):
        if share is not None and abs(share) >= 0.005:
            return f"{signed(share)} {name}"
    return effect.notes[0] if effect.notes else "no change"


def signed(share: float | None) -> str:
    """A change in percent; blank where it is unknown, `same` where it is none."""
    if share is None:
        return ""
    return "same" if abs(share) < 0.005 else f"{100 * share:+.0f} %".replace("-", "−")


def effect_rows(now: Estimate, effects: Sequence[Effect]) -> list[str]:
    """A head, the recipe as it is, and a line for each change."""
    rows = [["", "calls", "", "usd", "", "time", ""], ["as it is", *_amounts(now, ("", "", ""))]]
    for one in effects:
        label = one.label if len(one.label) <= _LABEL else one.label[: _LABEL - 1] + "…"
        if one.after is None:
            rows.append([label, "cannot", "", "", "", "", ""])
        else:
            shares = (signed(one.calls), signed(one.usd), signed(one.minutes))
            rows.append([label, *_amounts(one.after, shares)])
    return table(rows, "<>>>>>>")


def _amounts(found: Estimate, shares: tuple[str, str, str]) -> list[str]:
    calls, time = count(found.total.calls.expected), duration(60 * found.minutes.expected)
    return [calls, shares[0], money(found.total), shares[1], time, shares[2]]


def dry_lines(found: DryRun, estimate: Estimate | None) -> Content:
    """Calls by role as the real optimizer made them, beside the closed form."""
    rates = ", ".join(f"{100 * run.success_rate:.0f} %" for run in found.rates)
    rows = [["", "dry run", "low–high", "estimate"]]
    rows += [
        [
            role,
            count(calls.expected),
            f"{short_count(calls.low)}–{short_count(calls.high)}",
            count(estimate.roles[role].calls.expected) if estimate and role in estimate.roles else "–",
        ]
        for role, calls in found.calls.items()
    ]
    total = count(estimate.total.calls.expected) if estimate else "–"
    spread = f"{short_count(found.total.low)}–{short_count(found.total.high)}"
    rows.append(["total", count(found.total.expected), spread, total])
    head, *body = table(rows, "<>>>")
    bound = "" if found.complete else "; ended at its limit, so these are lower bounds"
    return Content("\n").join(
        [
            Content.styled(head, "$text-muted"),
            *(Content(line) for line in body),
            Content.styled(
                f"with {rates} of the rows right: {short_count(found.calls_per_second)} calls a second, "
                f"{duration(found.seconds)}{bound}",
                "$text-muted",
            ),
        ]
    )


def describe_progress(told: DryRunProgress) -> str:
    """One line while a dry run goes on."""
    calls = sum(told.calls.values())
    far = ""
    if told.trials_total:
        far = f", trial {told.trials} of {told.trials_total}"
    elif told.fraction is not None:
        far = f", {100 * told.fraction:.0f} % of its budget"
    return (
        f"dry run {told.number} of {told.rates} ({100 * told.success_rate:.0f} % right): {told.phase}{far}, "
        f"{count(calls)} calls, {duration(told.seconds)}, x cancels"
    )
