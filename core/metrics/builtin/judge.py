"""Metrics that ask a model: a judge with a rubric, and dspy's semantic F1; under the role judge."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..feedback import shorten
from .fields import choose_fields

DEFAULT_RUBRIC = (
    "Judge how well the answer fulfils the task. Where an expected answer is given, an answer that means the "
    "same is fully right. Score 1 for fully right, 0 for wrong or missing, and between for partly right. "
    "In the feedback say what is wrong and what would be right."
)


class RubricJudge:
    """Scores an answer by a rubric that the person writes."""

    gives_feedback = True

    def __init__(self, rubric: str = DEFAULT_RUBRIC, fields: Sequence[str] = ()) -> None:
        self.rubric = rubric
        self.fields = tuple(fields)
        self._judge: Any = None
        self._lock = threading.Lock()

    def __call__(self, example: Any, pred: Any, trace: Any = None) -> dict[str, Any]:
        judge = self._predictor()
        labels = [field for field in (self.fields or example.labels()) if field in example]
        answered = list(self.fields) or list(pred.keys())
        judged = judge(
            task=_lines({field: example[field] for field in example.inputs()}),
            expected_answer=_lines({field: example[field] for field in labels}) or "(none given)",
            answer=_lines({field: pred.get(field) for field in answered}),
        )
        return {"score": min(1.0, max(0.0, float(judged.score))), "feedback": judged.feedback}

    def _predictor(self) -> Any:
        with self._lock:
            if self._judge is None:
                import dspy

                signature = dspy.Signature(
                    "task: str, expected_answer: str, answer: str -> score: float, feedback: str", self.rubric
                )
                signature = signature.with_updated_fields("score", desc="from 0 (wrong) to 1 (right)")
                self._judge = dspy.Predict(signature)
            return self._judge


class SemanticMetric:
    """dspy's SemanticF1: precision and recall of the ideas in a long answer, as a model sees them."""

    gives_feedback = True

    def __init__(self, fields: Sequence[str] = (), decompositional: bool = False) -> None:
        self.fields = tuple(fields)
        self.decompositional = decompositional
        self._metric: Any = None
        self._lock = threading.Lock()

    def __call__(self, example: Any, pred: Any, trace: Any = None) -> dict[str, Any]:
        import dspy

        metric = self._module()
        fields = choose_fields("semantic_f1", self.fields, example, pred)
        question = _lines({field: example[field] for field in example.inputs()})
        subscores: dict[str, float] = {}
        for field in fields:
            gold = dspy.Example(question=question, response=_text(example.get(field)))
            subscores[field] = float(metric(gold, dspy.Prediction(response=_text(pred.get(field)))).score)
        lines = [
            f"{field}: semantic F1 {score:.2f}; expected {shorten(example.get(field))}, "
            f"got {shorten(pred.get(field))}."
            for field, score in subscores.items()
        ]
        result: dict[str, Any] = {
            "score": sum(subscores.values()) / len(subscores),
            "feedback": "\n".join(lines),
        }
        return result | ({"subscores": subscores} if len(subscores) > 1 else {})

    def _module(self) -> Any:
        with self._lock:
            if self._metric is None:
                from dspy.evaluate import SemanticF1

                self._metric = SemanticF1(decompositional=self.decompositional)
            return self._metric


def _lines(values: dict[str, Any]) -> str:
    return "\n".join(f"{field}: {_text(value)}" for field, value in values.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value) if value is not None else ""
