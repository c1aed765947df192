"""Estimates are arithmetic on facts: by role, priced where a price is known, the usual rule beside it."""

import subprocess
import sys

import msgspec
import pytest

from core.cost.estimate import estimate_run, rule_of_thumb
from core.cost.facts import CallTokens, Measured
from core.errors import OptimizerError
from core.optimizers import registry
from core.optimizers.facts import Facts, PredictorFacts
from core.recipe import (
    DataSpec,
    MetricSpec,
    ModelProfile,
    OptimizerSpec,
    Price,
    ProgramSpec,
    Recipe,
    RunSpec,
)

FACTS = Facts(
    train=60,
    val=20,
    test=20,
    predictors=(PredictorFacts(name="a"), PredictorFacts(name="b")),
    success_rate=0.5,
    perfect_rate=0.5,
)
MEASURED = Measured(
    facts=FACTS,
    tokens={"student": CallTokens(200.0, 10.0), "reflection": CallTokens(900.0, 300.0)},
    demo_tokens=50.0,
    latency_seconds={"student": 1.0, "reflection": 4.0},
    start_seconds=3.0,
    rows=20,
    calls=40,
)
PRICED = ModelProfile(model="openai/mine", price=Price(input=1.0, output=10.0))


def make_recipe(optimizer="LabeledFewShot", params=None, models=None, threads=8):
    return Recipe(
        program=ProgramSpec(target="question -> answer"),
        data=DataSpec(path="rows.jsonl", inputs=("question",)),
        metric=MetricSpec(target="builtin:exact_match"),
        models=models or {"student": PRICED},
        optimizer=OptimizerSpec(name=optimizer, params=params or {}),
        run=RunSpec(num_threads=threads),
    )


def parts(found):
    return (found.low, found.expected, found.high)


def test_rule_of_thumb_of_seven_modules():
    assert rule_of_thumb(modules=7, val=12, iterations=8).calls == 1848
    facts = msgspec.structs.replace(
        FACTS, val=12, predictors=tuple(PredictorFacts(name=f"m{n}") for n in range(7))
    )
    measured = msgspec.structs.replace(MEASURED, facts=facts)
    for params in ({"max_full_evals": 8}, {}):
        found = estimate_run(make_recipe("GEPA", params), measured)
        assert found.rule_of_thumb.calls == 1848
        assert found.rule_of_thumb.why


def test_a_program_that_raises_is_the_first_thing_told():
    facts = msgspec.structs.replace(FACTS, error_rate=1.0)
    found = estimate_run(make_recipe("GEPA"), msgspec.structs.replace(MEASURED, facts=facts))
    assert found.assumptions[0].startswith("warning: 100 % of the program runs ended with an error")
    assert not any("ended with an error" in one for one in found.assumptions[1:])


def test_calls_tokens_and_dollars_of_the_simplest_optimizer():
    found = estimate_run(make_recipe(params={"k": 4}), MEASURED)
    student = found.roles["student"]
    # 40 rows before and 40 after, two calls each; four demonstrations in the second half.
    assert student.calls.expected == 160
    assert student.input_tokens.expected == 80 * 200 + 80 * (200 + 4 * 50)
    assert student.output_tokens.expected == 160 * 10
    assert student.usd.expected == pytest.approx((48_000 * 1.0 + 1_600 * 10.0) / 1e6)
    assert found.total.calls.expected == student.calls.expected


@pytest.mark.parametrize("name", registry.names())
def test_every_optimizer_in_order_and_summed(name):
    found = estimate_run(make_recipe(name), MEASURED)
    for one in (*found.roles.values(), found.total):
        for amount in (one.calls, one.input_tokens, one.output_tokens, one.usd):
            assert 0 <= amount.low <= amount.expected <= amount.high
    assert found.minutes.low <= found.minutes.expected <= found.minutes.high
    for edge in range(3):
        assert parts(found.total.calls)[edge] == sum(parts(one.calls)[edge] for one in found.roles.values())
    told = found.to_dict()
    assert set(told) >= {"optimizer", "roles", "total", "minutes", "assumptions", "rule_of_thumb"}


def test_an_unknown_price_is_unknown_and_said():
    models = {"student": PRICED, "reflection": ModelProfile(model="nobody/knows")}
    found = estimate_run(make_recipe("GEPA", models=models), MEASURED)
    assert found.roles["student"].usd is not None
    assert found.roles["reflection"].usd is None
    assert found.total.usd is None
    assert any("nobody/knows" in line for line in found.assumptions)


def test_more_threads_take_less_time_up_to_the_program_itself():
    slow, fast = (estimate_run(make_recipe(threads=threads), MEASURED).minutes for threads in (1, 8))
    assert slow.expected == pytest.approx((3 + 160 * 1.0) / 60)
    assert fast.expected == pytest.approx((3 + 160 / 8) / 60)


@pytest.mark.parametrize(
    ("limit", "told"),
    [({"requests_per_minute": 20}, "20 requests"), ({"tokens_per_minute": 2000}, "2,000 tokens")],
)
def test_a_model_with_a_limit_takes_as_long_as_the_limit_allows(limit, told):
    limited = msgspec.structs.replace(PRICED, **limit)
    found = estimate_run(make_recipe(models={"student": limited}), MEASURED)
    student = found.roles["student"]
    if "requests_per_minute" in limit:
        least = student.paid.expected / 20
    else:
        least = (student.input_tokens.expected + student.output_tokens.expected) / 2000
    assert found.minutes.expected == pytest.approx(least + 3 / 60, rel=0.01)
    assert found.minutes.low >= min(student.paid.low / 20, least / 2)
    assert any(f"at {told} a minute the student model alone takes" in line for line in found.assumptions)
    free = msgspec.structs.replace(PRICED, requests_per_minute=100_000)
    assert (
        estimate_run(make_recipe(models={"student": free}), MEASURED).minutes
        == estimate_run(make_recipe(), MEASURED).minutes
    )


def test_tokens_of_a_model_never_called_are_called_a_guess():
    found = estimate_run(make_recipe("COPRO"), MEASURED)
    assert any("proposer" in line and "guess" in line for line in found.assumptions)


def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(OptimizerError, match="no parameter"):
        estimate_run(make_recipe(params={"kk": 4}), MEASURED)
    with pytest.raises(OptimizerError, match="no optimizer"):
        estimate_run(msgspec.structs.replace(make_recipe(), optimizer=None), MEASURED)


def test_estimating_imports_no_dspy():
    code = "import sys\nimport core\ncore.estimate\nassert 'dspy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
