"""The ranking: every optimizer once, reasons that add up, and what would have to change."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.advice.ranking import rank
from core.advice.readiness import check_readiness
from core.advice.recommend import advise
from core.advice.situation import (
    Cost,
    DataFacts,
    History,
    MetricFacts,
    ProgramFacts,
    RunFacts,
    Situation,
    Wishes,
)
from core.errors import OptimizerError
from core.findings import Finding
from core.optimizers import registry
from core.recipe import Budget
from tests.core.advice.situations import cost, data, metric, program, situation

EVERYONE = {*registry.names(), *registry.UNAVAILABLE}

counts = st.integers(0, 10**6)
shares = st.none() | st.floats(0, 1)
amounts = st.floats(0, 1e12)
maybe = st.none() | st.booleans()
names = st.lists(st.text(max_size=12), max_size=4).map(tuple)
caps = st.none() | st.floats(0, 1e9)

datas = st.builds(
    DataFacts,
    train=counts,
    val=counts,
    test=counts,
    labels=names,
    class_labels=st.dictionaries(st.text(max_size=8), st.integers(2, 50), max_size=3),
    text_labels=names,
    log_columns=names,
)
programs = st.builds(
    ProgramFacts,
    predictors=names,
    modules=names,
    closed=names,
    structured=names,
    enums=st.integers(0, 9),
    open=names,
    unlabeled=names,
)
metrics = st.builds(
    MetricFacts,
    findings=st.lists(
        st.builds(
            Finding,
            level=st.sampled_from(["fail", "warn", "info", "pass"]),
            code=st.sampled_from(["metric.constant", "metric.weak", "code.time", "program.raises"]),
            what=st.text(max_size=20),
        ),
        max_size=3,
    ).map(tuple),
    rows=st.integers(0, 50),
    gold=shares,
    other=shares,
    program=shares,
    distinct=st.none() | st.integers(1, 9),
    feedback=maybe,
    explains=maybe,
    objectives=st.integers(0, 9),
    takes_name=maybe,
    routes=maybe,
)
costs = st.builds(
    Cost,
    calls=amounts,
    calls_high=amounts,
    tokens=amounts,
    tokens_high=amounts,
    usd=st.none() | amounts,
    usd_high=st.none() | amounts,
    minutes=amounts,
    minutes_high=amounts,
    buys=st.text(max_size=20),
    fit=st.sampled_from(["", "k=3", "auto={none}"]),
)
situations = st.builds(
    Situation,
    data=st.none() | datas,
    program=st.none() | programs,
    metric=st.none() | metrics,
    runs=st.none()
    | st.builds(
        RunFacts,
        rows=counts,
        right=shares,
        perfect=shares,
        teacher_right=shares,
        demo_tokens=st.none() | amounts,
    ),
    history=st.none()
    | st.builds(History, runs=counts, baselines=st.lists(st.floats(0, 1), max_size=4).map(tuple)),
    repeats=st.lists(st.floats(0, 1), max_size=4).map(tuple),
    budget=st.builds(
        Budget,
        usd=caps,
        calls=st.none() | counts,
        tokens=st.none() | counts,
        minutes=caps,
    ),
    costs=st.dictionaries(st.sampled_from(sorted(EVERYONE)), costs, max_size=4),
    refused=st.dictionaries(st.sampled_from(sorted(EVERYONE)), st.text(max_size=9), max_size=2),
    custom_proposer=st.booleans(),
    merges=st.booleans(),
    embedded_proposer=st.booleans(),
    wishes=st.builds(Wishes, smaller_model=st.booleans(), consistent=st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(situations)
def test_any_facts_give_a_ranking_and_checks(facts):
    advice = advise(facts)
    ranked = advice.ranking.ranked
    assert len(ranked) == len(EVERYONE)
    assert {one.optimizer for one in ranked} == EVERYONE
    assert [one.fits for one in ranked] == sorted((one.fits for one in ranked), reverse=True)
    for group in (True, False):
        scores = [one.score for one in ranked if one.fits is group]
        assert scores == sorted(scores, reverse=True)
    for one in ranked:
        assert one.score == sum(point.points for point in one.points)
        assert bool(one.why_not) is not one.fits
        assert len(one.reasons) == len(one.points)
    assert {check.status for check in advice.readiness} <= {"pass", "warn", "fail", "info"}
    told = advice.to_dict()
    assert {"check", "status", "detail", "fix"} <= set().union(
        *(set(one) for one in told["readiness"]), {"check", "status", "detail", "fix"}
    )
    assert all({"optimizer", "score", "reasons", "change", "budget"} <= set(one) for one in told["ranking"])


@settings(max_examples=50, deadline=None)
@given(situations)
def test_the_same_facts_give_the_same_advice(facts):
    assert advise(facts) == advise(facts)


def test_what_cannot_be_run_comes_last_and_says_why():
    ranked = rank(situation(data=data(40, 0), refused={"COPRO": "it cannot be"})).ranked
    unfit = {one.optimizer: one.why_not for one in ranked if not one.fits}
    assert "val" in unfit["GEPA"]
    assert unfit["COPRO"] == "it cannot be"
    assert "GPU" in unfit["GRPO"]
    assert ranked[-1].optimizer in unfit


def test_of_equals_the_cheaper_one_comes_first():
    costs = {name: cost(1000) for name in registry.names()} | {"SIMBA": cost(10)}
    plain = situation(program=None, metric=None, data=data(70, 20), costs=costs)
    order = [one.optimizer for one in rank(plain).ranked]
    assert order.index("SIMBA") < order.index("GEPA")


def test_changes_say_what_would_make_another_optimizer_fit():
    ranking = rank(situation(program=program(2), metric=metric(takes_name=False)))
    gepa = ranking.get("gepa").change
    assert any(text.startswith("+1: return feedback") for text in gepa)
    assert any("pred_name" in text for text in gepa)
    few = rank(situation(data=data(10, 5)))
    assert few.get("MIPROv2").change[0] == "+8: collect 5 more examples"
    small = rank(situation(data=data(25, 10)))
    assert any("collect 15 more examples" in text for text in small.get("MIPROv2").change)


def test_a_way_to_stay_within_the_cap_is_offered():
    costs = {"GEPA": cost(900, fit="max_metric_calls=200", buys="about 200 metric calls")}
    gepa = rank(situation(costs=costs, budget=Budget(calls=500))).get("GEPA")
    assert any("--set max_metric_calls=200" in text for text in gepa.change)
    assert gepa.to_dict()["budget"]["within"] is False
    assert gepa.to_dict()["budget"]["buys"] == "about 200 metric calls"


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(OptimizerError) as raised:
        rank(situation()).get("MIPRO")
    assert "MIPROv2" in raised.value.fix


@pytest.mark.benchmark
def test_ranking_and_checks_are_instant():
    facts = situation(costs={name: cost() for name in registry.names()}, budget=Budget(usd=1.0))
    rank(facts)
    started = time.perf_counter()
    for _ in range(20):
        rank(facts)
        check_readiness(facts)
    assert (time.perf_counter() - started) / 20 < 0.02
