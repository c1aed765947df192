"""OpenTelemetry exports with the GenAI conventions: OTLP JSON, as collectors write it, or single spans.

Messages are read from `gen_ai.input.messages` and `gen_ai.output.messages`, from the older attributes and
events, and from OpenInference's `input.value`; opinions from `gen_ai.evaluation.result`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from .calls import Opinion, ProductionCall, as_fields, read_verdict
from .mlflow import decode_text

_INPUT_KEYS = ("gen_ai.input.messages", "gen_ai.prompt", "input.value", "traceloop.entity.input")
_OUTPUT_KEYS = ("gen_ai.output.messages", "gen_ai.completion", "output.value", "traceloop.entity.output")
_INPUT_EVENTS = {"gen_ai.system.message": "system", "gen_ai.user.message": "user"}
_EVALUATION = "gen_ai.evaluation.result"


class Span(msgspec.Struct, frozen=True):
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]


def is_otel(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like OTLP JSON or one exported span."""
    return "resourceSpans" in document or "resourceLogs" in document or _is_span(document)


def _is_span(document: Mapping[str, Any]) -> bool:
    return "attributes" in document and bool({"spanId", "span_id", "context"} & document.keys())


def read_otel(documents: Iterable[Mapping[str, Any]]) -> list[ProductionCall]:
    """The calls of all documents together: in each trace the outermost spans that carry messages.

    An evaluation belongs to the call whose span it stands in or below; one that names no span, to its trace's
    only call.
    """
    spans: dict[tuple[str, str], Span] = {}
    evaluations: list[tuple[str, str, dict[str, Any]]] = []
    for document in documents:
        for span in _spans_of(document):
            spans[span.trace, span.id] = span
            evaluations += [
                (span.trace, span.id, attrs) for name, attrs in span.events if name == _EVALUATION
            ]
        evaluations += _logged_evaluations(document)
    calls = {key: span for key, span in spans.items() if _has_messages(span)}
    outermost = [key for key in calls if not any(above in calls for above in _ancestors(spans, key))]
    opinions: dict[tuple[str, str], list[Opinion]] = defaultdict(list)
    for trace, span_id, attributes in evaluations:
        if (owner := _find_owner(spans, outermost, (trace, span_id))) is not None:
            opinions[owner].append(_read_evaluation(attributes))
    return [_read_call(calls[key], opinions[key]) for key in outermost]


def _ancestors(spans: Mapping[tuple[str, str], Span], key: tuple[str, str]) -> Iterator[tuple[str, str]]:
    seen = {key}
    while (span := spans.get(key)) is not None:
        key = (span.trace, span.parent)
        if not span.parent or key in seen:
            return
        seen.add(key)
        yield key


def _find_owner(
    spans: Mapping[tuple[str, str], Span], calls: Sequence[tuple[str, str]], key: tuple[str, str]
) -> tuple[str, str] | None:
    chosen = set(calls)
    for place in (key, *_ancestors(spans, key)):
        if place in chosen:
            return place
    same_trace = [call for call in calls if call[0] == key[0]]
    return same_trace[0] if len(same_trace) == 1 else None


def _has_messages(span: Span) -> bool:
    named = any(key in span.attributes for key in _INPUT_KEYS) or "gen_ai.prompt.0.content" in span.attributes
    return named or any(name in _INPUT_EVENTS or name == "gen_ai.content.prompt" for name, _ in span.events)


def _read_call(span: Span, opinions: Sequence[Opinion]) -> ProductionCall:
    return ProductionCall(
        id=f"{span.trace}/{span.id}" if span.trace else span.id,
        inputs=_read_inputs(span),
        outputs=_read_outputs(span),
        opinions=tuple(opinions),
    )


def _read_inputs(span: Span) -> dict[str, Any]:
    value = _first_value(span.attributes, _INPUT_KEYS)
    if value is None:
        value = _numbered(span.attributes, "gen_ai.prompt") or _event_messages(span)
    if not _is_messages(value):
        return as_fields(value, "input")
    messages = [(str(message.get("role", "")), _message_text(message)) for message in value]
    users = [text for role, text in messages if role == "user"]
    fields: dict[str, Any] = {"input": users[-1] if users else "\n".join(text for _, text in messages)}
    if len([role for role, _ in messages if role != "system"]) > 1:
        fields["messages"] = [{"role": role, "content": text} for role, text in messages]
    return fields


def _read_outputs(span: Span) -> dict[str, Any]:
    value = _first_value(span.attributes, _OUTPUT_KEYS)
    if value is None:
        value = _numbered(span.attributes, "gen_ai.completion") or _event_answers(span)
    if _is_messages(value):
        return {"answer": "\n".join(_message_text(message) for message in value)} if value else {}
    return as_fields(value, "answer")


def _first_value(attributes: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((decode_text(attributes[key]) for key in keys if attributes.get(key) is not None), None)


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _message_text(message: Mapping[str, Any]) -> str:
    nested = message.get("message")
    content = message.get("content", nested.get("content") if isinstance(nested, Mapping) else None)
    if content is None and isinstance(message.get("parts"), list):
        content = message["parts"]
    if isinstance(content, list):
        texts = [part.get("content") or part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(str(text) for text in texts if text)
    return "" if content is None else str(content)


def _numbered(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Messages flattened into attributes: `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, …"""
    messages: list[dict[str, Any]] = []
    while (content := attributes.get(f"{prefix}.{len(messages)}.content")) is not None:
        messages.append({"role": attributes.get(f"{prefix}.{len(messages)}.role", ""), "content": content})
    return messages


def _event_messages(span: Span) -> Any:
    for name, attributes in span.events:
        if name == "gen_ai.content.prompt":
            return decode_text(attributes.get("gen_ai.prompt"))
    return [
        {"role": _INPUT_EVENTS[name], "content": decode_text(attributes.get("content", ""))}
        for name, attributes in span.events
        if name in _INPUT_EVENTS
    ]


def _event_answers(span: Span) -> Any:
    answers = []
    for name, attributes in span.events:
        if name == "gen_ai.content.completion":
            return decode_text(attributes.get("gen_ai.completion"))
        if name == "gen_ai.choice":
            answers.append({**attributes, "message": decode_text(attributes.get("message"))})
    return answers


def _read_evaluation(attributes: Mapping[str, Any]) -> Opinion:
    label, score = (
        attributes.get("gen_ai.evaluation.score.label"),
        attributes.get("gen_ai.evaluation.score.value"),
    )
    good = read_verdict(label)
    name = str(attributes.get("gen_ai.evaluation.name") or "")
    words = f"{name}: {label}." if label is not None and good is None else ""
    explanation = str(attributes.get("gen_ai.evaluation.explanation") or "")
    return Opinion(
        good=read_verdict(score) if good is None else good,
        rating=str(label if label is not None else "" if score is None else score),
        comment=" ".join(part for part in (words, explanation) if part),
        source=name,
    )


def _logged_evaluations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for record in _nested(document, "resourceLogs", "scopeLogs", "logRecords"):
        attributes = _attributes(record.get("attributes"))
        if record.get("eventName") == _EVALUATION or attributes.get("event.name") == _EVALUATION:
            yield str(record.get("traceId", "")), str(record.get("spanId", "")), attributes


def _spans_of(document: Mapping[str, Any]) -> Iterator[Span]:
    if _is_span(document):
        yield _read_span(document)
    for span in _nested(document, "resourceSpans", "scopeSpans", "spans"):
        yield _read_span(span)


def _nested(document: Mapping[str, Any], *keys: str) -> Iterator[Mapping[str, Any]]:
    level: list[Any] = [document]
    for key in keys:
        inner = [item.get(key) for item in level if isinstance(item, Mapping)]
        level = [item for items in inner if isinstance(items, list) for item in items]
    return (item for item in level if isinstance(item, Mapping))


def _read_span(span: Mapping[str, Any]) -> Span:
    context = span.get("context")
    ids = context if isinstance(context, Mapping) else span
    events = span.get("events")
    return Span(
        trace=str(ids.get("traceId") or ids.get("trace_id") or ""),
        id=str(ids.get("spanId") or ids.get("span_id") or ""),
        parent=str(span.get("parentSpanId") or span.get("parent_id") or span.get("parent_span_id") or ""),
        attributes=_attributes(span.get("attributes")),
        events=[
            (str(event.get("name", "")), _attributes(event.get("attributes")))
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, Mapping)
        ],
    )


def _attributes(raw: Any) -> dict[str, Any]:
    """Attributes as a dict, from OTLP's list of typed pairs or a plain mapping."""
    if isinstance(raw, Mapping):
        return dict(raw)
    if not isinstance(raw, list):
        return {}
    pairs = [pair for pair in raw if isinstance(pair, Mapping) and "key" in pair]
    return {str(pair["key"]): _any_value(pair.get("value")) for pair in pairs}


def _any_value(value: Any) -> Any:
    """A value of OTLP's `AnyValue`."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue" and isinstance(inner, Mapping):
        return [_any_value(item) for item in inner.get("values", [])]
    if kind == "kvlistValue" and isinstance(inner, Mapping):
        return _attributes(inner.get("values", []))
    return inner
