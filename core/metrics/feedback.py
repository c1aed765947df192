"""Words on what was wrong: made where a metric gives none, and guessed from its source whether it does."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dspy

_SHOWN = 300


def compare_fields(example: dspy.Example, pred: Any, pred_trace: Sequence[Any] | None = None) -> str:
    """Expected and got for each label field; with a predictor's trace, only of the fields it answers."""
    labels = [field for field in _labels(example) if not field.startswith("dspy_")]
    answered = _answered_by(pred_trace)
    fields = [field for field in labels if field in answered] or labels
    lines = [compare_values(field, example.get(field), _get(pred, field)) for field in fields]
    return "\n".join(lines) or "There is no label to compare the answer with."


def compare_values(field: str, expected: Any, got: Any) -> str:
    """One line on one field."""
    if expected == got:
        return f"Correct {field}: {shorten(expected)}."
    return f"Wrong {field}: expected {shorten(expected)}, got {shorten(got)}."


def shorten(value: Any) -> str:
    """A value's repr, at most 300 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def guess_feedback(function: Callable[..., Any]) -> bool:
    """Whether a metric's source names or returns feedback; False where there is no source to read."""
    while isinstance(function, partial):
        function = function.func
    if getattr(function, "gives_feedback", False):
        return True
    if not inspect.isroutine(function):
        function = getattr(type(function), "forward", None) or type(function).__call__
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(_tells_feedback(node) for node in ast.walk(tree))


def _tells_feedback(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "feedback"
    if isinstance(node, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == "feedback" for key in node.keys)
    return isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1


def _labels(example: Any) -> list[str]:
    try:
        return list(example.labels().keys())
    except ValueError:
        return list(example.keys())


def _answered_by(pred_trace: Sequence[Any] | None) -> set[str]:
    fields: set[str] = set()
    for step in pred_trace or ():
        signature = getattr(step[0], "signature", None)
        fields.update(getattr(signature, "output_fields", ()))
    return fields


def _get(pred: Any, field: str) -> Any:
    if hasattr(pred, "get"):
        return pred.get(field)
    return getattr(pred, field, None)
