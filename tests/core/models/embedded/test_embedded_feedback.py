"""The expected answer is found in feedback however it is worded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.embedded.feedback import read_feedback

KNOWN = ("billing", "technical", "shipping", "front-desk", "engineers", "negative", "neutral")


@pytest.mark.parametrize(
    ("feedback", "output", "answered", "expected"),
    [
        ("Expected billing, got technical.", "category", "technical", "billing"),
        ("expected `front-desk` but got `engineers`", "queue", "engineers", "front-desk"),
        ("Correct answer: billing", "category", "technical", "billing"),
        ("The correct label is billing, not technical.", "category", "technical", "billing"),
        ("The right label is 'billing'.", "category", "technical", "billing"),
        ('Wrong. It should have been "billing".', "category", "technical", "billing"),
        ("You answered technical; the gold label was billing", "category", "technical", "billing"),
        ("Predicted technical but the ground truth is billing.", "category", "technical", "billing"),
        ("expected=billing predicted=technical", "category", "technical", "billing"),
        ("technical is wrong; the message is about billing", "category", "technical", "billing"),
        ("Not quite right. This one is for the billing team.", "category", "technical", "billing"),
        ("Prediction 'technical' does not match 'billing'.", "category", "technical", "billing"),
        (
            "Score: 0.0. The expected category is: billing. Think of money.",
            "category",
            "technical",
            "billing",
        ),
        ("target: 4, prediction: 2", "rating", "2", "4"),
        ("Correct: 'billing' handles this message.", "team", "billing", "billing"),
        ("You correctly classified it as `neutral`. It is not negative.", "mood", "neutral", "neutral"),
        (
            "You incorrectly classified it as `neutral`. The correct mood is `negative`.",
            "mood",
            "neutral",
            "negative",
        ),
        ("This trajectory got a score of 1.0.", "category", "billing", "billing"),
        ("This trajectory got a score of 0.0.", "category", "billing", None),
        ("Good job!", "category", "billing", "billing"),
        ("The reply could be friendlier.", "category", "billing", None),
    ],
)
def test_the_expected_label(feedback, output, answered, expected):
    assert read_feedback(feedback, output, answered, KNOWN).expected == expected


@pytest.mark.parametrize(
    ("feedback", "answered", "expected"),
    [
        ("expected ['a', 'b'], got ['c']", ("c",), {"a", "b"}),
        ("Missing: a. Too many: c.", ("c", "b"), {"b", "a"}),
        (
            "Wrong categories: expected 'a', 'b', got 'c'. Missing: 'a', 'b'. Too many: 'c'.",
            ("c",),
            {"a", "b"},
        ),
        ("Incorrectly included: c. You missed: a", ("c", "d"), {"d", "a"}),
        ("You got 2 of 3 right. Missing labels: a", ("b", "c"), {"a", "b", "c"}),
        ("The correct set is {'a', 'b'}", ("c",), {"a", "b"}),
        ("You should not have included c, but should have included a and b.", ("c",), {"a", "b"}),
        ("Correct categories: 'a'.", ("a",), {"a"}),
    ],
)
def test_the_expected_list(feedback, answered, expected):
    found = read_feedback(feedback, "categories", answered, ("a", "b", "c", "d")).expected
    assert found is not None
    assert set(found) == expected


def test_only_the_part_about_the_field_counts():
    feedback = "urgency: correct. topic: expected parking, got heating"
    names = ("urgency", "topic")
    assert read_feedback(feedback, "urgency", "high", (), names).expected == "high"
    assert read_feedback(feedback, "topic", "heating", (), names).expected == "parking"


@given(feedback=st.text(max_size=200), answered=st.text(max_size=20))
def test_any_feedback_can_be_read(feedback, answered):
    read_feedback(feedback, "label", answered, ("x", "y"))
    read_feedback(feedback, "label", (answered,), ("x", "y"))
