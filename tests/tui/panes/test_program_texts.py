"""What the Program place says: the tree, states, a try, the form of a new program. Pure functions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProgramError
from core.metrics.verdict import Verdict
from core.programs.describe import FieldDescription, ModuleNode, PredictorDescription, ProgramDescription
from core.programs.diff import diff_states
from core.programs.scaffold import FormField
from core.programs.traces import CallTrace, Message, StepTrace, TryResult
from core.workbench.reports import TryReport
from tui.panes.program.form import plain_instructions, read_fields
from tui.panes.program.states import parse_target, with_state
from tui.panes.program.texts import describe_changes, describe_predictor
from tui.panes.program.tree import plan_tree
from tui.panes.program.trial import (
    Trial,
    describe_result,
    describe_step,
    input_fields,
    label_result,
    label_step,
    read_field,
    write_field,
)

QUESTION = FieldDescription("question", "input", "str", "what is asked", "Question:")
ANSWER = FieldDescription("answer", "output", "str", "${answer}", "Answer:")


def predictor(name: str, module: str = "Predict") -> PredictorDescription:
    return PredictorDescription(name, module, "QA", "Answer it.", (QUESTION, ANSWER), ())


def program(*names: str, modules: ModuleNode, inputs: tuple[str, ...] = ("question",)) -> ProgramDescription:
    return ProgramDescription("Program", "", inputs, inputs, False, tuple(map(predictor, names)), modules)


NESTED = program(
    "think.predict",
    "agents[0].react",
    "agents[0].extract.predict",
    modules=ModuleNode(
        "program",
        "Program",
        children=(
            ModuleNode("think", "ChainOfThought", children=(ModuleNode("predict", "Predict"),)),
            ModuleNode(
                "agents[0]",
                "ReAct",
                children=(
                    ModuleNode("react", "Predict"),
                    ModuleNode("extract", "ChainOfThought", children=(ModuleNode("predict", "Predict"),)),
                ),
            ),
        ),
    ),
)


def test_a_module_that_is_one_predictor_is_one_line() -> None:
    parts = plan_tree(NESTED, {"think.predict": 2}, {"think.predict": "changed"})
    assert [(part.depth, part.predictor) for part in parts] == [
        (1, "think.predict"),
        (1, ""),
        (2, "agents[0].react"),
        (2, "agents[0].extract.predict"),
    ]
    assert parts[0].label == "think  Predict  ×2  changed"
    assert parts[1].label == "agents[0]  ReAct"


def test_a_state_changes_what_is_told_and_adds_what_it_has_more() -> None:
    state = {
        "think.predict": {
            "instructions": "Think [/nope] first.",
            "fields": {"question": {"desc": "asked", "prefix": "Q:"}},
            "demos": [{"question": "a\x1b[2J", "answer": "b"}],
        },
        "extra": {"instructions": "More.", "fields": {"answer": {"desc": "d", "prefix": "A:"}}, "demos": []},
    }
    described = with_state(NESTED, state)
    told = describe_predictor(described.predictors[0], 1).plain
    assert "Think [/nope] first." in told
    assert "asked" in told
    assert "\x1b" not in told
    assert plan_tree(described, None, {})[-1].predictor == "extra"
    written = {"think.predict": {"instructions": "Answer it.", "fields": {}, "demos": []}}
    changes = describe_changes(diff_states(written, state)).plain
    assert "+ Think [/nope] first." in changes
    assert "not in the program as written" in changes
    assert "Nothing differs" in describe_changes(diff_states(written, written)).plain


def test_a_target_names_run_and_candidate() -> None:
    assert parse_target("run/cand")[1:] == ("run", "cand")
    assert parse_target("run")[1:] == ("run", "")


def tried(**changes: Any) -> TryReport:
    call = CallTrace("think", "m", (Message("user", "Q\nR"),), "[[ answer ]]", 10, None, 0.5)
    step = StepTrace("think", {"question": "q"}, {"answer": "42"}, (0,), 0.6)
    result = TryResult({"answer": "42", "reasoning": "so"}, (step,), (call,), 0.7)
    return TryReport({"question": "q"}, {}, msgspec.structs.replace(result, **changes), {})


def test_a_result_stands_beside_the_gold() -> None:
    trial = Trial(tried(), {"answer": "41"}, Verdict(0.5, "near", {"exact": 0.0}))
    told = describe_result(trial).plain
    assert "predicted 42" in told
    assert "gold      41" in told
    assert "exact  0.0 %" in told
    assert "near" in told
    assert "50.0 %" in label_result(trial).plain
    assert "as expected" in describe_result(Trial(tried(), {"answer": "42"})).plain


def test_an_error_is_told_with_its_line() -> None:
    report = tried(outputs=None, error="ValueError: x", where="program.py:3 in forward", traceback="File …")
    told = describe_result(Trial(report, {})).plain
    assert "The program raised ValueError: x" in told
    assert "where  program.py:3 in forward" in told
    assert "raised" in label_result(Trial(report, {})).plain


def test_a_step_tells_prompt_completion_and_outputs() -> None:
    told = describe_step(tried(), 0).plain
    assert "Call 1  m  10 / ? tokens  0.50 s" in told
    assert "Q\n" in told
    assert "[[ answer ]]" in told
    assert "answer    42" in told
    assert label_step(tried(), 0).plain == "think  0.60 s  10 / ? tokens"


def test_the_form_has_the_fields_of_forward() -> None:
    assert [field.type for field in input_fields(NESTED, {})] == ["str"]
    anything = msgspec.structs.replace(NESTED, takes_any_input=True)
    assert [field.name for field in input_fields(anything, {"more": 1})] == ["question", "more"]


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_a_value_comes_back_from_the_form(value: Any) -> None:
    text = write_field(value)
    assert read_field(text, "", value) == ("" if value is None else value)


def test_what_is_no_json_stays_text() -> None:
    assert read_field("[1, 2]", "list[int]") == [1, 2]
    assert read_field("[1, 2", "list[int]") == "[1, 2"
    assert read_field("12", "str") == "12"


def test_fields_are_read_as_they_are_typed() -> None:
    fields = read_fields("message: str - what was written; team: a | 'b'\n\nscore: float", "inputs")
    assert fields == (
        FormField("message", "str", "what was written"),
        FormField("team", "str", "", ("a", "b")),
        FormField("score", "float"),
    )
    assert plain_instructions(fields[:1], fields[1:]) == (
        "Given the fields `message`, produce the fields `team`, `score`."
    )
    with pytest.raises(ProgramError, match="has no name"):
        read_fields(": str", "inputs")
