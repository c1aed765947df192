"""Examples are read out of every optimizer's prompt."""

import json

import dspy
from dspy.propose.dataset_summary_generator import order_input_keys_in_string
from dspy.teleprompt.infer_rules import InferRules
from gepa.strategies.instruction_proposal import InstructionProposalSignature
from hypothesis import given
from hypothesis import strategies as st

from core.models.embedded.examples import (
    flatten_answers,
    read_blocks,
    read_demos,
    read_records,
    read_reprs,
    read_sightings,
)

RECORDS = [
    {
        "Inputs": {"message": "my 'parcel'\n# is late"},
        "Generated Outputs": {"team": "billing"},
        "Feedback": "Expected shipping.",
    },
    {"Inputs": {"message": "a refund"}, "Generated Outputs": {"team": "billing"}, "Feedback": "Correct."},
]


def test_examples_as_python_prints_them():
    rows = [
        dspy.Example(message='it\'s "odd" }) here', team="billing", tags=["a"]).with_inputs("message"),
        dspy.Example(message="plain", team="shipping", tags=[]).with_inputs("message"),
    ]
    found = read_reprs(order_input_keys_in_string(repr(rows)))
    assert [sighting.inputs["message"] for sighting in found] == ['it\'s "odd" }) here', "plain"]
    assert [sighting.outputs["team"] for sighting in found] == ["billing", "shipping"]
    assert found[0].outputs["tags"] == ("a",)


def test_blocks_as_infer_rules_writes_them(route):
    demos = [{"message": "two\nlines: here", "team": "billing"}, {"message": "one", "team": "shipping"}]
    text = InferRules.format_examples(None, demos, route)
    found = read_blocks(text)
    assert [(dict(each.inputs), each.outputs) for each in found] == [
        ({"message": "two\nlines: here"}, {"team": "billing"}),
        ({"message": "one"}, {"team": "shipping"}),
    ]


def test_demonstrations_as_mipro_writes_them():
    text = "Message: two\nlines\nTeam Name: billing\n\nMessage: one\nTeam Name: shipping\n\n"
    found = read_demos(text, ["message"], ["team_name"])
    assert [(each.inputs["message"], each.outputs["team_name"]) for each in found] == [
        ("two\nlines", "billing"),
        ("one", "shipping"),
    ]


def test_records_from_json_and_from_markdown_are_the_same():
    prompt = InstructionProposalSignature.prompt_renderer(
        {
            "current_instruction_doc": "Route.",
            "dataset_with_feedback": [RECORDS[1], RECORDS[1]],
            "prompt_template": None,
        }
    )
    markdown = prompt[prompt.index("# Example 1") : prompt.rindex("\n```")]
    assert read_records(markdown) == [RECORDS[1], RECORDS[1]]
    assert read_records(json.dumps(RECORDS)) == RECORDS


def test_sightings_hold_what_was_expected():
    first, second = read_sightings(RECORDS, {"team": ["shipping"]})
    assert first.outputs == {"team": "shipping"}
    assert second.outputs == {"team": "billing"}


def test_answers_too_long_to_be_labels_and_reasoning_are_left_out():
    values = {
        "reasoning": "because",
        "text": "x" * 200,
        "ticket": {"level": "high"},
        "tags": ["a", "b"],
        "sure": True,
    }
    assert flatten_answers(values) == {"level": "high", "tags": ("a", "b"), "sure": "True"}


@given(text=st.text(max_size=200))
def test_any_text_can_be_read(text):
    for wrapped in (
        text,
        f"[Example({{{text}}}) (input_keys={{'a'}})]",
        f"# Example 1\n## {text}\n",
        f"[{text}]",
    ):
        read_reprs(wrapped)
        read_blocks(f"Input Fields:\n{wrapped}\n\n=========\nOutput Fields:\n{wrapped}\n\n")
        read_sightings(read_records(wrapped), {})
