"""Whatever type a field has, the answer parses, through each adapter of DSPy."""

import datetime
import enum
import json
import uuid
from typing import Any, Literal, Optional

import dspy
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models.embedded.engine import EmbeddedEngine
from core.models.embedded.render import render
from core.models.embedded.student import answer
from core.models.embedded.values import Draw


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Number(enum.Enum):
    ONE = 1
    TWO = 2


class Inner(pydantic.BaseModel):
    kind: Literal["a", "b"]
    colour: Colour
    count: int = pydantic.Field(ge=2, le=5)


class Outer(pydantic.BaseModel):
    name: str
    inner: Inner
    tags: list[str] = pydantic.Field(min_length=1, max_length=2)
    day: datetime.date
    parts: list[Inner]
    shares: dict[str, float]
    note: Optional[int] = None  # noqa: UP045


PLAIN = [
    str,
    int,
    float,
    bool,
    Literal["x", "y; z", "it's"],
    Literal[1, 2, 3],
    Colour,
    list[str],
    list[int],
    list[Literal["p", "q"]],
    dict[str, int],
    dict[str, Any],
    Optional[str],  # noqa: UP045
    int | None,
    datetime.date,
    datetime.datetime,
    datetime.time,
    uuid.UUID,
    Any,
    tuple[int, str],
    set[str],
    list[list[str]],
    Optional[Literal["u", "v"]],  # noqa: UP045
    list[int | None],
]
HIDDEN_IN_XML = [Inner, Outer, list[Inner], Inner | None, list[Colour], Number]


def predict(adapter, kind, *, temperature=0.0, inputs=None):
    engine = EmbeddedEngine("embedded/student")
    signature = dspy.Signature(
        {
            "text": (str, dspy.InputField()),
            "notes": (list[str], dspy.InputField()),
            "out": (kind, dspy.OutputField(desc="what it is")),
            "last": (str, dspy.OutputField()),
        },
        "Say what it is.",
    )
    lm = dspy.LM("embedded/student", engine=engine, cache=False, temperature=temperature)
    with dspy.context(lm=lm, adapter=adapter):
        dspy.ChainOfThought(signature)(
            **(inputs or {"text": "Hello 12 the <b>world & x", "notes": ["a", "b"]})
        )
    return engine.calls


@pytest.mark.parametrize("kind", PLAIN, ids=str)
@pytest.mark.parametrize("adapter", [dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter])
def test_answers_parse_at_the_first_try(adapter, kind):
    assert predict(adapter(), kind) == 1
    assert predict(adapter(), kind, temperature=1.0) == 1


@pytest.mark.parametrize("kind", HIDDEN_IN_XML, ids=str)
@pytest.mark.parametrize("adapter", [dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter])
def test_answers_parse_even_where_a_prompt_hides_the_type(adapter, kind):
    """XML prompts show only the tags of nested types, and none tells 1 from '1': dspy asks again in JSON."""
    assert predict(adapter(), kind) <= 2


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60)


@given(
    text=texts,
    notes=st.lists(texts, max_size=3),
    kind=st.sampled_from([str, list[str], int, Colour, str | None]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_input_breaks_the_answer(text, notes, kind):
    for adapter in (dspy.ChatAdapter(), dspy.JSONAdapter()):
        predict(adapter, kind, inputs={"text": text, "notes": notes})


@given(
    low=st.integers(-20, 20),
    width=st.integers(0, 30),
    exclusive=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_numbers_stay_in_their_bounds(low, width, exclusive):
    high = low + width + 2
    bounds = {"gt": low, "lt": high} if exclusive else {"ge": low, "le": high}

    class Rate(dspy.Signature):
        """Rate it."""

        text: str = dspy.InputField()
        rating: int = dspy.OutputField(**bounds)

    lm = dspy.LM("embedded/student", engine=EmbeddedEngine("embedded/student"), cache=False)
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
        rating = dspy.Predict(Rate)(text="a fine 7 of 100").rating
    assert low < rating < high if exclusive else low <= rating <= high


def ask(prompt_of, signature, inputs, demos=(), temperature=0.0, salt=()):
    return answer(prompt_of(signature, inputs, demos), Draw(temperature, salt))


def test_numbers_lists_and_optionals_follow_demonstrations(prompt_of):
    signature = dspy.Signature("text: str -> amount: float, tags: list[str], who: Optional[str]")
    demos = [
        {"text": "paid 12.50 for apples, says Ana", "amount": 12.5, "tags": ["fruit"], "who": "Ana"},
        {"text": "paid 8.00 for rope", "amount": 8.0, "tags": ["tool"], "who": None},
        {"text": "paid 3.25 for pears, says Bo", "amount": 3.25, "tags": ["fruit"], "who": "Bo"},
        {"text": "paid 9.75 for nails", "amount": 9.75, "tags": ["tool"], "who": None},
    ]
    found = ask(prompt_of, signature, {"text": "paid 4.40 for plums and pears, says Cy"}, demos)
    assert found == {"amount": 4.4, "tags": ["fruit"], "who": "Cy"}


def test_nested_values_follow_demonstrations_and_rules(prompt_of):
    class Read(dspy.Signature):
        """Read the note."""

        note: str = dspy.InputField()
        found: Inner = dspy.OutputField()

    demos = [
        {"note": "apple pear", "found": Inner(kind="a", colour=Colour.RED, count=2)},
        {"note": "apple plum", "found": Inner(kind="a", colour=Colour.RED, count=2)},
        {"note": "rope nail", "found": Inner(kind="b", colour=Colour.BLUE, count=5)},
        {"note": "rope saw", "found": Inner(kind="b", colour=Colour.BLUE, count=5)},
    ]
    assert ask(prompt_of, Read, {"note": "rope"}, demos)["found"] == {
        "kind": "b",
        "colour": "blue",
        "count": 5,
    }
    ruled = Read.with_instructions("Read it.\nFor `colour`, answer `blue` when the note mentions sky.")
    assert ask(prompt_of, ruled, {"note": "the sky"})["found"]["colour"] == "blue"


def test_an_open_text_field_takes_the_labels_that_rules_name(prompt_of):
    signature = dspy.Signature(
        "text -> team",
        "Route it.\n- Answer `money` when it mentions fee.\n- Answer `doors` when it mentions key.",
    )
    assert ask(prompt_of, signature, {"text": "lost my key"}) == {"team": "doors"}


def test_pieces_are_copied_as_described(prompt_of):
    signature = dspy.Signature(
        "text -> order_id",
        "Find the order. For `order_id`, copy the part of the text that looks like `AA-9999`.",
    )
    assert ask(prompt_of, signature, {"text": "where is QX-1042, please?"}) == {"order_id": "QX-1042"}


def test_reasoning_names_the_evidence(prompt_of, route):
    signature = route.prepend("reasoning", dspy.OutputField(), str).with_instructions(
        "Answer `billing` when the message mentions refund."
    )
    found = ask(prompt_of, signature, {"message": "a refund"})
    assert found["team"] == "billing"
    assert "refund" in found["reasoning"]


def test_lists_of_labels_come_from_rules(prompt_of):
    signature = dspy.Signature(
        "text -> tags: list[Literal['a', 'b', 'c']]",
        "- Include `a` if it mentions apple.\n- Include `b` if it mentions bear.\n- Include `c` for cat.",
    )
    assert ask(prompt_of, signature, {"text": "apple and bear"})["tags"] == ["a", "b"]
    assert ask(prompt_of, signature, {"text": "one cat"})["tags"] == ["c"]


def test_demonstrated_empty_lists_teach_empty_lists(prompt_of):
    signature = dspy.Signature("text -> tags: list[Literal['a', 'b']]")
    demos = [{"text": f"apple {n}x", "tags": ["a"]} for n in "pqr"] + [
        {"text": f"quiet {n}x", "tags": []} for n in "pqr"
    ]
    assert ask(prompt_of, signature, {"text": "quiet"}, demos)["tags"] == []
    assert ask(prompt_of, signature, {"text": "apple"}, demos)["tags"] == ["a"]


def test_a_judge_rates_by_likeness(prompt_of):
    signature = dspy.Signature("question, expected, answered -> score: float, correct: bool")
    good = ask(prompt_of, signature, {"question": "q", "expected": "blue sky", "answered": "the blue sky"})
    bad = ask(prompt_of, signature, {"question": "q", "expected": "blue sky", "answered": "no idea"})
    assert (good["score"], good["correct"]) == (1.0, True)
    assert (bad["score"], bad["correct"]) == (0.0, False)


def test_rendering_escapes_what_xml_needs(prompt_of):
    signature = dspy.Signature("text -> note, parts: dict[str, str]")
    prompt = prompt_of(signature, {"text": "t"}, (), "xml")
    text = render(prompt.task, {"note": "a < b & c", "parts": {"odd key": "x<y"}})
    parsed = dspy.XMLAdapter().parse(signature, text)
    assert parsed == {"note": "a < b & c", "parts": {"odd key": "x<y"}}
    prompt = prompt_of(signature, {"text": "t"}, (), "json")
    assert json.loads(render(prompt.task, {"note": "é", "parts": {}})) == {"note": "é", "parts": {}}
