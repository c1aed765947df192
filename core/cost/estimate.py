"""What a run will ask for, by role: calls, tokens, dollars and minutes. Arithmetic on measured facts only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import OptimizerError
from ..models.prices import price_of, usd_of
from ..models.roles import fill_roles
from ..optimizers import registry
from ..optimizers.plan import Range, add_up
from ..optimizers.spec import check_needs, resolve_params
from ..recipe import Budget, ModelProfile, Price, Recipe, Role
from ..wording import percent, plural
from .facts import Measured, get_facts
from .minutes import expect_minutes, tell_limits
from .tokens import RoleTokens, count_tokens

_SAMPLED_ROWS = 20
_DEFAULT_ITERATIONS = 8


class RoleEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one role's model will be asked, or all of them together."""

    calls: Range
    """LM calls asked."""
    paid: Range
    """Calls that a provider answers: repeated requests are answered from the journal."""
    input_tokens: Range
    """Of the answers that are paid for, as are the dollars."""
    output_tokens: Range
    usd: Range | None
    """None where the model's price is unknown."""
    model: str = ""


class RuleOfThumb(msgspec.Struct, frozen=True):
    """The usual quick reckoning, to see the estimate beside it."""

    calls: int
    why: str
    """Why it differs."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole run will ask for, the scoring before and after the compile included."""

    optimizer: str
    roles: dict[Role, RoleEstimate]
    total: RoleEstimate
    minutes: Range
    program_runs: Range
    assumptions: tuple[str, ...]
    rule_of_thumb: RuleOfThumb

    def to_dict(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def estimate(recipe: Recipe, workspace: Path | str | None = None) -> Estimate:
    """The estimate for a recipe; facts that nobody measured yet are measured first, in a child process.

    `workspace` is the folder of the recipe's targets and files; one from `Workspace.recipe` knows its own.
    """
    return estimate_run(recipe, get_facts(recipe, Path(workspace) if workspace else None))


def estimate_run(recipe: Recipe, measured: Measured) -> Estimate:
    """The estimate from facts alone: no dspy, no call, no clock.

    Raises `OptimizerError` for parameters that do not fit the data or each other.
    """
    if recipe.optimizer is None:
        raise OptimizerError("no optimizer is chosen", where="optimizer.name", fix="name one, e.g. GEPA")
    optimizer = registry.get(recipe.optimizer.name)
    facts = measured.facts
    check_needs(optimizer.spec, facts)
    params = resolve_params(optimizer.spec, recipe.optimizer.params, facts).params
    plan = optimizer.plan(facts, recipe.optimizer.params)
    models = fill_roles(recipe.models)
    tokens = {role: count_tokens(role, plan, measured) for role in plan.calls}
    roles = {
        role: _price_role(models[role], plan.calls[role], one, measured.cached_shares.get(role, 0.0))
        for role, one in tokens.items()
    }
    guessed = [role for role in plan.calls if role not in measured.tokens]
    total = _add_roles(list(roles.values()))
    minutes = expect_minutes(recipe, plan, measured, tokens)
    return Estimate(
        optimizer=optimizer.spec.name,
        roles=roles,
        total=total,
        minutes=minutes,
        program_runs=_whole(plan.student_runs + plan.teacher_runs),
        assumptions=(
            *_warnings(measured),
            *plan.assumptions,
            *_assumptions(recipe, measured, models, roles, guessed),
            *tell_limits(recipe, tokens),
            *_compare_caps(recipe.budget, roles, total, minutes, plan.student_runs.expected),
        ),
        rule_of_thumb=rule_of_thumb(
            modules=max(len(facts.predictors), 1),
            val=facts.val or 0,
            iterations=params.get("max_full_evals") or _DEFAULT_ITERATIONS,
        ),
    )


def rule_of_thumb(*, modules: int, val: int, iterations: int = _DEFAULT_ITERATIONS) -> RuleOfThumb:
    """iterations × (20 sampled rows × modules + modules proposals + val × modules).

    The quick figure of guides to DSPy optimization: an estimate should say why it differs from it.

    7 modules, 12 val rows and 8 iterations give 1,848.
    """
    calls = iterations * (_SAMPLED_ROWS * modules + modules + val * modules)
    return RuleOfThumb(
        calls,
        f"it takes {iterations} iterations of {_SAMPLED_ROWS} sampled rows, a proposal for each module and a "
        "full val evaluation, whatever the optimizer; the estimate follows this optimizer's own budget and "
        "adds the scoring of val and test before and after",
    )


def _price_role(profile: ModelProfile, calls: Range, tokens: RoleTokens, cached: float) -> RoleEstimate:
    price = price_of(profile)
    return RoleEstimate(
        calls=_whole(calls),
        paid=_whole(tokens.paid),
        input_tokens=_whole(tokens.input),
        output_tokens=_whole(tokens.output),
        usd=_usd(price, tokens.input, tokens.output, cached) if price is not None else None,
        model=profile.model,
    )


def _usd(price: Price, inputs: Range, outputs: Range, cached: float) -> Range:
    """Dollars, with this share of the input at the price of cached tokens; at worst none of it."""

    def cost(amount: float, written: float, share: float) -> float:
        return usd_of(price, round(amount), round(written), round(amount * share))

    return Range(
        cost(inputs.low, outputs.low, cached),
        cost(inputs.expected, outputs.expected, cached),
        cost(inputs.high, outputs.high, 0.0),
    )


def _add_roles(roles: list[RoleEstimate]) -> RoleEstimate:
    costs = [role.usd for role in roles]
    return RoleEstimate(
        calls=add_up(role.calls for role in roles),
        paid=add_up(role.paid for role in roles),
        input_tokens=add_up(role.input_tokens for role in roles),
        output_tokens=add_up(role.output_tokens for role in roles),
        usd=None if None in costs else add_up(cost for cost in costs if cost is not None),
    )


def _whole(count: Range) -> Range:
    """Whole numbers that hold the range."""
    return Range(math.floor(count.low), round(count.expected), math.ceil(count.high))


def _warnings(measured: Measured) -> list[str]:
    """What puts everything else in doubt, so it comes first."""
    share = measured.facts.error_rate
    told = f"warning: {percent(share)} of the program runs ended with an error while measuring"
    return [f"{told}; `compilot check` shows one"] if share else []


def _assumptions(
    recipe: Recipe,
    measured: Measured,
    models: Mapping[Role, ModelProfile],
    roles: Mapping[Role, RoleEstimate],
    guessed: list[Role],
) -> list[str]:
    cost = "" if measured.usd == 0 else f", ${measured.usd:.4f}" if measured.usd else ", price unknown"
    rows, calls = plural(measured.rows, "row"), plural(measured.calls, "LM call")
    told = [f"measured on {rows} of val with {calls}{cost}"]
    if measured.past_runs:
        told.append(f"{plural(measured.past_runs, 'past run')} of this workspace went in")
    if measured.depth == "small":
        told.append("only a few rows were tried, because these models cost money")
    if guessed:
        names = " and ".join(guessed)
        told.append(f"the {names} model was not called while measuring: its tokens are a guess")
    told += [
        f"the price of {models[role].model} ({role}) is unknown: give one in models.{role}.price"
        for role, one in roles.items()
        if one.usd is None
    ]
    told += [_tell_cache(role, models[role], measured) for role in roles if _has_cache_price(models[role])]
    told.append(f"tokens and dollars leave out repeated requests; {recipe.run.num_threads} threads")
    return told


def _compare_caps(
    budget: Budget,
    roles: Mapping[Role, RoleEstimate],
    total: RoleEstimate,
    minutes: Range,
    runs: float,
) -> list[str]:
    """Where a cap ends the run before it is done, and where it does not even reach for one program run."""
    student = roles.get("student")

    def amounts(one: RoleEstimate) -> dict[str, float | None]:
        return {
            "usd": one.usd.expected if one.usd else None,
            "calls": one.paid.expected,
            "tokens": one.input_tokens.expected + one.output_tokens.expected,
        }

    needs = {**amounts(total), "minutes": minutes.expected}
    by_student = amounts(student) if student else {}
    told = []
    for name, needed in needs.items():
        cap = getattr(budget, name)
        if cap is None:
            continue
        whole = by_student.get(name)
        one_run = whole / runs if whole and runs else None
        if one_run is not None and cap < one_run:
            told.append(
                f"the cap of {cap:g} {name} is below one program run (about {one_run:.4g}): raise it, "
                "or nothing is scored"
            )
        elif needed is None:
            told.append(
                f"the cap of {cap:g} {name} holds for models of known price only; cap calls or tokens"
            )
        elif cap < needed:
            told.append(
                f"the cap of {cap:g} {name} ends the run before it is done: about {needed:.4g} are expected"
            )
    return told


def _has_cache_price(profile: ModelProfile) -> bool:
    price = price_of(profile)
    return price is not None and price.cached_input is not None and price.cached_input < price.input


def _tell_cache(role: Role, profile: ModelProfile, measured: Measured) -> str:
    cached = measured.cached_shares.get(role)
    if cached is None:
        return f"{profile.model} ({role}) sells cached input cheaper: the dollars reckon with none of it"
    return f"{percent(cached)} of the input of {profile.model} ({role}) is cached, as in past runs"
