"""The form's state, the facts that serve a draft, and the words of the preview: no widgets, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.cost.estimate import estimate_run
from core.cost.facts import CallTokens, Measured
from core.errors import ConfigError, ModelError
from core.optimizers import registry
from core.optimizers.facts import Facts, PredictorFacts
from core.optimizers.spec import resolve_params
from core.recipe import Budget, DataSpec, MetricSpec, ModelProfile, OptimizerSpec, Price, ProgramSpec, Recipe
from core.recipe import SplitSpec as Split
from tui.header_text import describe_cost
from tui.panes.optimize.declared import LIMITS, profile_params, read_limits, read_profile
from tui.panes.optimize.field_text import list_choices, next_value
from tui.panes.optimize.fit import Fit
from tui.panes.optimize.models import Ping, list_models
from tui.panes.optimize.models_pane import describe_model
from tui.panes.optimize.optimizers import describe_fit
from tui.panes.optimize.sheet import Sheet, read_sheet
from tui.panes.optimize.shelf import Shelf

GEPA = registry.get("GEPA").spec
MEASURED = Measured(
    facts=Facts(train=40, val=20, test=20, predictors=(PredictorFacts(name="a"),)),
    tokens={"student": CallTokens(100.0, 10.0)},
    rows=6,
)
RECIPE = Recipe(
    program=ProgramSpec(target="a -> b"),
    data=DataSpec(path="rows.jsonl", inputs=("a",)),
    metric=MetricSpec(target="builtin:exact_match"),
    models={"student": ModelProfile(model="embedded/student")},
    optimizer=OptimizerSpec(name="GEPA"),
)


def test_a_default_that_follows_from_another_parameter_is_shown_and_not_stored() -> None:
    sheet = Sheet(GEPA).type("max_full_evals", "8")
    assert sheet.params == {"max_full_evals": 8}
    assert (sheet.field("auto").value, sheet.field("auto").is_set) == (None, False)
    assert sheet.type("auto", "none").params == {"max_full_evals": 8}


def test_a_conflict_is_told_at_the_fields_that_were_set() -> None:
    sheet = Sheet(GEPA).type("max_full_evals", "8").type("auto", "light")
    assert set(sheet.problems) == {"auto", "max_full_evals"}
    assert "one budget" in sheet.problems["auto"].what
    assert not sheet.reset("auto").problems


def test_a_text_that_cannot_be_read_keeps_the_last_good_value() -> None:
    sheet = Sheet(GEPA).type("max_full_evals", "8").type("max_full_evals", "8x")
    assert sheet.params == {"max_full_evals": 8}
    assert sheet.unread["max_full_evals"].text == "8x"
    assert not sheet.type("max_full_evals", "").unread


def test_what_a_file_says_wrongly_is_marked_and_not_lost() -> None:
    sheet = read_sheet(GEPA, {"max_full_evals": "many", "use_merge": False, "nonsense": 1})
    assert sheet.params == {"use_merge": False}
    assert set(sheet.unread) == {"max_full_evals", "nonsense"}


@pytest.mark.parametrize("name", registry.names())
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_whatever_is_typed_the_parameters_stay_valid_each_by_itself(name: str, data: st.DataObject) -> None:
    sheet = Sheet(registry.get(name).spec, facts=MEASURED.facts)
    names = [field.name for field in sheet.fields]
    texts = st.one_of(
        st.text(max_size=8), st.integers(-3, 300).map(str), st.sampled_from(["none", "true", "light"])
    )
    for _ in range(4):
        sheet = sheet.type(data.draw(st.sampled_from(names)), data.draw(texts))
    for key, value in sheet.params.items():
        resolve_params(replace_conflicts(sheet), {key: value})
    assert {field.name for field in sheet.fields} == set(names)
    assert all(wrong.what for wrong in sheet.problems.values())


def replace_conflicts(sheet: Sheet):  # type: ignore[no-untyped-def]
    from dataclasses import replace as other

    return other(sheet.spec, conflicts=())


def test_arrows_step_through_choices_switches_and_numbers() -> None:
    sheet = Sheet(GEPA)
    assert next_value(sheet.field("candidate_selection_strategy"), 1) == "current_best"
    assert next_value(sheet.field("candidate_selection_strategy"), -1) == "top_k_pareto"
    assert next_value(sheet.field("use_merge"), 1) == "false"
    assert next_value(sheet.field("reflection_minibatch_size"), 1) == "4"
    assert (
        next_value(sheet.type("reflection_minibatch_size", "1").field("reflection_minibatch_size"), -1) == "1"
    )
    assert next_value(sheet.field("max_full_evals"), 1) == "1"
    assert next_value(sheet.field("additional_instructions"), 1) is None
    assert list_choices(sheet.field("auto"))[-1] == "none"


def test_limits_are_read_and_refused_as_the_file_would_be() -> None:
    sheet = Sheet(LIMITS).type("usd", "2.5").type("num_threads", "4").type("seed", "0")
    assert sheet.params == {"usd": 2.5, "num_threads": 4}
    budget, run = read_limits(sheet.params)
    assert (budget, run.num_threads) == (Budget(usd=2.5), 4)
    with pytest.raises(ConfigError, match="above 0"):
        read_limits({"usd": 0.0})


def test_a_profile_goes_through_the_form_and_back() -> None:
    profile = ModelProfile(
        model="openai/gpt-4o-mini",
        thinking=2000,
        price=Price(input=1.0, output=2.0),
        options={"service_tier": "flex"},
    )
    assert read_profile("student", profile_params(profile), profile) == profile
    with pytest.raises(ModelError):
        read_profile("student", {"model": "nonsense"}, None)


def test_each_role_says_whose_model_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    models = {**RECIPE.models, "reflection": ModelProfile(model="openai/nobody-knows-it")}
    rows = {row.role: row for row in list_models(replace(RECIPE, models=models), ("student", "reflection"))}
    assert rows["proposer"].shared_from == "reflection"
    assert rows["judge"].shared_from == "student"
    assert rows["reflection"].price == "unknown"
    assert rows["reflection"].key_text == "OPENAI_API_KEY is missing"
    assert rows["student"].key_text == "no key needed"
    assert not rows["teacher"].called


def test_the_nearest_facts_serve_a_draft_and_say_what_differs() -> None:
    shelf = Shelf()
    shelf.put(RECIPE, MEASURED)
    changed = replace(RECIPE, optimizer=OptimizerSpec(name="GEPA", params={"max_full_evals": 3}))
    assert shelf.find(RECIPE) is not None
    assert shelf.find(RECIPE).exact  # type: ignore[union-attr]
    assert shelf.find(changed).differs == ("parameters",)  # type: ignore[union-attr]
    assert shelf.find(replace(RECIPE, optimizer=OptimizerSpec(name="COPRO"))).differs == ("optimizer",)  # type: ignore[union-attr]
    assert shelf.find(replace(RECIPE, metric=MetricSpec(target="builtin:other"))) is None
    better = replace(MEASURED, rows=20)
    shelf.put(changed, better)
    assert shelf.find(changed).measured.rows == 20  # type: ignore[union-attr]


def test_facts_follow_another_split() -> None:
    shelf = Shelf()
    shelf.put(RECIPE, MEASURED)
    data = replace(RECIPE.data, split=Split(train=40.0, val=10.0, test=20.0))
    found = shelf.find(replace(RECIPE, data=data))
    assert found is not None
    assert found.differs == ("split",)
    assert found.measured.facts.val == 10


def test_reasons_go_on_under_their_words() -> None:
    fit = Fit(
        "GEPA",
        "Reflects.",
        reasons=("+3 it is better at improving several parts", "calls no model but the student's"),
        unmet=("needs feedback in words, and the metric gives none",),
        changes=("+1: return feedback from the metric",),
        score=3,
    )
    assert [line.plain.rstrip() for line in describe_fit(fit, True, None, 30)] == [
        "GEPA (chosen)  score 3",
        "Reflects.",
        "! needs feedback in words, and\n  the metric gives none",
        " +3  it is better at improving\n     several parts",
        "· calls no model but the\n  student's",
        " +1  if you return feedback\n     from the metric",
    ]


def test_what_costs_nothing_is_free() -> None:
    assert describe_cost(estimate_run(RECIPE, MEASURED)).endswith(" calls, free")


def test_what_is_known_of_a_model_stays_right_of_its_role() -> None:
    row = list_models(RECIPE)[0]
    lines = describe_model(row, Ping(None, "it does not answer: the connection was refused"), 40).plain
    assert all(line.startswith(" " * 11) for line in lines.splitlines()[1:])
    assert len(lines.splitlines()) > 2
