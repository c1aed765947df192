"""What a budget buys: the most that stays within every cap, for every optimizer."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.cost.buys import amount_of, name_amount, trials_within, with_params
from core.cost.estimate import estimate_run
from core.errors import ConfigError, OptimizerError
from core.optimizers import registry
from core.recipe import Budget, ModelProfile
from tests.core.cost.test_estimate import MEASURED, PRICED, make_recipe

SIZED = [name for name in registry.names() if name != "LabeledFewShot"]


def fits(recipe, settings_, budget):
    found = estimate_run(with_params(recipe, settings_), MEASURED)
    return all(
        cap is None or amount_of(found, name) <= cap
        for name, cap in ((name, getattr(budget, name)) for name in ("usd", "calls", "tokens", "minutes"))
    )


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize(
    "budget", [Budget(calls=4000), Budget(usd=0.8), Budget(minutes=12), Budget(tokens=900_000)]
)
def test_what_is_bought_stays_within_the_cap_and_one_more_does_not(name, budget):
    recipe = make_recipe(name)
    bought = trials_within(recipe, MEASURED, budget)
    if bought.count == 0:
        assert bought.settings == {}
        assert "not even the smallest run" in bought.text
        return
    assert fits(recipe, bought.settings, budget)
    if bought.limited_by is None or bought.count > (64 if "Ensemble" in name or "Random" in name else 512):
        return
    parameter = next(
        key
        for key, value in bought.settings.items()
        if value == bought.count
        and key
        in {
            "max_bootstrapped_demos",
            "num_candidate_programs",
            "k",
            "breadth",
            "num_trials",
            "max_steps",
            "max_metric_calls",
            "num_candidates",
        }
    )
    assert not fits(recipe, {**bought.settings, parameter: bought.count + 1}, budget)


@pytest.mark.parametrize("name", registry.names())
def test_more_money_never_buys_less(name):
    counts = [
        trials_within(make_recipe(name), MEASURED, Budget(calls=calls)).count for calls in (300, 2000, 9000)
    ]
    assert counts == sorted(counts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(registry.names()),
    st.none() | st.floats(0, 1e4),
    st.none() | st.integers(0, 10**7),
    st.none() | st.floats(0, 1e5),
)
def test_any_budget_is_answered(name, usd, calls, minutes):
    bought = trials_within(make_recipe(name), MEASURED, Budget(usd=usd, calls=calls, minutes=minutes))
    if usd is None and calls is None and minutes is None:
        assert bought is None
        return
    assert bought.text
    assert bought.count is None or bought.count >= 0
    assert (bought.count == 0) is (not bought.settings) or bought.count is None or name == "LabeledFewShot"


def test_without_caps_there_is_nothing_to_say():
    assert trials_within(make_recipe("GEPA"), MEASURED) is None


def test_the_recipe_s_own_caps_are_used():
    recipe = msgspec.structs.replace(make_recipe("GEPA"), budget=Budget(calls=2000))
    assert trials_within(recipe, MEASURED) == trials_within(make_recipe("GEPA"), MEASURED, Budget(calls=2000))


def test_units_are_the_optimizer_s_own():
    budget = Budget(calls=50_000)
    units = {name: trials_within(make_recipe(name), MEASURED, budget).unit for name in registry.names()}
    assert units["MIPROv2"] == "trials"
    assert units["GEPA"] == "metric calls"
    assert units["SIMBA"] == "steps"
    assert units["BootstrapFewShotWithRandomSearch"] == "candidate programs"
    assert units["LabeledFewShot"] == "whole runs"


def test_gepa_is_told_in_full_evaluations_too():
    bought = trials_within(make_recipe("GEPA", {"max_full_evals": 4}), MEASURED, Budget(calls=1000))
    rows = MEASURED.facts.train + MEASURED.facts.val
    assert bought.settings["max_full_evals"] is None
    assert f"{bought.count / rows:.1f} evaluations of train and val" in bought.text
    many = trials_within(make_recipe("GEPA"), MEASURED, Budget(calls=200_000))
    assert f"is {many.count / rows:,.0f} evaluations of train and val" in many.text


def test_amounts_have_no_tenths_that_say_nothing():
    assert name_amount("minutes", 15.0) == "15 minutes"
    assert name_amount("minutes", 2.54) == "2.5 minutes"
    assert name_amount("calls", 1234.5) == "1,234 calls"


def test_no_more_demonstrations_than_there_are_rows():
    bought = trials_within(make_recipe("BootstrapFewShot"), MEASURED, Budget(calls=10**6))
    assert bought.count == MEASURED.facts.train
    assert bought.limited_by is None


def test_the_smallest_size_is_one_that_the_other_parameters_allow():
    bought = trials_within(make_recipe("Ensemble", {"programs": 9}), MEASURED, Budget(calls=20_000))
    assert bought.settings["num_candidate_programs"] >= 6


def test_the_tightest_cap_limits():
    tight = trials_within(make_recipe("SIMBA"), MEASURED, Budget(calls=9000, usd=1000.0))
    assert tight.limited_by == "calls"


def test_a_search_of_a_few_is_no_search():
    few = trials_within(make_recipe("GEPA"), MEASURED, Budget(calls=300))
    assert few.count == 0 or not few.useful
    assert trials_within(make_recipe("GEPA"), MEASURED, Budget(calls=3000)).useful


def test_an_unknown_price_falls_back_to_the_other_caps_and_says_so():
    recipe = make_recipe("GEPA", models={"student": PRICED, "reflection": ModelProfile(model="nobody/knows")})
    both = trials_within(recipe, MEASURED, Budget(usd=0.0001, calls=2000))
    assert both.count > 0
    assert both.limited_by == "calls"
    assert "the price of nobody/knows is unknown, so this goes by calls" in both.text
    alone = trials_within(recipe, MEASURED, Budget(usd=5.0))
    assert alone.count is None
    assert "unknown" in alone.text
    assert "calls" in alone.text
    assert "tokens" in alone.text


def test_bad_budgets_and_recipes_are_refused():
    with pytest.raises(ConfigError, match="cap cannot be"):
        trials_within(make_recipe("GEPA"), MEASURED, Budget(usd=float("nan")))
    with pytest.raises(ConfigError, match="cap cannot be"):
        trials_within(make_recipe("GEPA"), MEASURED, Budget(calls=-1))
    with pytest.raises(OptimizerError, match="no optimizer"):
        trials_within(msgspec.structs.replace(make_recipe(), optimizer=None), MEASURED, Budget(calls=9))


def test_free_models_are_not_limited_by_dollars():
    recipe = make_recipe("MIPROv2", models={"student": ModelProfile(model="embedded/student")})
    bought = trials_within(recipe, MEASURED, Budget(usd=1.0))
    assert bought.count is None
    assert bought.text == "any number of trials"
