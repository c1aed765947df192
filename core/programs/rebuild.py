"""Predictions and examples again, out of the JSON in which they were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dspy


def rebuild_example(inputs: Mapping[str, Any], labels: Mapping[str, Any]) -> dspy.Example:
    import dspy

    return dspy.Example({**inputs, **labels}).with_inputs(*inputs)


def rebuild_prediction(values: Mapping[str, Any], types: Mapping[str, Any]) -> dspy.Prediction:
    """A prediction whose fields have their types again (`output_types`); what does not fit stays as it is."""
    import dspy

    return dspy.Prediction(**{name: _typed(value, types.get(name)) for name, value in values.items()})


def output_types(program: dspy.Module) -> dict[str, Any]:
    """The type of each output of the program's predictors; where two share a name, the last one's."""
    return {
        name: field.annotation
        for _, predictor in program.named_predictors()
        for name, field in predictor.signature.output_fields.items()
    }


def _typed(value: Any, annotation: Any) -> Any:
    if annotation is None or (isinstance(value, str) and annotation is str):
        return value
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(annotation).validate_python(value)
    except (ValidationError, TypeError, ValueError):
        return value
