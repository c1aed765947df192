"""Every row of the guide that chooses an optimizer is a rule; each is tested under its own name."""

import pytest

from core.advice.case import Case
from core.advice.ranking import rank
from core.advice.rules import RULES
from core.advice.situation import DataFacts, RunFacts, Situation, Wishes
from core.optimizers import registry
from core.recipe import Budget
from tests.core.advice.situations import cost, data, metric, program, situation


def holds(rule_id, facts, optimizer=None):
    rule = next(rule for rule in RULES if rule.id == rule_id)
    name = optimizer or next(name for name in (*rule.optimizers, "GEPA") if name != "*")
    return rule.when(Case(facts, name))


def first(facts):
    return rank(facts).best.optimizer


def points_of(facts, optimizer):
    return {one.rule: one.points for one in rank(facts).get(optimizer).points}


# Optimizer Selection Guide


@pytest.mark.parametrize(("train", "val"), [(20, 10), (29, 20)])
def test_small_data_under_50_examples_bootstrap_few_shot(train, val):
    facts = situation(data=data(train, val))
    assert first(facts) == "BootstrapFewShot"
    assert points_of(facts, "BootstrapFewShot")["small_data"] == 3
    assert "MIPROv2" in {one.optimizer for one in rank(facts).ranked if one.score < 0}


@pytest.mark.parametrize(("train", "val"), [(40, 10), (80, 20), (160, 40)])
def test_medium_data_50_to_200_examples_miprov2(train, val):
    facts = situation(data=data(train, val))
    assert first(facts) == "MIPROv2"
    assert points_of(facts, "MIPROv2")["medium_data"] == 3
    assert "small_data" not in points_of(facts, "BootstrapFewShot")


@pytest.mark.parametrize(
    ("examples", "small", "medium", "large"), [(49, 1, 0, 0), (50, 0, 1, 0), (200, 0, 1, 0), (201, 0, 0, 1)]
)
def test_sizes_meet_without_gap_or_overlap(examples, small, medium, large):
    facts = situation(data=data(examples - 10, 10))
    assert [holds(rule, facts) for rule in ("small_data", "medium_data", "large_data")] == [
        small,
        medium,
        large,
    ]


def test_have_feedback_gepa():
    facts = situation(metric=metric(feedback=True, explains=True))
    assert first(facts) == "GEPA"
    assert points_of(facts, "GEPA") == {"feedback": 1, "feedback_explains": 3}


def test_feedback_that_only_names_the_label_weighs_less_than_the_data():
    facts = situation(metric=metric(feedback=True, explains=False))
    assert points_of(facts, "GEPA") == {"feedback": 1}
    assert first(facts) == "MIPROv2"


def test_have_logs_gepa():
    assert holds("logs", situation(data=data(log_columns=("feedback", "call_id"))))
    assert not holds("logs", situation())


def test_multi_signature_modules_gepa():
    facts = situation(program=program(3))
    assert first(facts) == "GEPA"
    assert points_of(facts, "GEPA")["multi_signature"] == 3


def test_need_smaller_model_bootstrap_finetune():
    facts = situation(wishes=Wishes(smaller_model=True), data=data(300, 50))
    best = max(rank(facts).ranked, key=lambda one: one.score)
    assert best.optimizer == "BootstrapFinetune"
    if "BootstrapFinetune" in registry.UNAVAILABLE:
        assert not best.fits
        assert "finetunes" in best.why_not


def test_budget_constrained_bootstrap_few_shot():
    costs = {"MIPROv2": cost(5000), "GEPA": cost(4000), "BootstrapFewShot": cost(200)}
    facts = situation(costs=costs, budget=Budget(calls=1000))
    assert first(facts) == "BootstrapFewShot"
    assert points_of(facts, "BootstrapFewShot")["budget_constrained"] == 3
    roomy = situation(costs=costs, budget=Budget(calls=10_000))
    assert not holds("budget_constrained", roomy)


@pytest.mark.parametrize("cap", ["usd", "calls", "tokens", "minutes"])
def test_each_cap_is_compared_with_its_own_estimate(cap):
    amounts = cost(calls=100, usd=100.0, minutes=100, tokens=100)
    low, near, roomy = (
        situation(costs={"GEPA": amounts}, budget=Budget(**{cap: most})) for most in (99, 110, 130)
    )
    assert points_of(low, "GEPA")["over_budget"] == -4
    assert points_of(near, "GEPA") == {"may_pass_budget": -1}
    assert points_of(roomy, "GEPA") == {}
    assert (rank(low).get("GEPA").within, rank(near).get("GEPA").within) == (False, True)


def test_an_unknown_price_is_over_no_cap():
    facts = situation(costs={"GEPA": cost(usd=None)}, budget=Budget(usd=0.01))
    assert points_of(facts, "GEPA") == {}


# GEPA vs MIPROv2


def test_gepa_is_feedback_aware():
    assert holds("feedback_aware", situation(program=program(2), metric=metric(feedback=True)))
    assert not holds("feedback_aware", situation(program=program(2)))


def test_gepa_keeps_a_pareto_front_of_competing_objectives():
    assert holds("pareto_front", situation(metric=metric(objectives=2)))
    assert not holds("pareto_front", situation(metric=metric(objectives=1)))


def test_gepa_is_component_aware_through_pred_name():
    two = program(2)
    assert holds("component_aware", situation(program=two, metric=metric(takes_name=True)))
    assert holds("component_aware", situation(program=two, metric=metric(takes_name=True, routes=True)))
    # It takes the name and says the same to all: nothing is routed.
    assert not holds("component_aware", situation(program=two, metric=metric(takes_name=True, routes=False)))
    assert not holds("component_aware", situation(metric=metric(takes_name=True, routes=True)))


def test_gepa_takes_custom_proposers():
    assert holds("custom_proposer", situation(custom_proposer=True))
    assert not holds("custom_proposer", situation())


def test_gepa_merges():
    assert holds("merge", situation(program=program(2)))
    assert not holds("merge", situation(program=program(2), merges=False))
    assert not holds("merge", situation())


# Good and poor candidates, as far as they choose


def test_under_20_examples_no_search_and_few_shot_prompting():
    facts = situation(data=data(8, 4), program=program(3), metric=metric(feedback=True, explains=True))
    assert first(facts) in ("BootstrapFewShot", "LabeledFewShot")
    for name in ("GEPA", "MIPROv2", "SIMBA", "COPRO", "BootstrapFewShotWithRandomSearch"):
        assert points_of(facts, name)["too_few_examples"] == -8
    assert points_of(facts, "LabeledFewShot")["few_shot_by_hand"] == 3


def test_simple_single_turn_tasks_want_examples_in_the_prompt():
    plain = program(closed=(), open=("answer",))
    facts = situation(program=plain, data=data(labels=("answer",), classes={}))
    assert holds("simple_task", facts)
    assert not holds("simple_task", situation())


def test_structured_output_with_enums_helps_gepa():
    assert holds("structured_enums", situation(program=program(structured=("invoice",), enums=2)))
    assert not holds("structured_enums", situation(program=program(structured=("invoice",))))


def test_need_consistent_quality_ensemble():
    assert first(situation(wishes=Wishes(consistent=True))) == "Ensemble"
    assert holds("steady_answers", situation(wishes=Wishes(consistent=True)))
    assert holds("unsteady_baseline", situation(repeats=(0.4, 0.5)))
    assert not holds("unsteady_baseline", situation(repeats=(0.4, 0.4)))


# What follows from how they are built


def test_nothing_to_bootstrap_from():
    none = situation(runs=RunFacts(rows=20, teacher_right=0.0))
    assert points_of(none, "BootstrapFewShot")["nothing_to_bootstrap"] == -3
    assert "threshold" in " ".join(rank(none).get("BootstrapFewShot").change)
    assert not holds("nothing_to_bootstrap", situation(runs=RunFacts(rows=20, teacher_right=0.1)))


def test_labels_for_one_of_several_outputs_are_no_demonstrations():
    facts = situation(program=program(unlabeled=("reasoning",)))
    assert points_of(facts, "LabeledFewShot") == {"demos_with_gaps": -2}
    assert points_of(facts, "BootstrapFewShot") == {"fills_unlabeled": 1}
    assert "reasoning" in rank(facts).get("BootstrapFewShot").points[0].reason


def test_without_labels_and_feedback_gepa_reads_nothing():
    bare = situation(data=data(labels=(), classes={}))
    assert points_of(bare, "GEPA") == {"nothing_to_read": -3}
    assert points_of(bare, "LabeledFewShot")["no_labels"] == -4


def test_long_demonstrations_speak_for_short_prompts():
    long = situation(runs=RunFacts(rows=20, demo_tokens=4000.0))
    assert points_of(long, "BootstrapFewShotWithOptuna") == {"short_prompts": 1}
    assert points_of(long, "BootstrapFewShotWithRandomSearch")["long_prompts"] == -1
    assert holds("rows_in_one_prompt", long)


def test_simba_wants_a_minibatch_of_rows():
    assert holds("small_minibatch", situation(data=data(20, 10)))
    assert holds("rows_to_sample", situation(data=data(100, 10)))


def test_copro_sees_no_data_and_no_embedded_model_gains_from_it():
    facts = situation(program=program(2), embedded_proposer=True)
    assert points_of(facts, "COPRO") == {
        "embedded_knows_prompt_only": -3,
        "sees_no_data": -1,
        "scores_all_again": -1,
    }


def test_infer_rules_likes_classes():
    assert holds("rules_of_classes", situation())


def test_answers_that_cost_more_in_production():
    assert holds("runs_at_answer_time", situation())
    assert holds("many_answers_each", situation())


# The table itself


def test_rules_have_names_sources_and_points_of_their_own():
    assert len({rule.id for rule in RULES}) == len(RULES)
    known = {*registry.names(), *registry.UNAVAILABLE, "*"}
    for rule in RULES:
        assert rule.points != 0
        assert rule.source.startswith(("guide, ", "DSPy docs", "DSPy source: ", "measured: "))
        assert set(rule.optimizers) <= known
        assert rule.reason


def test_unmeasured_facts_speak_for_nobody_and_against_nobody():
    always = {"runs_at_answer_time", "many_answers_each", "sees_no_data", "one_demonstration"}
    for facts in (Situation(), Situation(data=DataFacts(train=80, val=20, test=0))):
        told = {point.rule for one in rank(facts).ranked for point in one.points}
        if facts.data is None:
            assert told <= always
        else:
            assert told <= {*always, "medium_data", "enough_for_search", "no_labels", "little_to_finetune"}
