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
from ..optimizers.plan import Plan, Range, add_up
from ..optimizers.spec import resolve_params
from ..recipe import ModelProfile, Price, Recipe, Role
from .facts import CallTokens, Measured, get_facts

_DEMO_SHARE = 0.75
"""Part of the most demonstrations that a candidate's prompt holds on average during the compile."""
_TEXT_KEPT = 0.75
"""Part of a reflection's answer that ends up in the instruction it writes; the rest is reasoning."""
_TOKEN_ROOM = 0.25
"""Room on both sides of token counts: demonstrations and instructions differ from those measured."""
_UNMEASURED_LEAST = CallTokens(600.0, 150.0)
"""Tokens of a call of a role whose model was not called while measuring."""
_UNMEASURED_ROOM = (1 / 3, 5.0)
_SAMPLED_ROWS = 20
_DEFAULT_ITERATIONS = 8


class RoleEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one role's model will be asked, or all of them together."""

    calls: Range
    """LM calls asked."""
    input_tokens: Range
    """Of answers a provider produces: repeated requests are answered from the journal."""
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
    params = resolve_params(optimizer.spec, recipe.optimizer.params, facts).params
    plan = optimizer.plan(facts, recipe.optimizer.params)
    models = fill_roles(recipe.models)
    paid = _paid_shares(plan, measured)
    roles = {}
    guessed = []
    for role, calls in plan.calls.items():
        inputs, outputs = _tokens_per_call(role, plan, optimizer.spec.name, params, measured)
        if role not in measured.tokens:
            guessed.append(role)
        answered = Range(calls.low * paid.low, calls.expected * paid.expected, calls.high * paid.high)
        if role != "student":
            answered = calls
        roles[role] = _price_role(models[role], calls, _times(answered, inputs), _times(answered, outputs))
    return Estimate(
        optimizer=optimizer.spec.name,
        roles=roles,
        total=_add_roles(list(roles.values())),
        minutes=_minutes(recipe, plan, measured, paid),
        program_runs=_whole(plan.student_runs + plan.teacher_runs),
        assumptions=(*plan.assumptions, *_assumptions(recipe, measured, models, roles, guessed)),
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


def _paid_shares(plan: Plan, measured: Measured) -> Range:
    """Part of the student's calls that a provider answers.

    The optimizer scores the unoptimized program on val again, and the run scores the returned one on val
    again: equal requests, replayed. Further candidates may repeat one another's prompts.
    """
    _, val, test = measured.facts.sizes
    runs = plan.student_runs.expected
    own = (val + test) * (1 + plan.answer.get("student", 0.0) / measured.facts.calls_per_run)
    repeated = 2 * val if runs - own >= 2 * val else 0
    expected = (1.0 - repeated / runs if runs else 1.0) * (1.0 - measured.facts.duplicate_share)
    return Range(0.5 * expected if repeated else 0.95 * expected, expected, 1.0)


def _tokens_per_call(
    role: Role, plan: Plan, optimizer: str, params: Mapping[str, Any], measured: Measured
) -> tuple[Range, Range]:
    """Input and output tokens of one call of the role."""
    tokens = measured.tokens.get(role)
    if tokens is None:
        student = measured.tokens.get("student", _UNMEASURED_LEAST)
        least = _UNMEASURED_LEAST
        low, high = _UNMEASURED_ROOM
        expected = (max(least.input, 2 * student.input), max(least.output, student.output))
        return Range(low * expected[0], expected[0], high * expected[0]), Range(
            low * expected[1], expected[1], high * expected[1]
        )
    outputs = Range(tokens.output, tokens.output, tokens.output).widened(_TOKEN_ROOM)
    if role != "student":
        return Range(tokens.input, tokens.input, tokens.input).widened(_TOKEN_ROOM), outputs
    demos = _most_demos(optimizer, params, measured.facts.train or 0) * measured.demo_tokens
    text = _TEXT_KEPT * measured.tokens["reflection"].output if "reflection" in measured.tokens else 0.0
    if "reflection" not in plan.calls:
        text = 0.0
    _, val, test = measured.facts.sizes
    rows = float(val + test)
    runs = max(plan.student_runs.expected, 1.0)
    first = min(1.0, rows / runs)
    last = min(1.0 - first, rows * plan.answer.get("student", 0.0) / measured.facts.calls_per_run / runs)
    between = max(0.0, 1.0 - first - last)
    # Before the compile the program is as it is; after it the prompt is full; between them it varies.
    grown = (last + _DEMO_SHARE * between) * (demos + text)
    return (
        Range(tokens.input, tokens.input + grown, tokens.input + demos + 2 * text).widened(_TOKEN_ROOM),
        outputs,
    )


def _most_demos(optimizer: str, params: Mapping[str, Any], train: int) -> int:
    """The most demonstrations a predictor's prompt can hold under these parameters."""
    if optimizer == "BootstrapFewShotWithOptuna":
        return 1  # a trial picks one demonstration for each predictor (dspy's teleprompt_optuna.py)
    if params.get("k") is not None:
        return min(int(params["k"]), train)  # all of them come from the k rows
    names = ("max_labeled_demos", "max_bootstrapped_demos", "max_demos")
    return min(max((int(params[name]) for name in names if params.get(name) is not None), default=0), train)


def _minutes(recipe: Recipe, plan: Plan, measured: Measured, paid: Range) -> Range:
    """Seconds until everything is loaded, then program runs on the evaluation threads and the rest in turn.

    Waiting for a provider goes on in parallel; what the program and an embedded model compute does not.
    """
    threads = max(1, recipe.run.num_threads)
    models = fill_roles(recipe.models)
    runs = plan.student_runs
    seconds = Range(measured.start_seconds, measured.start_seconds, 2 * measured.start_seconds)
    seconds = seconds + runs * measured.own_seconds
    for role, calls in plan.calls.items():
        latency = measured.latency_seconds.get(role, measured.latency_seconds.get("student", 0.0))
        profile = models[role]
        computed = profile.model.startswith("embedded/") and not profile.dials.get("latency")
        parallel = threads if role in ("student", "judge") and not computed else 1
        if role == "student":
            calls = Range(calls.low * paid.low, calls.expected * paid.expected, calls.high)
        # Threads wait for the slowest row at the end of each evaluation.
        seconds = seconds + Range(
            calls.low * latency / parallel,
            calls.expected * latency / parallel,
            calls.high * latency / max(1.0, parallel / 2),
        )
    seconds = seconds + plan.teacher_runs * measured.own_seconds
    return Range(seconds.low * 0.5 / 60, seconds.expected / 60, seconds.high * 2 / 60)


def _price_role(profile: ModelProfile, calls: Range, inputs: Range, outputs: Range) -> RoleEstimate:
    price = price_of(profile)
    return RoleEstimate(
        calls=_whole(calls),
        input_tokens=_whole(inputs),
        output_tokens=_whole(outputs),
        usd=_usd(price, inputs, outputs) if price is not None else None,
        model=profile.model,
    )


def _usd(price: Price, inputs: Range, outputs: Range) -> Range:
    return Range(
        usd_of(price, round(inputs.low), round(outputs.low)),
        usd_of(price, round(inputs.expected), round(outputs.expected)),
        usd_of(price, round(inputs.high), round(outputs.high)),
    )


def _add_roles(roles: list[RoleEstimate]) -> RoleEstimate:
    costs = [role.usd for role in roles]
    return RoleEstimate(
        calls=add_up(role.calls for role in roles),
        input_tokens=add_up(role.input_tokens for role in roles),
        output_tokens=add_up(role.output_tokens for role in roles),
        usd=None if None in costs else add_up(cost for cost in costs if cost is not None),
    )


def _times(one: Range, other: Range) -> Range:
    return Range(one.low * other.low, one.expected * other.expected, one.high * other.high)


def _whole(count: Range) -> Range:
    """Whole numbers that hold the range."""
    return Range(math.floor(count.low), round(count.expected), math.ceil(count.high))


def _assumptions(
    recipe: Recipe,
    measured: Measured,
    models: Mapping[Role, ModelProfile],
    roles: Mapping[Role, RoleEstimate],
    guessed: list[Role],
) -> list[str]:
    facts = measured.facts
    cost = "" if measured.usd == 0 else f", ${measured.usd:.4f}" if measured.usd else ", price unknown"
    told = [f"measured on {measured.rows} rows of val with {measured.calls} LM calls{cost}"]
    if facts.error_rate:
        told.append(f"{facts.error_rate:.0%} of the program runs ended with an error while measuring")
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
    told.append(f"tokens and dollars leave out repeated requests; {recipe.run.num_threads} threads")
    return told
