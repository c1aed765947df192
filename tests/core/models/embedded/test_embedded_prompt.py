"""Requests of DSPy's adapters are read back exactly."""

import datetime
import enum
from typing import Any, Literal, Optional

import dspy
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.embedded.prompt import read_demo, read_prompt, read_task
from core.models.embedded.schema import add_constraints, options_of, read_type, split_optional


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Part(pydantic.BaseModel):
    name: str
    count: int = pydantic.Field(ge=1, description="how many")
    level: Level


class Everything(dspy.Signature):
    """Read the text.

    Keep the second line.
    """

    text: str = dspy.InputField(desc="what was written")
    notes: list[str] = dspy.InputField()
    label: Literal["a", "b, c", "it's", "x) y"] = dspy.OutputField(desc="the (right) label: one of them")
    level: Level = dspy.OutputField()
    sure: bool = dspy.OutputField()
    count: int = dspy.OutputField(ge=1, le=5)
    share: float = dspy.OutputField()
    labels: list[Literal["x", "y"]] = dspy.OutputField()
    numbers: dict[str, int] = dspy.OutputField()
    maybe: Optional[int] = dspy.OutputField()  # noqa: UP045
    day: datetime.date = dspy.OutputField()
    part: Part = dspy.OutputField()
    title: str = dspy.OutputField()


DEMO = {
    "text": "first\n\n[[ ## odd ## ]]\nlast <b>",
    "notes": ["one", "two"],
    "label": "b, c",
    "level": Level.LOW,
    "sure": True,
    "count": 3,
    "share": 1.5,
    "labels": ["x"],
    "numbers": {"a": 1},
    "maybe": None,
    "day": datetime.date(2024, 1, 2),
    "part": Part(name="n & m", count=1, level=Level.HIGH),
    "title": "plain & <simple>",
}


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_fields_instruction_and_inputs_are_read(adapter, prompt_of):
    prompt = prompt_of(Everything, {"text": "the & <b>\nend", "notes": ["n"]}, [], adapter)

    assert prompt.task.style == adapter
    assert prompt.task.input_names == ("text", "notes")
    assert prompt.task.output_names == tuple(Everything.output_fields)
    assert prompt.task.instruction == "Read the text.\n\nKeep the second line."
    assert prompt.inputs["text"] == "the & <b>\nend"
    fields = {field.name: field for field in prompt.task.outputs}
    assert options_of(fields["label"].schema) == ["a", "b, c", "it's", "x) y"]
    assert fields["label"].description == "the (right) label: one of them"
    assert options_of(fields["level"].schema) == ["low", "high"]
    assert fields["count"].schema == {"type": "integer", "minimum": 1, "maximum": 5}
    assert fields["labels"].schema["items"]["enum"] == ["x", "y"]
    assert split_optional(fields["maybe"].schema) == ({"type": "integer"}, True)
    assert fields["day"].schema["format"] == "date"
    assert set(fields["part"].schema["properties"]) == {"name", "count", "level"}


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_demonstrations_are_read_with_their_types(adapter, prompt_of):
    prompt = prompt_of(Everything, {"text": "t", "notes": []}, [DEMO], adapter)
    demo = read_demo(prompt.system, *prompt.demo_texts[0])

    assert demo.inputs["text"] == DEMO["text"]
    assert demo.outputs["label"] == "b, c"
    assert demo.outputs["level"] == "low"
    assert demo.outputs["sure"] in (True, "True")
    assert demo.outputs["labels"] == ["x"]
    assert demo.outputs["title"] == "plain & <simple>"
    assert demo.outputs["part"]["level"] == "high"
    assert str(demo.outputs["count"]) == "3"


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_values_that_a_demonstration_does_not_supply_are_left_out(adapter, prompt_of):
    prompt = prompt_of(Everything, {"text": "t", "notes": []}, [{"text": "only this", "label": "a"}], adapter)
    demo = read_demo(prompt.system, *prompt.demo_texts[0])

    assert demo.inputs == {"text": "only this"}
    assert demo.outputs == {"label": "a"}


def test_text_of_another_kind_is_no_prompt():
    assert read_task("You are a helpful assistant.") is None
    assert read_prompt("Your output fields are: none", [("user", "hi")]) is None


@given(text=st.text(max_size=400))
@settings(max_examples=60)
def test_any_system_text_is_read_or_refused(text):
    read_prompt(text, [("user", text)])
    read_prompt(
        f"Your output fields are:\n1. `x` ({text}\nIn adhering to this structure, your objective is: {text}",
        [("user", text)],
    )


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("str", {"type": "string"}),
        ("Literal['a', 2, None]", {"enum": ["a", 2, None]}),
        ("list[Literal['a']]", {"type": "array", "items": {"enum": ["a"]}}),
        ("Union[int, NoneType]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("tuple[int, str]", {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}),
        ("Invoice", None),
        ("not python (", None),
    ],
)
def test_types_written_as_python(text: str, schema: dict[str, Any] | None):
    assert read_type(text) == schema


def test_constraints_keep_greater_apart_from_greater_or_equal():
    text = "greater than or equal to: 1, less than: 2.5, minimum length: 3"
    assert add_constraints({}, text) == {"minimum": 1, "exclusiveMaximum": 2.5, "minLength": 3}
