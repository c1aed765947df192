"""The built-in metrics: scores against known values, and feedback that says what was expected."""

import enum
from pathlib import Path

import dspy
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MetricError
from core.metrics.adapt import load_metric
from core.metrics.builtin.compare import flatten, read_number
from core.metrics.builtin.registry import BUILTINS
from core.recipe import MetricSpec

ROOT = Path(__file__).parent


class Team(enum.Enum):
    DEVICES = "devices"


class Address(pydantic.BaseModel):
    city: str
    zip: int


def judge(name, expected, got, tmp_path=ROOT, weights=None, **params):
    metric = load_metric(MetricSpec(target=f"builtin:{name}", params=params, weights=weights or {}), tmp_path)
    gold = dspy.Example(question="q", answer=expected).with_inputs("question")
    verdict = metric(gold, dspy.Prediction(answer=got))
    assert verdict.error is None, verdict.error
    return verdict


@pytest.mark.parametrize(
    ("name", "expected", "got", "score"),
    [
        ("exact_match", "a", "a", 1),
        ("exact_match", "a", "A", 0),
        ("exact_match", "5", 5, 1),
        ("exact_match", "true", True, 1),
        ("exact_match", "devices", Team.DEVICES, 1),
        ("exact_match", ["a", "b"], ("a", "b"), 1),
        ("exact_match", "a", None, 0),
        ("normalized_match", "The Eiffel Tower!", "eiffel tower", 1),
        ("normalized_match", ["Paris", "City of Light"], "the city of light", 1),
        ("normalized_match", "Paris", "Paris, France", 0),
        ("contains", "Paris", "It is Paris, France.", 1),
        ("contains", "art", "a party", 0),
        ("token_f1", "the cat sat", "cat sat down", 0.8),
        ("token_f1", "", "", 1),
        ("token_f1", "a b", "", 0),
        ("numeric_tolerance", 100, "about $100.90", 1),
        ("numeric_tolerance", "1,200", 1188, 1),
        ("numeric_tolerance", 100, 102, 0),
        ("numeric_tolerance", 100, "none", 0),
        ("set_precision", ["a", "b"], ["A"], 1),
        ("set_recall", ["a", "b"], ["A"], 0.5),
        ("set_f1", ["a", "b"], ["A"], 2 / 3),
        ("set_f1", "a, b", ["b", "a", "a"], 1),
        ("set_f1", [], [], 1),
        ("set_f1", [], ["a"], 0),
        ("set_f1", ["a"], None, 0),
        ("levenshtein", "kitten", "sitting", 1 - 3 / 7),
        ("rouge_l", "police killed the gunman", "police kill the gunman", 2 / 3),
        ("rouge_l", "", "", 1),
        ("json_match", {"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}}, 2 / 3),
        ("json_match", {"city": "Rome", "zip": "100"}, Address(city="Rome", zip=100), 1),
        ("json_match", {"a": 1}, {"a": 1, "b": 2}, 0.5),
        ("json_match", {"a": 1}, None, 0),
    ],
)
def test_scores(name, expected, got, score):
    assert judge(name, expected, got).score == pytest.approx(score)


@pytest.mark.parametrize("name", [name for name, metric in BUILTINS.items() if not metric.asks_model])
def test_feedback_says_what_was_expected_and_what_came(name, tmp_path):
    params = {"composite": {"parts": {"right": "builtin:exact_match"}}, "regex": {"pattern": "^x$"}}.get(
        name, {}
    )
    verdict = judge(name, "17 apples", "3 pears", tmp_path, **params)
    assert verdict.score < 0.5
    assert "3 pears" in verdict.feedback
    assert "17 apples" in verdict.feedback
    assert "answer" in verdict.feedback


def test_what_is_missing_and_too_many_is_named():
    assert judge("set_f1", ["a", "b"], ["b", "c"]).feedback.endswith("Missing: 'a'. Too many: 'c'.")
    feedback = judge("json_match", {"a": 1, "b": 2}, {"b": 3, "c": 4}).feedback
    assert feedback.splitlines() == [
        "Missing answer.a: expected 1.",
        "Wrong answer.b: expected 2, got 3.",
        "Too many: answer.c is not expected, got 4.",
    ]


GOLD = dspy.Example(m="x", topic="a", team="b").with_inputs("m")
PRED = dspy.Prediction(topic="A", team="b", reasoning="so")


@pytest.mark.parametrize("name", ["exact_match", "json_match"])
def test_fields_are_sub_scores_and_feedback_is_routed(name):
    metric = load_metric(MetricSpec(target=f"builtin:{name}"), ROOT)
    verdict = metric(GOLD, PRED)
    assert verdict.score == 0.5
    assert verdict.subscores == {"topic": 0, "team": 1}
    step = (dspy.ChainOfThought("m -> topic").predict, {}, PRED)
    routed = metric(GOLD, PRED, [step], "first.predict", [step])
    assert routed.score == 0.5
    assert routed.feedback == "Wrong topic: expected 'a', got 'A'."
    assert "topic" in metric(GOLD, PRED, None, "topic.predict", None).feedback


def test_weights_of_fields():
    metric = load_metric(MetricSpec(target="builtin:exact_match", weights={"topic": 3.0}), ROOT)
    assert metric(GOLD, PRED).score == 0.25


def test_chosen_fields_and_nothing_to_compare():
    assert (
        load_metric(MetricSpec(target="builtin:exact_match", params={"fields": ["team"]}), ROOT)(
            GOLD, PRED
        ).score
        == 1
    )
    verdict = load_metric(MetricSpec(target="builtin:exact_match"), ROOT)(GOLD, dspy.Prediction(label="a"))
    assert "the labels are topic, team, the answer has label" in verdict.error
    verdict = load_metric(MetricSpec(target="builtin:exact_match", params={"fields": ["x"]}), ROOT)(
        GOLD, PRED
    )
    assert "compares 'x', which the data does not have" in verdict.error


@pytest.mark.parametrize(
    ("target", "params", "said"),
    [
        ("builtin:exact_mach", {}, "no built-in metric 'exact_mach'"),
        ("builtin:exact_match", {"feilds": []}, "has no param 'feilds'"),
        ("builtin:exact_match", {"fields": "team"}, "'fields' is of the wrong type"),
        ("builtin:regex", {}, "needs 'pattern'"),
        ("builtin:regex", {"pattern": "("}, "no regular expression"),
        ("builtin:composite", {"parts": {}}, "needs parts"),
        ("builtin:composite", {"parts": {"a": 3}}, "names no metric"),
        ("builtin:composite", {"parts": {"a": "builtin:nope"}}, "no built-in metric 'nope'"),
        ("builtin:numeric_tolerance", {"absolute": "x"}, "'absolute' is of the wrong type"),
    ],
)
def test_wrong_params_are_told(target, params, said, tmp_path):
    with pytest.raises(MetricError) as caught:
        load_metric(MetricSpec(target=target, params=params), tmp_path)
    assert said in caught.value.what
    assert "compilot.toml" in caught.value.where


def test_a_composite_weighs_its_parts(tmp_path):
    (tmp_path / "own.py").write_text("def half(e, p): return 0.5, 'so so'")
    parts = {"right": "builtin:exact_match", "own": "own.py:half", "in": {"target": "builtin:contains"}}
    verdict = judge("composite", "red", "red b", tmp_path, weights={"in": 2.0}, parts=parts)
    assert verdict.subscores == {"right": 0, "own": 0.5, "in": 1}
    assert verdict.score == pytest.approx(2.5 / 4)
    assert "own: so so" in verdict.feedback


class Scripted(dspy.clients.base_lm.BaseLM):
    """Answers every request with one text."""

    def __init__(self, text):
        super().__init__(model="scripted")
        self.text = text

    def forward(self, prompt=None, messages=None, **kwargs):
        from types import SimpleNamespace as N

        choice = N(message=N(content=self.text), finish_reason="stop")
        return N(choices=[choice], usage={}, model="scripted")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "answer", "score"),
    [
        (
            "llm_judge",
            "[[ ## score ## ]]\n0.25\n[[ ## feedback ## ]]\nToo short.\n[[ ## completed ## ]]",
            0.25,
        ),
        (
            "semantic_f1",
            "[[ ## reasoning ## ]]\nx\n[[ ## recall ## ]]\n0.5\n[[ ## precision ## ]]\n1\n",
            2 / 3,
        ),
    ],
)
def test_metrics_that_ask_a_model_ask_the_judge(name, answer, score):
    metric = load_metric(MetricSpec(target=f"builtin:{name}"), ROOT)
    metric.judge_lm = Scripted(answer)
    gold = dspy.Example(question="why", answer="because").with_inputs("question")
    verdict = metric(gold, dspy.Prediction(answer="so"))
    assert verdict.error is None
    assert verdict.score == pytest.approx(score)
    assert verdict.feedback


@given(
    st.recursive(st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(min_size=1), x))
)
def test_nested_labels_match_themselves(value):
    assert judge("json_match", value, value).score == 1
    assert len(list(flatten(value))) >= 1


@given(st.text(), st.text())
def test_every_comparison_stays_between_0_and_1(expected, got):
    for name in (
        "token_f1",
        "levenshtein",
        "rouge_l",
        "set_f1",
        "contains",
        "numeric_tolerance",
        "normalized_match",
    ):
        assert 0 <= judge(name, expected, got).score <= 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,200.50", 1200.5),
        ("1 234 567 rows", 1234567),
        ("from 12 13 to", 12),
        (".5", 0.5),
        ("-3e2", -300),
        ("1,20", 1),
        ("E0", 0),
        ("none", None),
        ("", None),
        ("v2.5.1", 2.5),
        (True, 1),
    ],
)
def test_the_first_number_of_a_text(text, number):
    assert read_number(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_read_back(number):
    assert read_number(f"it is {number!r} euros") == pytest.approx(number)
