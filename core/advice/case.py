"""One optimizer in one situation: the facts that rules compare, and the words of their texts."""

from __future__ import annotations

from dataclasses import dataclass

from ..cost.buys import Cap, name_amount
from ..optimizers import registry
from ..wording import plural
from .situation import FEWEST_EXAMPLES, LARGE_DATA, SMALL_DATA, Cost, Situation
from .task import list_names

_UNSTEADY = 0.02


@dataclass(frozen=True)
class Case:
    """One optimizer in one situation: what a rule looks at."""

    facts: Situation
    optimizer: str

    @property
    def examples(self) -> int:
        """Examples to learn from; -1 where nobody counted them, so that no comparison holds by accident."""
        return -1 if self.facts.examples is None else self.facts.examples

    @property
    def predictors(self) -> int:
        return self.facts.predictors or 0

    @property
    def train(self) -> int:
        return -1 if self.facts.data is None else self.facts.data.train

    @property
    def unlabeled(self) -> tuple[str, ...]:
        return self.facts.program.unlabeled if self.facts.program is not None else ()

    @property
    def cost(self) -> Cost | None:
        return self.facts.costs.get(self.optimizer)

    @property
    def demo_tokens(self) -> float:
        return (self.facts.runs.demo_tokens or 0.0) if self.facts.runs is not None else 0.0

    @property
    def train_tokens(self) -> float:
        """Tokens of all train rows, as demonstrations."""
        return self.demo_tokens * max(self.train, 0)

    @property
    def objectives(self) -> int:
        return self.facts.metric.objectives if self.facts.metric is not None else 0

    @property
    def explains(self) -> bool:
        return self.facts.metric is not None and self.facts.metric.explains is True

    @property
    def routes(self) -> bool:
        """Whether feedback goes to single predictors; taking `pred_name` is enough where nobody compared."""
        metric = self.facts.metric
        if metric is None:
            return False
        return metric.takes_name is True if metric.routes is None else metric.routes

    @property
    def unsteady(self) -> bool:
        scores = self.facts.repeats or (self.facts.history.baselines if self.facts.history else ())
        return len(scores) > 1 and max(scores) - min(scores) > _UNSTEADY

    @property
    def words(self) -> dict[str, object]:
        """What the texts of a rule may name in braces."""
        cost, budget = self.cost, self.facts.budget
        over = cost.over(budget) if cost is not None else ()
        near = cost.over(budget, high=True) if cost is not None else ()
        return {
            "examples": self.examples,
            "few": FEWEST_EXAMPLES,
            "missing_few": plural(max(FEWEST_EXAMPLES - self.examples, 0), "more example"),
            "missing_small": plural(max(SMALL_DATA - self.examples, 0), "more example"),
            "missing_large": plural(max(LARGE_DATA - self.examples, 0), "more example"),
            "predictors": self.predictors,
            "train": self.train,
            "unlabeled": list_names(self.unlabeled),
            "objectives": self.objectives,
            "demo_tokens": f"{self.demo_tokens:,.0f}",
            "train_tokens": f"{self.train_tokens:,.0f}",
            "over": _caps(cost, self.facts, over),
            "near": _caps(cost, self.facts, near, high=True),
            "remedy": f"stay within it with --set {cost.fit}, or raise" if cost and cost.fit else "raise",
            "needs": registry.UNAVAILABLE[self.optimizer].needs
            if self.optimizer in registry.UNAVAILABLE
            else "",
        }


def is_budget_tight(facts: Situation) -> bool:
    """Whether neither of the guide's searches is expected to fit into the caps."""
    costs = [cost for name in ("MIPROv2", "GEPA") if (cost := facts.costs.get(name)) is not None]
    return bool(costs) and all(cost.over(facts.budget) for cost in costs)


def _caps(cost: Cost | None, facts: Situation, over: tuple[Cap, ...], *, high: bool = False) -> str:
    if cost is None:
        return ""
    told = []
    for name in over:
        amount = getattr(cost, f"{name}_high" if high else name)
        cap = name_amount(name, getattr(facts.budget, name))
        told.append(f"{name_amount(name, amount)} (the cap is {cap})")
    return " and ".join(told)
