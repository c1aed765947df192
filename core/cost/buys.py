"""What a budget buys: how many trials of an optimizer fit into the caps, from its estimates alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from ..errors import ConfigError, OptimizerError
from ..models.prices import price_of
from ..models.roles import fill_roles
from ..optimizers import registry
from ..optimizers.facts import Facts
from ..optimizers.miprov2_schedule import AUTO_CANDIDATES
from ..optimizers.spec import Params, Spec, resolve_params
from ..recipe import Budget, OptimizerSpec, Recipe
from .estimate import Estimate, estimate_run
from .facts import Measured

Cap = Literal["usd", "calls", "tokens", "minutes"]
CAPS: tuple[Cap, ...] = ("usd", "calls", "tokens", "minutes")
_MOST = 1_000_000
_TRIED = 64
_EXACT = 512
"""Up to here sizes are found exactly; larger ones follow from the line through two estimates."""
_EXACT_BOOTSTRAPS = 64
"""The same where each unit is a bootstrap: an estimate of hundreds of them is not instant."""
_ROUNDED = 10
"""Evaluations from which tenths of one say nothing."""


class Size(NamedTuple):
    """The parameter that says how long an optimizer searches."""

    parameter: str
    one: str
    """What a unit of it is."""
    unit: str
    """The same in the plural."""
    useful: Callable[[Facts], int] = lambda facts: 1
    """Fewer than this are no search worth the name."""
    settle: Callable[[Params], Mapping[str, Any]] = lambda params: {}
    """Parameters that have to be set (or, with None, left out) beside it."""
    most: Callable[[Facts], int | None] = lambda facts: None
    """More of it than this makes no difference."""
    exact_up_to: int = _EXACT


def _without_auto(params: Params) -> Mapping[str, Any]:
    """MIPROv2 takes num_trials only together with num_candidates, and without auto."""
    auto = params.get("auto")
    candidates = params.get("num_candidates") or AUTO_CANDIDATES.get(str(auto), AUTO_CANDIDATES["light"])
    return {"auto": None, "num_candidates": candidates}


_SIZES: Mapping[str, Size] = {
    "BootstrapFewShot": Size(
        "max_bootstrapped_demos",
        "bootstrapped demonstration",
        "bootstrapped demonstrations",
        most=lambda facts: facts.train,
    ),
    "BootstrapFewShotWithRandomSearch": Size(
        "num_candidate_programs",
        "candidate program",
        "candidate programs",
        lambda facts: 3,
        exact_up_to=_EXACT_BOOTSTRAPS,
    ),
    "BootstrapFewShotWithOptuna": Size("num_candidate_programs", "trial", "trials", lambda facts: 5),
    "KNNFewShot": Size(
        "k", "nearest row per answer", "nearest rows per answer", most=lambda facts: facts.train
    ),
    "COPRO": Size(
        "breadth",
        "instruction per predictor and depth",
        "instructions per predictor and depth",
        lambda facts: 3,
    ),
    "MIPROv2": Size("num_trials", "trial", "trials", lambda facts: 5, _without_auto),
    "SIMBA": Size("max_steps", "step", "steps", lambda facts: 2),
    "GEPA": Size(
        "max_metric_calls",
        "metric call",
        "metric calls",
        lambda facts: (facts.train or 0) + (facts.val or 0),
        lambda params: {"auto": None, "max_full_evals": None},
        exact_up_to=_MOST,
    ),
    "InferRules": Size("num_candidates", "set of rules", "sets of rules", lambda facts: 2),
    "Ensemble": Size(
        "num_candidate_programs",
        "candidate program",
        "candidate programs",
        lambda facts: 3,
        exact_up_to=_EXACT_BOOTSTRAPS,
    ),
}
"""An optimizer without a row is bought in whole runs."""


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """How far a budget goes."""

    optimizer: str
    unit: str
    count: int | None
    """Units that fit by the expected estimate, 0 where not even the smallest run fits; None where nothing
    limits them, or where a price is unknown and no other cap is set."""
    limited_by: Cap | None = None
    """The cap that is reached first."""
    useful: bool = True
    """Whether so many are a search worth the name."""
    settings: dict[str, Any] = {}
    """Parameters that make the run of this size; empty where there is none."""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """In words, as a line of the estimate."""
        if self.count is None:
            return self.notes[0] if self.notes else f"any number of {self.unit}"
        if self.count == 0:
            return "; ".join((f"not even the smallest run of {self.optimizer}", *self.notes))
        about = f"about {self.count:,} {self.unit}"
        if self.limited_by is not None:
            about += f", limited by {self.limited_by}"
        return "; ".join((about, *self.notes))

    def to_dict(self) -> dict[str, Any]:
        return {**msgspec.to_builtins(self), "text": self.text}


def trials_within(recipe: Recipe, measured: Measured, budget: Budget | None = None) -> Bought | None:
    """How many trials of the recipe's optimizer fit into `budget` (the recipe's own, where none is given).

    None where nothing is capped. Raises `OptimizerError` as `estimate_run` does. The largest size whose
    expected estimate stays within every cap; the scoring before and after the compile is paid first.
    """
    caps = _read_caps(recipe.budget if budget is None else budget)
    if not caps:
        return None
    if recipe.optimizer is None:
        raise OptimizerError("no optimizer is chosen", where="optimizer.name", fix="name one, e.g. GEPA")
    spec = registry.get(recipe.optimizer.name).spec
    size = _SIZES.get(spec.name)
    notes, caps = _drop_unpriced(recipe, measured, caps)
    if not caps:
        return Bought(optimizer=spec.name, unit=_unit(size), count=None, notes=notes)
    if size is None:
        return _buy_runs(recipe, measured, caps, notes)
    return _Search(recipe, measured, caps, spec, size).find(notes)


def with_params(recipe: Recipe, params: Mapping[str, Any]) -> Recipe:
    """The recipe with other parameters of its optimizer; None leaves one out that is not optional."""
    assert recipe.optimizer is not None
    chosen = OptimizerSpec(name=recipe.optimizer.name, params=dict(params))
    return msgspec.structs.replace(recipe, optimizer=chosen)


def amount_of(found: Estimate, cap: Cap) -> float | None:
    """The expected amount that a cap is compared with; None for dollars at an unknown price."""
    if cap == "usd":
        return found.total.usd.expected if found.total.usd is not None else None
    if cap == "calls":
        return found.total.calls.expected
    if cap == "tokens":
        return found.total.input_tokens.expected + found.total.output_tokens.expected
    return found.minutes.expected


def name_amount(cap: Cap, amount: float) -> str:
    """An amount with its unit, as a person reads it."""
    if cap == "usd":
        return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
    if cap == "minutes":
        return f"{amount:,.1f}".removesuffix(".0") + " minutes"
    return f"{amount:,.0f} {cap}"


def _read_caps(budget: Budget) -> dict[Cap, float]:
    caps: dict[Cap, float] = {}
    for name in CAPS:
        value = getattr(budget, name)
        if value is None:
            continue
        if not (isinstance(value, (int, float)) and math.isfinite(value)) or value < 0:
            raise ConfigError(
                f"a cap cannot be {value!r}", where=f"budget.{name}", fix="give a number from 0 up"
            )
        caps[name] = float(value)
    return caps


def _drop_unpriced(
    recipe: Recipe, measured: Measured, caps: dict[Cap, float]
) -> tuple[tuple[str, ...], dict[Cap, float]]:
    """Without the cap on dollars where a price is unknown; what is said instead."""
    if "usd" not in caps:
        return (), caps
    found = estimate_run(recipe, measured)
    if found.total.usd is not None:
        return (), caps
    models = fill_roles(recipe.models)
    unknown = sorted({models[role].model for role in found.roles if price_of(models[role]) is None})
    rest: dict[Cap, float] = {name: cap for name, cap in caps.items() if name != "usd"}
    names = " and ".join(unknown)
    if rest:
        others = " and ".join(rest)
        return (f"the price of {names} is unknown, so this goes by {others}",), rest
    calls, tokens = amount_of(found, "calls"), amount_of(found, "tokens")
    return (
        f"the price of {names} is unknown, so dollars buy an unknown number: as it is set, a run takes about "
        f"{calls:,.0f} calls and {tokens:,.0f} tokens; cap those",
    ), rest


def _unit(size: Size | None) -> str:
    return size.unit if size is not None else "whole runs"


def _buy_runs(
    recipe: Recipe, measured: Measured, caps: Mapping[Cap, float], notes: tuple[str, ...]
) -> Bought:
    """For an optimizer without a size: how often the whole run fits."""
    assert recipe.optimizer is not None
    found = estimate_run(recipe, measured)
    counts = {
        cap: most / amount
        for cap, most in caps.items()
        if (amount := amount_of(found, cap)) is not None and amount
    }
    if not counts:
        return Bought(optimizer=found.optimizer, unit="whole runs", count=None, notes=notes)
    limit = min(counts, key=lambda cap: counts[cap])
    if counts[limit] < 1:
        notes = (*notes, f"it takes about {name_amount(limit, amount_of(found, limit) or 0.0)}")
    return Bought(
        optimizer=found.optimizer,
        unit="whole run" if int(counts[limit]) == 1 else "whole runs",
        count=int(counts[limit]),
        limited_by=limit,
        useful=counts[limit] >= 1,
        settings=dict(recipe.optimizer.params) if counts[limit] >= 1 else {},
        notes=notes,
    )


class _Search:
    """Looks for the largest size that fits, with as few estimates as will do."""

    def __init__(
        self, recipe: Recipe, measured: Measured, caps: Mapping[Cap, float], spec: Spec, size: Size
    ) -> None:
        assert recipe.optimizer is not None
        self.recipe = recipe
        self.measured = measured
        self.caps = caps
        self.spec = spec
        self.size = size
        given = dict(recipe.optimizer.params)
        if "preset" in given and spec.presets:
            given = {**spec.presets[given.pop("preset")], **given}
        params = resolve_params(spec, recipe.optimizer.params, measured.facts).params
        self.params = {**given, **size.settle(params)}
        self.least = self._find_least(max(1, int(spec.parameter(size.parameter).low or 0)))

    def find(self, notes: tuple[str, ...]) -> Bought:
        least = self.least
        over = self._over(least)
        if over is not None:
            amount = amount_of(self._estimate(least), over) or 0.0
            return self._bought(0, over, (*notes, f"it takes about {name_amount(over, amount)}"))
        most = self.size.most(self.measured.facts)
        if most is not None and (over := self._over(max(most, least))) is None:
            return self._bought(max(most, least), None, (*notes, "more would make no difference"))
        fits, bound = least, most
        while bound is None and fits < self.size.exact_up_to:
            over = self._over(2 * fits)
            fits, bound = (2 * fits, None) if over is None else (fits, 2 * fits)
        if bound is None:
            return self._extrapolate(fits, notes)
        return self._bought(*self._bisect(fits, bound, over), notes)

    def _bisect(self, fits: int, bound: int, over: Cap | None) -> tuple[int, Cap | None]:
        """The largest size that fits, and the cap that the next one passes."""
        while bound - fits > 1:
            middle = (fits + bound) // 2
            passed = self._over(middle)
            if passed is None:
                fits = middle
            else:
                bound, over = middle, passed
        return fits, over

    def _extrapolate(self, fits: int, notes: tuple[str, ...]) -> Bought:
        """Far out estimates grow along a line: where it reaches the first cap, or nowhere."""
        first, second = self._estimate(fits // 2), self._estimate(fits)
        reached: dict[Cap, float] = {}
        for cap, most in self.caps.items():
            start, end = amount_of(first, cap), amount_of(second, cap)
            if start is not None and end is not None and end > start:
                reached[cap] = fits + (most - end) * (fits - fits // 2) / (end - start)
        if not reached:
            return self._bought(None, None, notes)
        limit = min(reached, key=lambda cap: reached[cap])
        return self._bought(min(math.floor(reached[limit]), _MOST), limit, notes)

    def _find_least(self, low: int) -> int:
        """The smallest size that the optimizer takes together with the other parameters."""
        if self.size.parameter == "max_metric_calls":
            return max(low, self.measured.facts.val or 1)  # never less than one evaluation of val
        for count in range(low, low + _TRIED):
            try:
                resolve_params(self.spec, self._with(count), self.measured.facts)
            except OptimizerError:
                continue  # as Ensemble, which cannot take more programs than there are candidates
            return count
        return low

    def _estimate(self, count: int) -> Estimate:
        return estimate_run(with_params(self.recipe, self._with(count)), self.measured)

    def _with(self, count: int) -> dict[str, Any]:
        return {**self.params, self.size.parameter: count}

    def _over(self, count: int) -> Cap | None:
        found = self._estimate(count)
        for cap, most in self.caps.items():
            amount = amount_of(found, cap)
            if amount is not None and amount > most:
                return cap
        return None

    def _bought(self, count: int | None, limit: Cap | None, notes: tuple[str, ...]) -> Bought:
        settings = self._with(count) if count else {}
        if count and self.spec.name == "GEPA":
            rows = (self.measured.facts.train or 0) + (self.measured.facts.val or 0)
            times = count / max(rows, 1)
            told = f"{times:,.0f}" if times >= _ROUNDED else f"{times:.1f}"
            notes = (*notes, f"that is {told} evaluations of train and val together")
        return Bought(
            optimizer=self.spec.name,
            unit=self.size.one if count == 1 else self.size.unit,
            count=count,
            limited_by=limit,
            useful=count is None or count >= self.size.useful(self.measured.facts),
            settings=settings,
            notes=notes,
        )
