"""The optimizers to choose from, with how each fits and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from core.cost.estimate import Estimate

from ...registry import bindings
from ...text import short_count
from ...widgets.fitted import FittedText, hang
from ...widgets.foreign import foreign
from ...widgets.options import Options
from ...widgets.pane import Pane
from .fit import Fit
from .preview import money

Costs = Mapping[str, Estimate | str]
"""By optimizer: with its own defaults, or why there is none."""


class OptimizerList(Options):
    """One line for each."""

    PANE = "optimizers"
    BINDINGS: ClassVar[list[BindingType]] = bindings("optimize", "optimizers")

    def action_choose(self) -> None:
        self.action_select()


class OptimizersPane(Pane):
    """The ranking, and why the one at the cursor stands where it does."""

    DEFAULT_CSS = """
    OptimizersPane {
        OptimizerList { height: auto; max-height: 60%; border: none; padding: 0; background: transparent; }
        FittedText { height: 1fr; border-top: solid $pane-border; }
    }
    """

    @dataclass
    class Chosen(Message):
        """The person wants this one."""

        name: str

    def __init__(self) -> None:
        super().__init__(title="Optimizers", id="optimizers", classes="page-optimizers")
        self._fits: tuple[Fit, ...] = ()
        self._chosen = ""
        self._costs: Costs = {}

    def compose(self) -> ComposeResult:
        yield OptimizerList(markup=False, compact=True)
        yield FittedText(id="reasons")

    def show_fits(self, fits: tuple[Fit, ...], chosen: str, costs: Costs) -> None:
        """The list as it is now; the cursor stays on its optimizer."""
        if (fits, chosen, costs) == (self._fits, self._chosen, self._costs):
            return
        first = not self._fits
        at = chosen if first or chosen != self._chosen else self.at_cursor
        self._fits, self._chosen, self._costs = fits, chosen, costs
        ranked = any(fit.score is not None for fit in fits)
        self.name_pane("Optimizers", "score, calls" if ranked else "calls")
        choices = self.query_one(OptimizerList)
        with self.app.batch_update(), self.prevent(OptionList.OptionHighlighted):
            choices.set_options(
                Option(describe_line(fit, chosen, costs.get(fit.name)), disabled=not fit.runs_here)
                for fit in fits
            )
            names = [fit.name for fit in fits]
            choices.highlighted = names.index(at) if at in names else 0
        self._show_reasons()

    @property
    def at_cursor(self) -> str:
        place = self.query_one(OptimizerList).highlighted
        return self._fits[place].name if place is not None and place < len(self._fits) else ""

    @on(OptionList.OptionHighlighted)
    def _show_reasons(self) -> None:
        fit = next((fit for fit in self._fits if fit.name == self.at_cursor), None)
        if fit is not None:
            chosen, cost = fit.name == self._chosen, self._costs.get(fit.name)
            self.query_one(FittedText).show_fitted(
                lambda width: Content("\n").join(describe_fit(fit, chosen, cost, width))
            )

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._fits[event.option_index].name))


def describe_line(fit: Fit, chosen: str, cost: Estimate | str | None) -> Content:
    """Mark, score, name and expected calls."""
    mark = Content.styled("! ", "$text-warning") if fit.unmet and fit.runs_here else Content("  ")
    if fit.name == chosen:
        mark = Content.styled("● ", "$text-accent")
    style = "bold" if fit.name == chosen else "dim" if fit.unmet or not fit.runs_here else ""
    score = Content.styled(f"{fit.score:>3} " if fit.score is not None else "", "$text-accent")
    calls = short_count(cost.total.calls.expected) if isinstance(cost, Estimate) else ""
    return mark + score + Content.styled(f"{fit.name:<32}", style) + Content.styled(f"{calls:>6}", "dim")


def describe_fit(fit: Fit, chosen: bool, cost: Estimate | str | None, width: int) -> Iterator[Content]:
    """Why it stands where it does, and what it would take: lines for a pane of this many columns."""
    head = Content.styled(fit.name, "bold") + Content(" (chosen)" if chosen else "")
    if fit.score is not None:
        head += Content.styled(f"  score {fit.score}", "$text-accent")
    yield head
    yield foreign(fit.summary)
    for need in fit.unmet:
        yield hang(Content.styled("! ", "$text-warning") + foreign(need), width, 2)
    for reason in fit.reasons:
        yield _point(reason, width)
    for change in fit.changes:
        yield _point(change.replace(": ", " if you ", 1), width, "$text-muted")
    if isinstance(cost, Estimate):
        spread = f"{short_count(cost.total.calls.low)}–{short_count(cost.total.calls.high)}"
        yield (
            Content(f"{short_count(cost.total.calls.expected)} calls")
            + Content.styled(f" ({spread})", "$text-muted")
            + Content(f", {money(cost.total)}")
            + Content.styled(", with its own defaults", "$text-muted")
        )
    elif cost:
        yield foreign(cost, "$text-warning")
    if fit.runs_here and not chosen:
        yield Content.styled("enter chooses it", "$text-muted")


def _point(reason: str, width: int, style: str = "") -> Content:
    """A reason, its points in front where it has some."""
    points, _, text = reason.partition(" ")
    if points[:1] in "+-" and points[1:].isdigit():
        head = Content.styled(f"{points:>3}  ", style or "$text-accent")
        return hang(head + foreign(text, style), width, head.cell_length)
    return hang(Content.styled("· ", "$text-muted") + foreign(reason, style), width, 2)
