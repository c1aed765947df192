"""Metrics to start from: short, whole files that run as they stand once the field names fit."""

from __future__ import annotations

import re

import msgspec

from ..errors import MetricError


class MetricTemplate(msgspec.Struct, frozen=True):
    """A starting point."""

    name: str
    summary: str
    text: str
    """With `FIELD` in the place of the label's name."""

    def fill(self, field: str, name: str = "metric") -> str:
        """The file's text for this label field, with its metric called `name`.

        Raises `MetricError` for a name that is none in Python.
        """
        for kind, given in (("field", field), ("metric", name)):
            if not given.isidentifier():
                raise MetricError(
                    f"'{given}' is no {kind} name.", where=kind, fix="use letters, digits and _"
                )
        text = re.sub(r"\bFIELD\b", field, self.text)
        return text.replace("def metric(", f"def {name}(")


_CLASSIFICATION = '''"""Right label or not."""


def metric(example, pred, trace=None):
    return example.FIELD == pred.FIELD
'''

_FEEDBACK = '''"""Right label or not, with words for optimizers that learn from them."""

import dspy


def metric(example, pred, trace=None, pred_name=None, pred_trace=None):
    if example.FIELD == pred.FIELD:
        return dspy.Prediction(score=1.0, feedback=f"Correct: '{example.FIELD}'.")
    return dspy.Prediction(
        score=0.0,
        feedback=f"Wrong FIELD: expected '{example.FIELD}', got '{pred.FIELD}'. Say how to tell them apart.",
    )
'''

_EXTRACTION = '''"""The part of the expected fields that came out right; each field is a sub-score."""


def metric(example, pred, trace=None, pred_name=None):
    expected, got = plain(example.FIELD), plain(pred.FIELD)
    scores, feedback = {}, []
    for name, value in expected.items():
        scores[name] = float(got.get(name) == value)
        if not scores[name]:
            feedback.append(f"Wrong {name}: expected {value!r}, got {got.get(name)!r}.")
    return {
        "score": sum(scores.values()) / len(scores),
        "feedback": " ".join(feedback) or "Every field is correct.",
        "subscores": scores,
    }


def plain(value):
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else dict(value or {})
'''

_ANSWER = '''"""How much of the expected answer's words came out, after normalizing; F1 over words."""

from dspy.evaluate.metrics import normalize_text


def metric(example, pred, trace=None):
    expected, got = words(example.FIELD), words(pred.FIELD)
    shared = len(expected & got)
    score = 2 * shared / (len(expected) + len(got)) if shared else 0.0
    # A demonstration must be right, not only close.
    if trace is not None:
        return score >= 0.8
    return {"score": score, "feedback": f"Expected: {example.FIELD}. Got: {pred.FIELD}."}


def words(text):
    return set(normalize_text(str(text)).split())
'''

_JUDGE = '''"""A model judges the answer. Its calls count under the role judge ([models.judge])."""

import dspy


class JudgeAnswer(dspy.Signature):
    """Judge whether the answer says the same as the expected one: 1 for yes, 0 for no, between for partly."""

    task: str = dspy.InputField()
    expected: str = dspy.InputField()
    answer: str = dspy.InputField()
    score: float = dspy.OutputField(desc="from 0 to 1")
    feedback: str = dspy.OutputField(desc="what is wrong and what would be right")


judge = dspy.Predict(JudgeAnswer)


def metric(example, pred, trace=None, pred_name=None):
    task = "\\n".join(f"{name}: {value}" for name, value in example.inputs().items())
    judged = judge(task=task, expected=str(example.FIELD), answer=str(pred.FIELD))
    return dspy.Prediction(score=min(1.0, max(0.0, judged.score)), feedback=judged.feedback)
'''

TEMPLATES: dict[str, MetricTemplate] = {
    template.name: template
    for template in (
        MetricTemplate("classification", "one label, right or wrong", _CLASSIFICATION),
        MetricTemplate("with-feedback", "one label, with feedback for GEPA and SIMBA", _FEEDBACK),
        MetricTemplate("extraction", "structured output, a sub-score for each field", _EXTRACTION),
        MetricTemplate("qa", "short answers, F1 over words, strict for demonstrations", _ANSWER),
        MetricTemplate("llm-judge", "a model judges, with feedback", _JUDGE),
    )
}
