"""What if: one thing changed, the estimate before and after, and changes that cannot be made."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cost.changes import change_size, check_change, parse_change, sizes_of
from core.cost.estimate import estimate_run
from core.cost.facts import CallTokens
from core.cost.mitigations import find_cheaper, mitigate, suggest_changes
from core.cost.what_if import adapt_facts, compare_changes, try_change
from core.errors import CompilotError, ConfigError, ModelError, OptimizerError
from core.optimizers import registry
from core.recipe import DataSpec, ModelProfile, Price, SplitSpec
from tests.core.cost.test_estimate import MEASURED, PRICED, make_recipe


def effect(text, recipe, measured=MEASURED):
    return try_change(recipe, measured, parse_change(text, recipe, measured))


def resized(**sizes):
    return msgspec.structs.replace(MEASURED, facts=msgspec.structs.replace(MEASURED.facts, **sizes))


def test_a_smaller_val_part_is_estimated_as_if_it_were_measured():
    recipe = make_recipe("BootstrapFewShotWithRandomSearch", {"num_candidate_programs": 4})
    measured = resized(val=60, train=120)
    found = effect("val=15", recipe, measured)
    assert found.before == estimate_run(recipe, measured)
    assert found.after == estimate_run(recipe, resized(val=15, train=120))
    assert found.label == "val 60 → 15"
    assert found.calls == pytest.approx(
        found.after.total.calls.expected / found.before.total.calls.expected - 1
    )
    assert found.calls < -0.4


def test_more_val_rows_come_out_of_train():
    found = effect("val=50", make_recipe("GEPA"))
    assert found.label == "val 20 → 50, train 60 → 30"
    assert found.after == estimate_run(make_recipe("GEPA"), resized(val=50, train=30))


def test_fewer_train_rows_leave_val_and_test_alone():
    recipe = make_recipe("COPRO")
    change = parse_change("train=30", recipe, MEASURED)
    changed = change.apply(recipe)
    assert sizes_of(changed.data, MEASURED) == {"train": 30, "val": 20, "test": 20}
    assert recipe.data.split == SplitSpec()
    assert effect("train=30", recipe).after == estimate_run(recipe, resized(train=30))


@pytest.mark.parametrize(
    ("text", "what"), [("val=90", "more than there are"), ("train=61", "more than there are")]
)
def test_more_rows_than_there_are(text, what):
    with pytest.raises(ConfigError, match=what) as raised:
        parse_change(text, make_recipe("GEPA"), MEASURED)
    assert "60 train, 20 val, 20 test" in raised.value.fix


def test_a_part_with_a_file_of_its_own_is_not_sized_by_the_split():
    files = DataSpec(train="train.jsonl", val="val.jsonl", test="test.jsonl", inputs=("question",))
    recipe = msgspec.structs.replace(make_recipe("GEPA"), data=files)
    with pytest.raises(ConfigError, match="file of its own"):
        change_size(recipe, MEASURED, "val", 15)
    assert all(
        change.id.split("=")[0] not in ("val", "train") for change in suggest_changes(recipe, MEASURED)
    )


def test_threads_change_the_minutes_only():
    found = effect("threads=1", make_recipe(threads=8))
    assert (found.calls, found.usd) == (0, 0)
    assert found.minutes > 1


def test_another_model_is_priced_and_its_tokens_are_said_to_be_borrowed():
    recipe = make_recipe(
        "GEPA", models={"student": ModelProfile(model="openai/gpt-4.1"), "reflection": PRICED}
    )
    found = effect("student=openai/gpt-4.1-mini", recipe)
    assert found.usd < -0.3
    assert found.calls == 0
    assert any("openai/gpt-4.1-mini are taken to be those of openai/gpt-4.1" in note for note in found.notes)


def test_seconds_are_borrowed_also_of_a_model_that_computes():
    recipe = make_recipe("BootstrapFewShot", models={"student": ModelProfile(model="embedded/student")})
    found = effect("student=openai/gpt-4.1-mini", recipe)
    assert found.minutes == pytest.approx(0)
    back = make_recipe(
        "BootstrapFewShot", models={"student": ModelProfile(model="openai/gpt-4.1-mini")}, threads=4
    )
    assert effect("student=embedded/student", back).minutes == pytest.approx(0)


def test_roles_that_share_a_model_say_it_once():
    recipe = make_recipe("BootstrapFewShot", models={"student": ModelProfile(model="embedded/student")})
    notes = effect("student=openai/gpt-4.1-mini", recipe).notes
    assert len(notes) == 1
    assert "taken to be those of embedded/student" in notes[0]


def test_an_unknown_model_has_no_price_and_the_nearest_is_offered():
    recipe = make_recipe("GEPA", models={"student": ModelProfile(model="openai/gpt-4.1")})
    found = effect("student=openai/gpt-4.1-minni", recipe)
    assert found.usd is None
    assert found.after.total.usd is None
    assert any("did you mean openai/gpt-4.1-mini" in note for note in found.notes)
    with pytest.raises(ModelError) as raised:
        parse_change("student=opnai/gpt-4.1", recipe, MEASURED)
    assert "openai" in raised.value.fix


def test_a_preset_and_a_budget_take_the_place_of_what_was_set():
    recipe = make_recipe("GEPA", {"max_full_evals": 8})
    assert parse_change("preset=light", recipe, MEASURED).apply(recipe).optimizer.params == {
        "preset": "light"
    }
    assert parse_change("auto=heavy", recipe, MEASURED).apply(recipe).optimizer.params == {"auto": "heavy"}
    assert parse_change("auto=heavy", recipe, MEASURED).label == "auto none → heavy"
    mipro = make_recipe("MIPROv2", {"num_candidates": 8, "num_trials": 20})
    assert parse_change("num_trials=9", mipro, MEASURED).apply(mipro).optimizer.params == {
        "num_candidates": 8,
        "num_trials": 9,
    }
    assert effect("preset=heavy", recipe).after is not None


def test_a_change_that_the_optimizer_refuses_tells_why_and_spoils_no_other():
    recipe = make_recipe("MIPROv2")
    changes = [parse_change(text, recipe, MEASURED) for text in ("num_trials=5", "threads=2")]
    refused, fine = compare_changes(recipe, MEASURED, changes)
    assert refused.after is None
    assert "num_candidates" in refused.problem["what"]
    assert refused.to_dict()["after"] is None
    assert fine.after is not None


def test_thinking_shortens_answers_only_as_far_as_they_were_thought():
    deep = ModelProfile(model="openai/mine", price=Price(input=1.0, output=10.0), thinking=8000)
    recipe = make_recipe("GEPA", models={"student": PRICED, "reflection": deep})
    measured = msgspec.structs.replace(
        MEASURED, tokens={**MEASURED.tokens, "reflection": CallTokens(900.0, 6600.0)}
    )
    changed = parse_change("reflection.thinking=2000", recipe, measured).apply(recipe)
    assert adapt_facts(measured, recipe, changed).tokens["reflection"] == CallTokens(900.0, 2600.0)
    enough = parse_change("reflection.thinking=7000", recipe, measured).apply(recipe)
    assert adapt_facts(measured, recipe, enough).tokens == measured.tokens
    found = effect("reflection.thinking=2000", recipe, measured)
    assert found.after.roles["reflection"].usd.expected < found.before.roles["reflection"].usd.expected


def test_thinking_of_a_model_nobody_measured_is_bounded_in_words():
    deep = ModelProfile(model="openai/mine", price=Price(input=1.0, output=10.0), thinking=10_000)
    recipe = make_recipe("GEPA", models={"student": PRICED, "reflection": deep})
    measured = msgspec.structs.replace(MEASURED, tokens={"student": MEASURED.tokens["student"]})
    (note,) = effect("reflection.thinking=5000", recipe, measured).notes
    calls = estimate_run(recipe, measured).roles["reflection"].calls.expected
    assert f"{5000 * calls:,.0f} fewer thinking tokens, ${5000 * calls * 10 / 1e6:,.4f}" in note


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("vall=3", "`val`"),
        ("thread=3", "`threads`"),
        ("studnet=openai/gpt-4.1", "`student`"),
        ("max_ful_evals=3", "`max_full_evals`"),
        ("reflection.thnking=3", "`reflection.thinking`"),
    ],
)
def test_unknown_names_offer_the_nearest(text, offered):
    with pytest.raises(ConfigError) as raised:
        parse_change(text, make_recipe("GEPA"), MEASURED)
    assert offered in raised.value.fix


@pytest.mark.parametrize(
    "text", ["", "val", "=3", "val=", "val=x", "val=1", "val=-3", "threads=0", "threads=1.5"]
)
def test_what_is_no_change_is_refused(text):
    with pytest.raises(ConfigError) as raised:
        parse_change(text, make_recipe("GEPA"), MEASURED)
    assert raised.value.fix
    assert "--what-if" in raised.value.where


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=20)
    | st.tuples(
        st.sampled_from(
            ["val", "train", "threads", "student", "judge.thinking", "preset", "auto", "use_merge"]
        ),
        st.text(max_size=12) | st.integers().map(str),
    ).map("=".join)
)
def test_any_text_is_a_change_or_a_person_s_error(text):
    recipe = make_recipe("GEPA")
    try:
        change = parse_change(text, recipe, MEASURED)
        check_change(text, recipe)
    except CompilotError as error:
        assert error.what
        assert error.fix
    else:
        found = try_change(recipe, MEASURED, change)
        assert (found.after is None) is (found.problem is not None)


@pytest.mark.parametrize("thinking", ["wild", "-5", "²"])
def test_thinking_is_a_word_that_is_known_or_a_number(thinking):
    with pytest.raises(ConfigError, match="thinking"):
        parse_change(f"reflection.thinking={thinking}", make_recipe("GEPA"), MEASURED)


def test_values_are_checked_by_the_parameter():
    with pytest.raises(OptimizerError, match="cannot be"):
        parse_change("max_full_evals=0", make_recipe("GEPA"), MEASURED)


# The guide's mitigations


def ids(recipe, measured):
    return {change.id for change in suggest_changes(recipe, measured)}


def test_start_with_50_to_100_examples():
    assert "train=100" in ids(make_recipe("COPRO"), resized(train=300))
    assert "train=100" not in ids(make_recipe("COPRO"), resized(train=100))


def test_keep_val_small_and_stratified():
    recipe = make_recipe("MIPROv2")
    (change,) = (one for one in suggest_changes(recipe, resized(val=60)) if one.id == "val=15")
    assert "stratify" in change.why
    assert change.source == "guide, cost factors: valset evaluations"
    assert "val=15" not in ids(recipe, resized(val=15))


def test_use_the_thinking_budget_wisely():
    deep = ModelProfile(model="gemini/gemini-2.5-pro", thinking=10_000)
    recipe = make_recipe("GEPA", models={"student": PRICED, "reflection": deep})
    assert "reflection.thinking=5000" in ids(recipe, MEASURED)
    assert not any("thinking" in one for one in ids(make_recipe("LabeledFewShot"), MEASURED))


def test_set_a_limit_of_full_evaluations():
    assert "max_full_evals=4" in ids(make_recipe("GEPA", {"max_full_evals": 8}), MEASURED)
    assert "preset=medium" in ids(make_recipe("MIPROv2", {"auto": "heavy"}), MEASURED)
    assert not any(
        one.startswith("preset") for one in ids(make_recipe("MIPROv2", {"auto": "light"}), MEASURED)
    )


def test_match_threads_to_rate_limits():
    limited = ModelProfile(model="openai/mine", price=Price(input=1.0, output=1.0), requests_per_minute=120)
    recipe = make_recipe("GEPA", models={"student": limited}, threads=32)
    # 120 a minute at one second each: two at a time.
    (change,) = (one for one in suggest_changes(recipe, MEASURED) if one.id.startswith("threads"))
    assert change.id == "threads=2"
    assert "120 requests a minute" in change.why
    fewer, more = (effect(f"threads={threads}", recipe) for threads in (1, 64))
    assert more.minutes == pytest.approx(0, abs=0.02)
    assert fewer.minutes > 0.5
    assert any(
        "at 120 requests a minute the student model alone takes" in line for line in more.after.assumptions
    )


@pytest.mark.parametrize(
    ("model", "cheaper"),
    [
        ("gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash-lite"),
        ("gemini/gemini-2.5-flash-lite", None),
        ("openai/gpt-4.1", "openai/gpt-4.1-nano"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-haiku-4-5"),
        ("nobody/knows", None),
        ("embedded/student", None),
    ],
)
def test_use_cheaper_models_for_the_student(model, cheaper):
    assert find_cheaper(ModelProfile(model=model)) == cheaper


@pytest.mark.parametrize("name", registry.names())
def test_mitigations_save_something_and_the_largest_saving_comes_first(name):
    recipe = make_recipe(name, models={"student": ModelProfile(model="gemini/gemini-2.5-flash")})
    effects = mitigate(recipe, resized(train=300, val=60))
    assert effects, name
    savings = [
        min(share for share in (one.calls, one.usd, one.minutes) if share is not None) for one in effects
    ]
    assert all(saving < 0 for saving in savings)
    assert savings == sorted(savings)
    assert all(one.why and one.source.startswith("guide, cost factors") for one in effects)


def test_every_suggested_change_can_be_undone_by_not_applying_it():
    recipe = make_recipe("GEPA", {"max_full_evals": 8})
    before = recipe.hash
    for change in suggest_changes(recipe, resized(train=300, val=60)):
        try:
            change.apply(recipe)
        except CompilotError:
            continue
        assert recipe.hash == before
