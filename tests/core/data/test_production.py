"""Production logs become examples with feedback: our own format, MLflow traces, OpenTelemetry spans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.data.production import import_logs, read_verdict
from core.errors import DataError


def _write(folder: Path, name: str, documents: Any) -> str:
    if name.endswith(".jsonl"):
        (folder / name).write_text("".join(json.dumps(document) + "\n" for document in documents))
    else:
        (folder / name).write_text(json.dumps(documents, indent=1))
    return name


OWN = [
    {"id": "c1", "inputs": {"question": "2+2?"}, "outputs": {"answer": "4"}, "feedback": {"rating": "up"}},
    {
        "id": "c2",
        "inputs": {"question": "3+3?"},
        "outputs": {"answer": "7"},
        "feedback": {"rating": "down", "correction": "6", "comment": "Sums are off."},
    },
    {"inputs": {"question": "4+4?"}, "outputs": {"answer": "9"}, "feedback": {"rating": 0, "comment": "no"}},
    {"inputs": {"question": "5+5?"}, "outputs": {"answer": "10"}},
    {
        "inputs": {"question": "6+6?"},
        "outputs": {"answer": "13"},
        "feedback": ["👎", {"correction": {"answer": "12"}}],
    },
]


def test_documented_format(tmp_path: Path) -> None:
    made = import_logs(_write(tmp_path, "log.jsonl", OWN), tmp_path)
    assert (made.format, made.good, made.bad, made.unrated, made.unlabelled) == ("calls", 1, 3, 1, 2)
    assert (made.inputs, made.labels) == (("question",), ("answer",))
    assert [row["answer"] for row in made.rows] == ["4", "6", None, None, "12"]
    assert [row["call_id"] for row in made.rows] == ["c1", "c2", "2", "3", "4"]
    said = made.rows[1]["feedback"]
    assert (
        said == "In production this answer was judged wrong: answer = 7. Expected answer = 6. Sums are off."
    )
    assert made.rows[3]["feedback"] is None


def test_bad_calls_are_reported_and_the_rest_is_imported(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(OWN[0]) + '\n{"inputs": 5}\n{"outputs": {}}\n{broken\n')
    made = import_logs("log.jsonl", tmp_path)
    assert len(made.rows) == 1
    assert sum(problem.lost for problem in made.problems) == 3
    assert any("call 1" in problem.what for problem in made.problems)


def test_names_that_collide_are_kept_apart(tmp_path: Path) -> None:
    call = {
        "inputs": {"text": "a", "feedback": "mine"},
        "outputs": {"text": "b"},
        "feedback": {"rating": "up", "comment": "ok"},
    }
    row = import_logs(_write(tmp_path, "log.jsonl", [call]), tmp_path).rows[0]
    assert (row["text"], row["text_expected"], row["feedback"]) == ("a", "b", "mine")
    assert "ok" in row["call_feedback"]


def _trace(
    number: int, assessments: list[dict[str, Any]], *, parent: str = "parent_span_id"
) -> dict[str, Any]:
    root = {
        "name": "predict",
        "span_id": "1",
        parent: None,
        "attributes": {
            "mlflow.spanInputs": json.dumps({"question": f"q{number}"}),
            "mlflow.spanOutputs": json.dumps({"answer": "old"}),
            "mlflow.spanType": '"CHAIN"',
        },
    }
    child = {"name": "llm", "span_id": "2", parent: "1", "attributes": {"mlflow.spanInputs": '"inner"'}}
    return {
        "info": {"trace_id": f"tr-{number}", "assessments": assessments},
        "data": {"spans": [child, root]},
    }


ASSESSMENTS = [
    {
        "assessment_name": "thumb",
        "feedback": {"value": False},
        "rationale": "Too short.",
        "source": {"source_type": "HUMAN"},
    },
    {"assessment_name": "expected_response", "expectation": {"value": "new"}},
    {"assessment_name": "stale", "feedback": {"value": "yes"}, "valid": False},
]


@pytest.mark.parametrize("shape", ["lines", "list", "search", "one"])
def test_mlflow_traces(shape: str, tmp_path: Path) -> None:
    traces = [
        _trace(1, ASSESSMENTS),
        _trace(2, [{"name": "ok", "feedback": {"value": "yes"}}], parent="parent_id"),
    ]
    name, content = {
        "lines": ("log.jsonl", traces),
        "list": ("log.json", traces),
        "search": ("log.json", {"traces": traces}),
        "one": ("log.json", traces[0]),
    }[shape]
    made = import_logs(_write(tmp_path, name, content), tmp_path)
    assert made.format == "mlflow"
    first = made.rows[0]
    assert (first["question"], first["answer"], first["call_id"]) == ("q1", "new", "tr-1")
    assert first["feedback"].endswith("Expected answer = new. Too short.")
    if shape != "one":
        assert (made.rows[1]["answer"], made.good, made.bad) == ("old", 1, 1)


def test_mlflow_serialized_expectations_and_bare_values(tmp_path: Path) -> None:
    trace = _trace(1, [{"name": "answer", "expectation": {"serialized_value": {"value": '["a", "b"]'}}}])
    trace["data"]["spans"][1]["attributes"] = {
        "mlflow.spanInputs": '"just text"',
        "mlflow.spanOutputs": "plain",
    }
    row = import_logs(_write(tmp_path, "log.json", trace), tmp_path).rows[0]
    assert (row["input"], row["answer"]) == ("just text", ["a", "b"])
    broken = import_logs(_write(tmp_path, "two.jsonl", [{"info": {}, "data": {}}, trace]), tmp_path)
    assert "no inputs" in broken.problems[0].what


def _pair(key: str, value: Any) -> dict[str, Any]:
    kind = {str: "stringValue", float: "doubleValue", int: "intValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def _otlp(spans: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


AGENT = {
    "traceId": "t1",
    "spanId": "s1",
    "attributes": [
        _pair("gen_ai.operation.name", "invoke_agent"),
        _pair("gen_ai.input.messages", _messages("user", "How far?")),
        _pair("gen_ai.output.messages", _messages("assistant", "Ten miles.")),
    ],
    "events": [
        {
            "name": "gen_ai.evaluation.result",
            "attributes": [
                _pair("gen_ai.evaluation.name", "correct"),
                _pair("gen_ai.evaluation.score.label", "fail"),
                _pair("gen_ai.evaluation.explanation", "It is twelve."),
            ],
        }
    ],
}
INNER = {
    "traceId": "t1",
    "spanId": "s2",
    "parentSpanId": "s1",
    "attributes": [_pair("gen_ai.input.messages", _messages("user", "inner"))],
    "events": [
        {"name": "gen_ai.evaluation.result", "attributes": [_pair("gen_ai.evaluation.score.value", 0.1)]}
    ],
}
OLD = {
    "traceId": "t2",
    "spanId": "s3",
    "attributes": [_pair("gen_ai.system", "openai")],
    "events": [
        {"name": "gen_ai.system.message", "attributes": [_pair("content", "Be brief.")]},
        {"name": "gen_ai.user.message", "attributes": [_pair("content", "Hi?")]},
        {"name": "gen_ai.choice", "attributes": [_pair("message", json.dumps({"content": "Hello."}))]},
    ],
}
LOGGED = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "traceId": "t2",
                            "eventName": "gen_ai.evaluation.result",
                            "attributes": [_pair("gen_ai.evaluation.score.value", 1.0)],
                        }
                    ]
                }
            ]
        }
    ]
}


@pytest.mark.parametrize("shape", ["document", "lines"])
def test_otlp_spans(shape: str, tmp_path: Path) -> None:
    if shape == "document":
        document = {**_otlp([INNER, AGENT, OLD]), **LOGGED}
        name = _write(tmp_path, "spans.json", document)
    else:
        name = _write(tmp_path, "spans.jsonl", [_otlp([INNER]), _otlp([AGENT, OLD]), LOGGED])
    made = import_logs(name, tmp_path)
    assert (made.format, len(made.rows), made.good, made.bad) == ("otel", 2, 1, 1)
    rows = {row["input"]: row for row in made.rows}
    assert rows["How far?"]["answer"] is None
    assert "Ten miles." in rows["How far?"]["feedback"]
    assert "It is twelve." in rows["How far?"]["feedback"]
    assert rows["Hi?"]["answer"] == "Hello."


def test_spans_one_by_one_with_plain_attributes(tmp_path: Path) -> None:
    spans = [
        {
            "name": "chat",
            "context": {"trace_id": "0x1", "span_id": "0x2"},
            "parent_id": None,
            "attributes": {
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "Be brief.",
                "gen_ai.prompt.1.role": "user",
                "gen_ai.prompt.1.content": "First?",
                "gen_ai.prompt.2.role": "assistant",
                "gen_ai.prompt.2.content": "Yes.",
                "gen_ai.prompt.3.role": "user",
                "gen_ai.prompt.3.content": "Second?",
                "gen_ai.completion.0.content": "No.",
            },
        },
        {
            "context": {"trace_id": "0x2", "span_id": "0x3"},
            "attributes": {"input.value": '{"question": "q"}', "output.value": '{"answer": "a"}'},
        },
    ]
    made = import_logs(_write(tmp_path, "spans.jsonl", spans), tmp_path)
    assert made.rows[0]["input"] == "Second?"
    assert len(made.rows[0]["messages"]) == 4
    assert (made.rows[1]["question"], made.unrated) == ("q", 2)


def test_parents_in_a_circle_do_not_hang(tmp_path: Path) -> None:
    attributes = [_pair("gen_ai.prompt", "x")]
    circle = [
        {"traceId": "t", "spanId": "a", "parentSpanId": "b", "attributes": []},
        {"traceId": "t", "spanId": "b", "parentSpanId": "a", "attributes": attributes},
    ]
    assert len(import_logs(_write(tmp_path, "x.json", _otlp(circle)), tmp_path).rows) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"a": 1}\n', "format is none that is known"),
        ('{"resourceSpans": []}', "no calls"),
        ('{"resourceSpans": 5, "x": [[[]]]}', "no calls"),
        ("{broken", "broken"),
        ("[1, 2]", "none that is known"),
    ],
)
def test_logs_that_are_none(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError) as caught:
        import_logs("x.json", tmp_path)
    assert says in caught.value.what


@pytest.mark.parametrize(
    ("rating", "verdict"),
    [
        (True, True),
        (0, False),
        (1, True),
        (-1, False),
        (0.7, True),
        ("Thumbs Up", True),
        ("👎", False),
        (4, None),
        ("meh", None),
        (None, None),
    ],
)
def test_verdicts(rating: Any, verdict: bool | None) -> None:
    assert read_verdict(rating) is verdict
