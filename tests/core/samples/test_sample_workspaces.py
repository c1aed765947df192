"""The five sample workspaces do what their files say: they load, run, and can be improved."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dspy
import msgspec
import pytest

from core.data.load import load_splits
from core.models.embedded.engine import EmbeddedEngine
from core.recipe import Recipe
from core.samples import sample_names

SAMPLES = Path(__file__).parents[3] / "sample_data"
SIZES = {
    "router": (180, 72, 108),
    "triage": (106, 53, 105),
    "pipeline7": (116, 12, 40),
    "extract": (96, 48, 96),
    "tiny": (7, 4, 3),
}
TEXTS = {
    "router": "message",
    "triage": "message",
    "pipeline7": "message",
    "extract": "email",
    "tiny": "comment",
}


def read_attribute(name: str, target: str) -> Any:
    file, attribute = target.split(":")
    spec = importlib.util.spec_from_file_location(f"sample_{name}_{file[:-3]}", SAMPLES / name / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, attribute)


@cache
def open_sample(name: str) -> SimpleNamespace:
    recipe = msgspec.convert(tomllib.loads((SAMPLES / name / "compilot.toml").read_text()), Recipe)
    splits = load_splits(recipe.data, SAMPLES / name)

    def examples(rows):
        return [dspy.Example(**row.values).with_inputs(*recipe.data.inputs) for row in rows]

    return SimpleNamespace(
        recipe=recipe,
        splits=splits,
        metric=read_attribute(name, recipe.metric.target),
        build=read_attribute(name, recipe.program.target),
        train=examples(splits.train),
        val=examples(splits.val),
        test=examples(splits.test),
        labels=recipe.data.labels,
    )


def score_of(verdict: Any) -> float:
    return float(getattr(verdict, "score", verdict))


def as_prediction(sample: SimpleNamespace, example: dspy.Example) -> dspy.Prediction:
    return dspy.Prediction(**{label: example[label] for label in sample.labels})


def embedded(kind: str) -> dspy.LM:
    return dspy.LM(f"embedded/{kind}", engine=EmbeddedEngine(f"embedded/{kind}"), cache=False)


def evaluate(sample: SimpleNamespace, program: dspy.Module) -> float:
    with dspy.context(lm=embedded("student")):
        scores = [score_of(sample.metric(example, program(**example.inputs()))) for example in sample.test]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("name", sample_names())
def test_the_recipe_is_valid_and_needs_no_key(name: str):
    recipe = open_sample(name).recipe
    assert {"student", "reflection", "proposer"} <= set(recipe.models)
    assert all(profile.model.startswith("embedded/") for profile in recipe.models.values())
    assert recipe.data.inputs == (TEXTS[name],)


@pytest.mark.parametrize("name", sample_names())
def test_the_commented_real_models_make_a_valid_recipe(name: str):
    text = (SAMPLES / name / "compilot.toml").read_text()
    embedded_lines = re.compile(r"^\[models\.\w+\]\n(?:(?!\[|#).*\n)*", re.MULTILINE)
    real = re.sub(r"^#   (?=\[|\w+ = )", "", embedded_lines.sub("", text), flags=re.MULTILINE)
    models = msgspec.convert(tomllib.loads(real), Recipe).models
    assert models["student"].model == "gemini/gemini-2.5-flash-lite"
    assert models["student"].thinking == "disabled"
    for role in ("reflection", "proposer"):
        assert models[role].model == "gemini/gemini-2.5-pro"
        assert models[role].thinking == 10000


@pytest.mark.parametrize("name", sample_names())
def test_the_parts_have_the_sizes_that_were_meant(name: str):
    splits = open_sample(name).splits
    sizes = (len(splits.train), len(splits.val), len(splits.test))
    assert all(abs(size - meant) <= 2 for size, meant in zip(sizes, SIZES[name], strict=True)), sizes
    if name in ("pipeline7", "tiny"):
        assert sizes == SIZES[name]
    assert not splits.problems
    assert not splits.notes
    every = [*splits.train, *splits.val, *splits.test]
    assert len({row.id for row in every}) == len(every)


@pytest.mark.parametrize("name", sample_names())
def test_texts_are_learnable_but_do_not_name_their_labels(name: str):
    sample = open_sample(name)
    rows = [*sample.train, *sample.val, *sample.test]
    labels = {label for row in rows for label in _label_values(as_prediction(sample, row).toDict())}
    naming = [
        row for row in rows if any(re.search(rf"\b{label}\b", row[TEXTS[name]].lower()) for label in labels)
    ]
    assert len(naming) <= 0.04 * len(rows), [row[TEXTS[name]] for row in naming]
    assert max(Counter(row[TEXTS[name]] for row in rows).values()) <= 3


def _label_values(values: Any) -> list[str]:
    """The short lower-case values that stand for classes; a description is copied from the text."""
    if isinstance(values, dict):
        parts = [value for key, value in values.items() if key != "description"]
        return [label for value in parts for label in _label_values(value)]
    if isinstance(values, list):
        return [label for value in values for label in _label_values(value)]
    return [values] if isinstance(values, str) and re.fullmatch(r"[a-z]+_?[a-z0-9]*", values) else []


@pytest.mark.parametrize("name", sample_names())
def test_gold_answers_score_one_and_swapped_ones_less(name: str):
    sample = open_sample(name)
    rows = [*sample.train, *sample.val, *sample.test]
    golds = [as_prediction(sample, row) for row in rows]
    assert {score_of(sample.metric(row, gold)) for row, gold in zip(rows, golds, strict=True)} == {1.0}
    swapped = [
        score_of(sample.metric(row, gold)) for row, gold in zip(rows, golds[1:] + golds[:1], strict=True)
    ]
    assert all(0 <= score <= 1 for score in swapped)
    assert sum(swapped) / len(swapped) < 0.6


@pytest.mark.parametrize("name", sample_names())
def test_an_empty_prediction_scores_zero_and_raises_nothing(name: str):
    sample = open_sample(name)
    assert score_of(sample.metric(sample.train[0], dspy.Prediction())) == 0.0


@pytest.mark.parametrize("name", sample_names())
def test_the_program_runs_and_answers_every_label(name: str):
    sample = open_sample(name)
    with dspy.context(lm=embedded("student")):
        for example in sample.test[:5]:
            prediction = sample.build()(**example.inputs())
            assert all(prediction[label] is not None for label in sample.labels)
            assert 0 <= score_of(sample.metric(example, prediction)) <= 1


@pytest.mark.parametrize(
    ("name", "predictors"), [("router", 1), ("triage", 3), ("pipeline7", 7), ("extract", 1), ("tiny", 1)]
)
def test_one_program_run_calls_each_predictor_once(name: str, predictors: int):
    sample = open_sample(name)
    engine = EmbeddedEngine("embedded/student")
    program = sample.build()
    with dspy.context(lm=dspy.LM("embedded/student", engine=engine, cache=False)):
        program(**sample.train[0].inputs())
    assert len(program.named_predictors()) == predictors == engine.calls


@pytest.mark.parametrize("name", ["triage", "pipeline7"])
def test_feedback_is_about_the_predictor_that_is_named(name: str):
    sample = open_sample(name)
    example, other = sample.train[0], sample.train[1]
    wrong = as_prediction(sample, other)
    for predictor, _ in sample.build().named_predictors():
        verdict = sample.metric(example, wrong, None, predictor, None)
        assert predictor.replace("_", " ") in verdict.feedback.replace("_", " ")
        assert "\n" not in verdict.feedback
    overall = sample.metric(example, wrong)
    assert overall.feedback.count("\n") == len(sample.labels) - 1
    assert overall.score == sample.metric(example, wrong, None, "urgency", None).score


def test_feedback_says_what_was_expected_and_what_came():
    sample = open_sample("triage")
    gold = dspy.Example(message="m", urgency="high", sentiment="neutral", categories=["repair", "billing"])
    got = dspy.Prediction(urgency="low", sentiment="neutral", categories=["hygiene", "billing"])
    verdict = sample.metric(gold, got)
    assert verdict.score == pytest.approx((0 + 1 + 1 / 3) / 3)
    assert "expected 'high', got 'low'" in verdict.feedback
    assert "Missing: 'repair'. Too many: 'hygiene'." in verdict.feedback


def test_extracted_fields_are_judged_one_by_one():
    sample = open_sample("extract")
    gold = sample.train[0]
    wrong = json.loads(json.dumps(gold.invoice))
    wrong["payment"]["total"] += 1
    wrong["items"] = []
    verdict = sample.metric(gold, dspy.Prediction(invoice=wrong))
    assert verdict.score == pytest.approx(6 / 8)
    assert "payment.total" in verdict.feedback
    assert "number of items" in verdict.feedback


def test_only_triage_is_paced():
    paced = {
        name: [p.dials for p in open_sample(name).recipe.models.values() if p.dials]
        for name in sample_names()
    }
    assert {name for name, dials in paced.items() if dials} == {"triage"}
    assert all(set(dials) == {"latency"} for dials in paced["triage"])


@pytest.mark.parametrize(
    ("name", "highest_baseline", "least_gain"),
    [("router", 0.35, 0.2), ("triage", 0.35, 0.15), ("pipeline7", 0.4, 0.15), ("extract", 0.4, 0.2)],
)
def test_sixteen_examples_in_the_prompt_already_help(name: str, highest_baseline: float, least_gain: float):
    sample = open_sample(name)
    baseline = evaluate(sample, sample.build())
    taught = dspy.LabeledFewShot(k=16).compile(sample.build(), trainset=sample.train)
    assert 0.05 <= baseline <= highest_baseline
    assert evaluate(sample, taught) >= baseline + least_gain


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least_gain"), [("triage", 0.15), ("pipeline7", 0.15)])
def test_gepa_with_the_parameters_of_the_recipe_gains(name: str, least_gain: float):
    sample = open_sample(name)
    with dspy.context(lm=embedded("student")):
        optimizer = dspy.GEPA(
            metric=sample.metric,
            reflection_lm=embedded("reflection"),
            num_threads=2,
            seed=0,
            **sample.recipe.optimizer.params,
        )
        better = optimizer.compile(sample.build(), trainset=sample.train, valset=sample.val)
    assert evaluate(sample, better) >= evaluate(sample, sample.build()) + least_gain
