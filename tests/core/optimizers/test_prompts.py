"""What program runs send: repeats by counting, changes by who reads whom, growth by what was written."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.optimizers.facts import Facts, PredictorFacts, Texts, fit_growth
from core.optimizers.prompts import (
    Prompts,
    changed_share,
    combined_share,
    distinct_share,
    drawn_share,
    fit_choices,
    inherited_share,
    mix,
)

CHAIN = Facts(
    train=10,
    val=5,
    predictors=(
        PredictorFacts(name="first"),
        PredictorFacts(name="second", reads=("first",), alternatives=3.0),
        PredictorFacts(name="third", reads=("second",), alternatives=None),
    ),
)
APART = Facts(train=10, val=5, predictors=(PredictorFacts(name="a"), PredictorFacts(name="b")))


def test_draws_repeat_as_often_as_they_really_do():
    rng = random.Random(0)
    counted = sum(len({rng.randrange(16) for _ in range(20)}) for _ in range(2000)) / 2000 / 20
    assert drawn_share(16, 20) == pytest.approx(counted, rel=0.02)
    assert drawn_share(None, 20) == drawn_share(16, 1) == 1.0
    assert drawn_share(1, 20) == pytest.approx(1 / 20)


@given(st.integers(2, 200), st.data())
def test_choices_are_found_again_from_their_draws(draws, data):
    different = data.draw(st.integers(1, draws))
    choices = fit_choices(draws, different)
    if different == draws:
        assert choices is None
    else:
        assert drawn_share(choices, draws) * draws == pytest.approx(different, rel=0.01, abs=0.02)


def test_few_kinds_of_inputs_repeat_within_one_pass():
    facts = Facts(
        train=5, val=5, predictors=(PredictorFacts(name="a"), PredictorFacts(name="b", variety=4.0))
    )
    assert distinct_share(facts, 1) == 1.0
    assert distinct_share(facts, 1000) == pytest.approx(0.5, abs=0.01)


def test_a_rewritten_predictor_changes_its_own_requests_and_those_that_read_it():
    assert changed_share(APART) == pytest.approx(0.5)
    assert inherited_share(APART) == 0.0
    # The first one reaches the second in half of the runs and the third in a quarter.
    assert changed_share(CHAIN) == pytest.approx(((1 + 0.5 + 0.25) + (1 + 0.5) + 1) / 9)
    assert changed_share(Facts(predictors=(PredictorFacts(name="only"),))) == 1.0


def test_a_chain_repeats_less_than_predictors_side_by_side():
    assert combined_share(APART, 6, 20) == pytest.approx(drawn_share(6, 20))
    assert combined_share(CHAIN, 6, 20) > combined_share(APART, 6, 20)


def test_a_mixture_weighs_by_runs():
    mixed = mix([Prompts(runs=10, labeled=4.0), Prompts(runs=30)], 100)
    assert (mixed.runs, mixed.labeled) == (100, 1.0)
    assert mix([], 5) == Prompts(runs=5)


def test_texts_that_build_on_each_other_grow():
    texts = [("a", "x" * 400), ("a", "x" * 600), ("a", "x" * 720), ("a", "x" * 800)]
    found = fit_growth(texts)
    assert found.tokens == pytest.approx(630 / 4)
    assert found.expect_tokens(4) == pytest.approx(found.tokens, rel=0.02)
    assert found.expect_tokens(20) > found.tokens
    assert fit_growth(texts, grows=False).expect_tokens(20) == found.tokens
    assert fit_growth([("a", "same"), ("b", "same")]) == Texts(2, 1, 1.0, first=1.0)
    assert fit_growth([]) is None
