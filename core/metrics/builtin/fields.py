"""A metric out of a comparison: over the label fields, with a sub-score and a line of feedback for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import MetricError
from ..feedback import shorten
from .compare import Comparison, Likeness, flatten, is_equal


class FieldMetric:
    """Mean likeness over the fields; feedback on the fields of the predictor that it is asked about."""

    gives_feedback = True

    def __init__(self, name: str, compare: Comparison, fields: Sequence[str] = ()) -> None:
        self.name = name
        self.compare = compare
        self.fields = tuple(fields)

    def __call__(
        self, example: Any, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
    ) -> dict[str, Any]:
        fields = choose_fields(self.name, self.fields, example, pred)
        found = {field: self.judge(field, example.get(field), pred.get(field)) for field in fields}
        asked = route_fields(fields, pred_name, pred_trace)
        result: dict[str, Any] = {
            "score": sum(likeness.score for likeness, _ in found.values()) / len(found),
            "feedback": "\n".join(found[field][1] for field in asked),
        }
        if len(found) > 1:
            result["subscores"] = {field: likeness.score for field, (likeness, _) in found.items()}
        return result

    def judge(self, field: str, expected: Any, got: Any) -> tuple[Likeness, str]:
        """How alike, and the line of feedback on it."""
        likeness = self.compare(expected, got)
        if likeness.score >= 1:
            return likeness, f"Correct {field}: {shorten(got)}."
        degree = "Wrong" if likeness.score == 0 else f"Partly right ({likeness.score:.2f})"
        line = f"{degree} {field}: expected {shorten(expected)}, got {shorten(got)}."
        return likeness, f"{line} {likeness.note}".strip()


class JsonMetric:
    """Part of the leaves of nested labels that are right; a sub-score and feedback for each leaf's path."""

    gives_feedback = True

    def __init__(self, fields: Sequence[str] = ()) -> None:
        self.fields = tuple(fields)

    def __call__(
        self, example: Any, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
    ) -> dict[str, Any]:
        fields = choose_fields("json_match", self.fields, example, pred)
        right: dict[str, bool] = {}
        lines: dict[str, list[str]] = {field: [] for field in fields}
        for field in fields:
            wanted = dict(flatten(example.get(field), field))
            found = dict(flatten(pred.get(field), field))
            for path in [*wanted, *(path for path in found if path not in wanted)]:
                right[path] = path in wanted and path in found and is_equal(wanted[path], found[path])
                if not right[path]:
                    lines[field].append(_describe_leaf(path, wanted, found))
        asked = [line for field in route_fields(fields, pred_name, pred_trace) for line in lines[field]]
        return {
            "score": sum(right.values()) / len(right),
            "feedback": "\n".join(asked) or "Every field is correct.",
            "subscores": {path: float(fine) for path, fine in right.items()},
        }


def _describe_leaf(path: str, wanted: dict[str, Any], found: dict[str, Any]) -> str:
    if path not in found:
        return f"Missing {path}: expected {shorten(wanted[path])}."
    if path not in wanted:
        return f"Too many: {path} is not expected, got {shorten(found[path])}."
    return f"Wrong {path}: expected {shorten(wanted[path])}, got {shorten(found[path])}."


def choose_fields(name: str, wanted: Sequence[str], example: Any, pred: Any) -> list[str]:
    """The fields to compare: the named ones, or the labels that the answer has.

    Raises `MetricError` when an example lacks a named field, or the answer has none of the labels.
    """
    labels = [field for field in example.labels() if not field.startswith("dspy_")]
    missing = [field for field in wanted if field not in example]
    if missing:
        raise MetricError(
            f"{name} compares '{missing[0]}', which the data does not have.",
            where="compilot.toml [metric] params.fields",
            fix=f"the labels are {', '.join(labels) or 'none: name the inputs under [data]'}",
        )
    fields = list(wanted) or [field for field in labels if field in pred]
    if not fields:
        raise MetricError(
            f"{name} finds nothing to compare: the labels are {', '.join(labels) or 'none'}, "
            f"the answer has {', '.join(pred.keys()) or 'nothing'}.",
            where="compilot.toml [data]",
            fix='map the label to the program\'s field, e.g. map = { answer = "gold" }',
        )
    return fields


def route_fields(fields: list[str], pred_name: str | None, pred_trace: Any) -> list[str]:
    """Of these fields, the ones that the asked predictor answers; all when it answers none of them."""
    if pred_name is None:
        return fields
    answered = {
        field
        for step in pred_trace or ()
        for field in getattr(getattr(step[0], "signature", None), "output_fields", ())
    }
    last = pred_name.removesuffix(".predict").rpartition(".")[2]
    return [field for field in fields if field in answered or field == last] or fields
