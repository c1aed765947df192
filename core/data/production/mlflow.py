"""MLflow's traces: the JSON of `mlflow traces get`, `Trace.to_json()` or a list of such, versions 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import DataError
from .calls import Opinion, ProductionCall, as_fields, correct_fields, read_verdict


def is_mlflow(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like an MLflow trace."""
    return isinstance(document.get("info"), Mapping) and isinstance(document.get("data"), Mapping)


def read_mlflow(document: Mapping[str, Any], number: int) -> ProductionCall:
    """The call that a trace's root span stands for, with its assessments. Raises `DataError`."""
    info, data = document.get("info"), document.get("data")
    if not isinstance(info, Mapping) or not isinstance(data, Mapping):
        raise DataError("a trace needs info and data", where="info, data")
    root = _find_root(data.get("spans"))
    inputs = _span_value(root, "mlflow.spanInputs", "inputs", data.get("request"))
    outputs = _span_value(root, "mlflow.spanOutputs", "outputs", data.get("response"))
    if inputs is None:
        raise DataError("the trace's root span has no inputs", where="data.spans")
    answers = as_fields(outputs, "answer")
    assessments = info.get("assessments")
    said = (
        [item for item in assessments if isinstance(item, Mapping)] if isinstance(assessments, list) else []
    )
    return ProductionCall(
        id=str(info.get("trace_id") or info.get("request_id") or number),
        inputs=as_fields(inputs, "input"),
        outputs=answers,
        opinions=tuple(
            _read_assessment(item, answers) for item in said if item.get("valid", True) is not False
        ),
    )


def _find_root(spans: Any) -> Mapping[str, Any]:
    found = [span for span in spans if isinstance(span, Mapping)] if isinstance(spans, list) else []
    roots = [span for span in found if not (span.get("parent_span_id") or span.get("parent_id"))]
    return (roots or found or [{}])[0]


def _span_value(span: Mapping[str, Any], attribute: str, field: str, fallback: Any) -> Any:
    attributes = span.get("attributes")
    value = attributes.get(attribute) if isinstance(attributes, Mapping) else None
    if value is None:
        value = span.get(field, fallback)
    return decode_text(value)


def decode_text(value: Any) -> Any:
    """What a text holds as JSON; the text itself where it holds none."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def _read_assessment(item: Mapping[str, Any], outputs: Mapping[str, Any]) -> Opinion:
    name = str(item.get("assessment_name") or item.get("name") or "")
    feedback, expectation = item.get("feedback"), item.get("expectation")
    source = item.get("source")
    value = feedback.get("value") if isinstance(feedback, Mapping) else None
    rationale = str(item.get("rationale") or "")
    expected: dict[str, Any] = {}
    if isinstance(expectation, Mapping):
        serialized = expectation.get("serialized_value")
        stated = expectation.get("value")
        if isinstance(serialized, Mapping):
            stated = decode_text(serialized.get("value"))
        expected = {name: stated} if name in outputs else correct_fields(stated, outputs, name or "answer")
    words = value if isinstance(value, str) and read_verdict(value) is None else ""
    return Opinion(
        good=read_verdict(value),
        rating="" if value is None else str(value),
        comment=" ".join(part for part in (f"{name}: {words}." if words else "", rationale) if part),
        expected=expected,
        source=str(source.get("source_type", "")) if isinstance(source, Mapping) else "",
    )
