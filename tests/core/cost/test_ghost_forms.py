"""What a ghost answers has the type that was asked for: right from a label, wrong and yet in form."""

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import dspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, field_validator
from typing_extensions import TypedDict

from core.cost.ghost.forms import VARIANTS, Form, TextForm, form_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Line(BaseModel):
    text: str = Field(min_length=3)
    count: int = Field(ge=1, le=5)
    colour: Colour


class Bill(BaseModel):
    number: str
    issued: date
    lines: list[Line]
    total: float = Field(gt=0)
    note: str | None = None


class Tree(BaseModel):
    name: str
    branches: list["Tree"] = []


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


class Never(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def refuse(cls, value: int) -> int:
        raise ValueError("never")


class Place(TypedDict):
    city: str
    size: int


@dataclass
class Point:
    x: float
    y: float


TYPES = [
    str,
    int,
    float,
    bool,
    Colour,
    Level,
    Literal["a", "b"],
    Literal[1, 2, 3],
    list[str],
    list[Literal["a", "b", "c"]],
    set[int],
    tuple[int, str],
    dict[str, int],
    dict[str, Any],
    Optional[int],  # noqa: UP045
    int | str,
    date,
    datetime,
    Decimal,
    UUID,
    Annotated[int, Field(ge=3, le=4)],
    Annotated[float, Field(gt=0, lt=1)],
    Annotated[int, Field(ge=1, le=50, multiple_of=7)],
    Annotated[list[str], Field(min_length=3, max_length=3)],
    Bill,
    list[Line],
    Tree,
    Even,
    Place,
    Point,
    dspy.Reasoning,
    dspy.ToolCalls,
]


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@pytest.mark.parametrize("variant", range(VARIANTS))
def test_every_type_gets_a_value_of_its_own(annotation, variant):
    value = form_of(annotation).make(variant)
    adapter = TypeAdapter(annotation)
    assert adapter.validate_json(adapter.dump_json(value)) == value


@pytest.mark.parametrize(
    ("annotation", "label", "right"),
    [
        (str, "yes", "yes"),
        (str, 3, "3"),
        (int, "3", 3),
        (bool, "true", True),
        (bool, "No", False),
        (Colour, "red", Colour.RED),
        (Literal["a", "b"], "b", "b"),
        (list[str], '["x", "y"]', ["x", "y"]),
        (list[str], ["x"], ["x"]),
        (date, "2024-05-06", date(2024, 5, 6)),
        (Even, {"number": 4}, Even(number=4)),
        (Even, Even(number=4), Even(number=4)),
        (Optional[int], None, None),  # noqa: UP045
        (dspy.Reasoning, "because", dspy.Reasoning(content="because")),
    ],
    ids=str,
)
def test_labels_become_typed_values_and_wrong_ones_differ(annotation, label, right):
    form = form_of(annotation)
    assert form.make_right(label) == right
    wrong = [form.make_wrong(label, variant) for variant in range(VARIANTS)]
    assert all(value != right for value in wrong)
    TypeAdapter(list[annotation]).dump_json(wrong)


def test_a_wrong_record_is_wrong_in_part_only():
    bill = Bill(
        number="n1", issued=date(2024, 1, 2), lines=[Line(text="abc", count=1, colour="red")], total=2.5
    )
    form = form_of(Bill)
    wrong = [form.make_wrong(bill, variant) for variant in range(VARIANTS)]
    assert all(isinstance(one, Bill) and one != bill for one in wrong)
    shares = [sum(getattr(one, name) == getattr(bill, name) for name in Bill.model_fields) for one in wrong]
    assert any(shares)


def test_labels_of_another_type_are_no_labels():
    assert not form_of(Literal["a", "b"]).fits("c")
    assert not form_of(int).fits("many")
    assert form_of(Literal["a", "b"]).make_right("c") in ("a", "b")


def test_validators_that_refuse_everything_are_answered_nonetheless():
    assert isinstance(Form(Never).make(0), Never)


def test_every_value_is_a_new_object():
    form = form_of(list[str])
    form.make_right(["a"]).append("b")
    assert form.make_right(["a"]) == ["a"]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5, unique=True), st.integers(0, VARIANTS - 1))
@settings(max_examples=60, deadline=None)
def test_wrong_lists_are_in_form(label, variant):
    wrong = form_of(list[Literal["a", "b", "c"]]).make_wrong(label, variant)
    assert wrong != label
    assert set(wrong) <= set("abc")


@given(st.integers(-5, 5), st.integers(0, 10), st.integers(0, VARIANTS - 1))
@settings(max_examples=60, deadline=None)
def test_numbers_stay_in_their_bounds(low, width, variant):
    made = Form(Annotated[int, Field(ge=low, le=low + width)]).make(variant)
    assert low <= made <= low + width


def test_forms_of_prompts_speak_json():
    form = TextForm({"enum": ["a", "b"]})
    assert form.make_right("a") == "a"
    assert form.make_wrong("a", 0) == "b"
    assert isinstance(TextForm({"type": "array", "items": {"type": "integer"}}).make(1), list)
