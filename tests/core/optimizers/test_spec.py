"""Parameters are validated once, the same way for the form, the command line and the recipe."""

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import OptimizerError
from core.optimizers import registry
from core.optimizers.facts import Facts, PredictorFacts
from core.optimizers.spec import check_needs, describe_values, parse_setting, resolve_params, validate_params

SPECS = {name: registry.get(name).spec for name in registry.names()}
FACTS = Facts(train=180, val=72, test=108, predictors=(PredictorFacts(name="route"),))


def test_declarations_need_no_dspy():
    code = (
        "import sys, core.optimizers.registry as registry\n"
        "assert len(registry.names()) == 11\n"
        "loaded = {'dspy', 'numpy', 'optuna', 'litellm', 'gepa'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", SPECS)
def test_defaults_and_presets_are_valid(name):
    spec = SPECS[name]
    params = validate_params(spec, {}, FACTS)
    assert set(params) == {parameter.name for parameter in spec.parameters}
    assert validate_params(spec, params, FACTS) == params
    assert set(spec.presets) == {"light", "medium", "heavy"}
    for preset in spec.presets:
        chosen = validate_params(spec, {"preset": preset}, FACTS)
        assert chosen.items() >= spec.presets[preset].items()


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_explains_itself(name):
    spec = SPECS[name]
    assert spec.summary.endswith(".")
    assert spec.description
    assert spec.seed_use
    assert spec.artifact.note
    for parameter in spec.parameters:
        assert parameter.meaning
        assert describe_values(parameter)


@pytest.mark.parametrize("name", SPECS)
def test_settings_in_text_come_back_as_their_values(name):
    spec = SPECS[name]
    for parameter in spec.parameters:
        value = parameter.default
        text = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        assert parse_setting(spec, f"{parameter.name} = {text}") == (parameter.name, value)


def test_unknown_parameter_offers_the_nearest_names():
    with pytest.raises(OptimizerError) as error:
        validate_params(SPECS["GEPA"], {"max_fulevals": 3})
    assert error.value.where == "optimizer.params.max_fulevals"
    assert "max_full_evals" in error.value.fix


def test_argument_that_comes_from_elsewhere_says_from_where():
    with pytest.raises(OptimizerError) as error:
        validate_params(SPECS["MIPROv2"], {"prompt_model": "x"})
    assert "proposer" in error.value.fix


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("SIMBA", {"max_steps": 0}),
        ("SIMBA", {"max_steps": 2.5}),
        ("SIMBA", {"max_steps": True}),
        ("SIMBA", {"max_steps": None}),
        ("SIMBA", {"temperature_for_sampling": float("nan")}),
        ("COPRO", {"breadth": 1}),
        ("MIPROv2", {"auto": "huge"}),
        ("MIPROv2", {"minibatch": "yes"}),
        ("GEPA", {"component_selector": "sometimes"}),
        ("GEPA", {"instruction_proposer": "no_colon"}),
        ("BootstrapFewShotWithRandomSearch", {"restrict": [0, "one"]}),
        ("BootstrapFewShotWithRandomSearch", {"stop_at_score": 97}),
    ],
)
def test_wrong_values_name_the_field_and_what_fits(name, params):
    with pytest.raises(OptimizerError) as error:
        validate_params(SPECS[name], params, FACTS)
    (field,) = params
    assert error.value.where == f"optimizer.params.{field}"
    assert error.value.fix


@pytest.mark.parametrize(
    ("name", "params", "facts", "said"),
    [
        ("GEPA", {"auto": "light", "max_full_evals": 3}, FACTS, "one budget"),
        ("GEPA", {"auto": None}, FACTS, "needs a budget"),
        ("MIPROv2", {"auto": "light", "num_trials": 3}, FACTS, "cannot be given as well"),
        ("MIPROv2", {"num_trials": 3}, FACTS, "num_candidates"),
        ("MIPROv2", {"num_candidates": 4, "minibatch": True, "minibatch_size": 99}, FACTS, "99"),
        ("MIPROv2", {"minibatch_size": 80}, FACTS, "80"),
        ("MIPROv2", {"max_bootstrapped_demos": 0}, FACTS, "empty range"),
        ("SIMBA", {"bsize": 32}, Facts(train=9), "9 rows"),
        ("BootstrapFewShotWithRandomSearch", {"restrict": [99]}, FACTS, "names no candidate"),
        ("BootstrapFewShotWithOptuna", {"max_demos": 0, "max_labeled_demos": 0}, FACTS, "no demonstration"),
        ("Ensemble", {"size": 5}, FACTS, "5 members"),
        ("Ensemble", {"programs": 9, "num_candidate_programs": 2}, FACTS, "random search"),
    ],
)
def test_conflicts_are_explained_with_a_fix(name, params, facts, said):
    with pytest.raises(OptimizerError) as error:
        validate_params(SPECS[name], params, facts)
    assert said in error.value.what
    assert error.value.fix
    assert error.value.where.startswith("optimizer.params.")


def test_defaults_follow_the_data_only_where_nothing_was_set():
    small = Facts(train=9, val=4, predictors=(PredictorFacts(name="route"),))
    adapted = resolve_params(SPECS["SIMBA"], {}, small)
    assert adapted.params["bsize"] == 9
    assert "9" in adapted.notes[0]
    assert resolve_params(SPECS["SIMBA"], {"bsize": 4}, small).notes == ()
    mipro = resolve_params(SPECS["MIPROv2"], {"num_candidates": 4}, small)
    assert mipro.params["auto"] is None
    assert mipro.params["num_trials"] == 8
    assert mipro.params["minibatch"] is False
    assert resolve_params(SPECS["MIPROv2"], mipro.params, small).params == mipro.params
    assert validate_params(SPECS["GEPA"], {"max_full_evals": 2})["auto"] is None


@pytest.mark.parametrize("setting", ["max_steps", "=3", "max_steps=many", "nonsense=1", "preset=tiny"])
def test_unreadable_settings_are_refused(setting):
    with pytest.raises(OptimizerError):
        parse_setting(SPECS["SIMBA"], setting)


def test_settings_take_presets_and_lists():
    assert parse_setting(SPECS["SIMBA"], "preset=light") == ("preset", "light")
    search = SPECS["BootstrapFewShotWithRandomSearch"]
    assert parse_setting(search, "restrict=[-3, 0,1]") == ("restrict", [-3, 0, 1])


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_setting_is_read_or_refused(name, value):
    for spec in SPECS.values():
        with contextlib.suppress(OptimizerError):
            parse_setting(spec, f"{name}={value}")


def test_too_few_rows_are_refused():
    with pytest.raises(OptimizerError, match="val"):
        check_needs(SPECS["MIPROv2"], Facts(train=5, val=0))


def test_registry_finds_names_whatever_their_case_and_offers_near_ones():
    assert registry.get("gepa").spec.name == "GEPA"
    with pytest.raises(OptimizerError) as error:
        registry.get("MIPRO")
    assert "MIPROv2" in error.value.fix


@pytest.mark.parametrize("name", ["BootstrapFinetune", "BetterTogether", "GRPO"])
def test_known_optimizers_that_cannot_run_say_what_they_need(name):
    with pytest.raises(OptimizerError) as error:
        registry.get(name)
    assert registry.UNAVAILABLE[name].needs in error.value.what
