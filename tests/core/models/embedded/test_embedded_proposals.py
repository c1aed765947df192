"""Optimizers' prompts are recognised and answered with rules that teach the student."""

import json
import random

import dspy
import pytest
from dspy.propose.dataset_summary_generator import (
    DatasetDescriptor,
    DatasetDescriptorWithPriorObservations,
    ObservationSummarizer,
)
from dspy.propose.grounded_proposer import DescribeModule, DescribeProgram, generate_instruction_class
from dspy.propose.utils import strip_prefix
from dspy.teleprompt.copro_optimizer import BasicGenerateInstruction, GenerateInstructionGivenAttempts
from dspy.teleprompt.gepa.instruction_proposal import CompressInstruction, ProposeInstruction
from dspy.teleprompt.infer_rules import InferRules, RulesInductionProgram
from dspy.teleprompt.simba_utils import OfferFeedback, inspect_modules
from gepa.strategies.instruction_proposal import InstructionProposalSignature

from core.models.embedded.engine import EmbeddedEngine, answer_text
from core.models.embedded.examples import Sighting
from core.models.embedded.induce import Knowledge, learn, read_knowledge, split_instruction, write_block
from core.models.embedded.propose import write_answers
from core.models.embedded.values import Draw

ADAPTERS = [dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter]


def run(predictor, **inputs):
    lm = dspy.LM("embedded/proposer", engine=EmbeddedEngine("embedded/proposer"), cache=False)
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
        return predictor(**inputs)


def accuracy(signature, instructions, rows):
    program = dspy.Predict(signature.with_instructions(instructions))
    return sum(run(program, message=row.message).team == row.team for row in rows) / len(rows)


def records_of(rows, answered="billing"):
    return [
        {
            "Inputs": {"message": row.message},
            "Generated Outputs": {"team": answered},
            "Feedback": "Correct." if row.team == answered else f"expected '{row.team}', got '{answered}'",
        }
        for row in rows
    ]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_reflection_teaches_and_keeps_what_it_knew(adapter, route, rows):
    train, test = rows(36, 1), rows(60, 2)
    text = route.instructions
    scores = [accuracy(route, text, test)]
    lm = dspy.LM("embedded/reflection", engine=EmbeddedEngine("embedded/reflection"), cache=False)
    for at in range(0, len(train), 6):
        with dspy.context(lm=lm, adapter=adapter()):
            text = dspy.Predict(ProposeInstruction)(
                current_instruction=text, examples_with_feedback=records_of(train[at : at + 6])
            ).new_instruction
        scores.append(accuracy(route, text, test))
    assert text.startswith(route.instructions)
    assert text.count("Rules learned from") == 1
    assert "Rules learned from 36 examples:" in text
    assert scores[-1] > scores[0] + 0.4


def test_gepas_own_template_is_answered_in_a_block(rows):
    prompt = InstructionProposalSignature.prompt_renderer(
        {
            "current_instruction_doc": "Route it.",
            "dataset_with_feedback": records_of(rows(6, 1)),
            "prompt_template": None,
        }
    )
    answered = InstructionProposalSignature.output_extractor(answer_text("", [("user", prompt)], Draw()))
    assert answered["new_instruction"].startswith("Route it.\n\nRules learned from 6 examples:\n- Answer `")


def test_a_length_limit_is_kept(rows):
    signature = ProposeInstruction.prepend("length_limit", dspy.InputField(), str)
    written = run(
        dspy.Predict(signature),
        length_limit="The new instruction must be at most 300 characters.",
        current_instruction="Route it.",
        examples_with_feedback=records_of(rows(12, 1)),
    ).new_instruction
    assert len(written) <= 300
    assert "Answer `" in written
    shorter = run(
        dspy.Predict(CompressInstruction), instruction=written, length_limit="must be at most 150 characters"
    ).shortened_instruction
    assert len(shorter) <= 150


def test_a_contradicted_word_is_dropped_and_remembered():
    known = read_knowledge(
        "- Answer `a` when the text mentions perhaps card, gold. (1 example)", ["x"], ["text"]
    )
    learn(known, [Sighting({"text": "card"}, {"x": "b"}), Sighting({"text": "gold"}, {"x": "a"})])
    block = write_block(known)
    assert "gold" in block
    assert "Ignore words that say nothing: card." in block
    assert "card" in read_knowledge(block, ["x"], ["text"])["x"].ignored


def test_the_base_of_an_instruction_is_never_touched():
    base = "First line.\n\n- a list\n- of the user\n\nLast line."
    block = "Rules learned from 3 examples:\n- Answer `a` when the text mentions b. (3 examples)"
    assert split_instruction(f"{base}\n\n{block}") == (base, block)
    assert split_instruction(base) == (base, "")


def test_infer_rules(route, rows):
    train, test = rows(60, 1), rows(60, 2)
    text = InferRules.format_examples(None, [dict(row) for row in train], route)
    rules = run(RulesInductionProgram(10).rules_induction, examples_text=text).natural_language_rules
    assert accuracy(route, f"{route.instructions}\n\nPlease adhere to these rules:\n{rules}", test) > 0.9


def test_mipro_grounds_an_instruction_in_what_it_observed(route, rows):
    train, test = rows(40, 1), rows(60, 2)
    observed = run(dspy.Predict(DatasetDescriptor), examples=repr(train[:10])).observations
    for at in range(10, 40, 10):
        observed += run(
            dspy.Predict(DatasetDescriptorWithPriorObservations),
            prior_observations=observed,
            examples=repr(train[at : at + 10]),
        ).observations
    summary = strip_prefix(run(dspy.Predict(ObservationSummarizer), observations=observed).summary)
    instruction = run(
        generate_instruction_class(),
        dataset_description=summary,
        program_code="class X: ...",
        program_description="d",
        module="Predict(message) -> team",
        module_description="d",
        task_demos="No task demos provided.",
        previous_instructions="",
        basic_instruction=route.instructions,
        tip="Be concise.",
    ).proposed_instruction
    assert strip_prefix(instruction) == instruction
    assert "from 40 examples" in instruction
    assert accuracy(route, instruction, test) > 0.9


def test_mipro_gives_each_module_only_its_own_rules(rows):
    train = [
        dspy.Example(
            message=row.message, team=row.team, urgent="yes" if "please" in row.message else "no"
        ).with_inputs("message")
        for row in rows(10, 1)
    ]
    observed = run(dspy.Predict(DatasetDescriptor), examples=repr(train)).observations
    summary = run(dspy.Predict(ObservationSummarizer), observations=observed).summary
    assert "`urgent`" in summary
    instruction = run(
        generate_instruction_class(program_aware=True, use_instruct_history=False, use_tip=False),
        dataset_description=summary,
        program_code="",
        program_description="",
        module="Predict(message) -> urgent",
        module_description="",
        task_demos="",
        basic_instruction="Judge it.",
    ).proposed_instruction
    assert "`yes`" in instruction
    assert "`billing`" not in instruction


def test_descriptions_of_a_program_are_text():
    assert run(dspy.Predict(DescribeProgram), program_code="x", program_example="y").program_description
    described = run(
        dspy.Predict(DescribeModule),
        program_code="x",
        program_example="y",
        program_description="z",
        module="Predict(a) -> b",
    ).module_description
    assert described == "It reads a and gives b."


def test_copro_rewords_without_claiming_to_know(route, rows):
    first = run(dspy.Predict(BasicGenerateInstruction), basic_instruction=route.instructions)
    assert first.proposed_instruction.startswith(route.instructions)
    tried = "\n\n".join(
        f"Instruction #{at}: {text}\nPrefix #{at}: A:\nResulting Score #{at}: {score}"
        for at, text, score in ((1, "Bad.", 10.0), (2, "Good.", 30.0))
    )
    second = run(dspy.Predict(GenerateInstructionGivenAttempts), attempted_instructions=tried)
    assert second.proposed_instruction.startswith("Good.")
    test = rows(40, 3)
    assert accuracy(route, first.proposed_instruction, test) == accuracy(route, route.instructions, test)


def test_simba_gets_a_tip_for_each_module(route, rows):
    row = rows(1, 5)[0]

    class Router(dspy.Module):
        def __init__(self):
            super().__init__()
            self.route = dspy.Predict(route)

    step = [{"module_name": "route", "inputs": {"message": row.message}, "outputs": {"team": "billing"}}]
    given = {
        **dict.fromkeys(OfferFeedback.input_fields, "{}"),
        "modules_defn": inspect_modules(Router()),
        "oracle_metadata": json.dumps({"team": row.team}),
        "worse_program_trajectory": json.dumps(step),
        "better_program_trajectory": json.dumps(step),
        "worse_reward_value": 0.0,
        "better_reward_value": 1.0,
        "module_names": ["route", "other"],
    }
    advice = run(dspy.Predict(OfferFeedback), **given).module_advice
    assert set(advice) == {"route", "other"}
    assert f"Answer `{row.team}` when the message mentions" in advice["route"]
    assert advice["other"] == ""


def test_ordinary_tasks_with_such_field_names_are_left_alone(prompt_of):
    plain = dspy.Signature("observations: str -> summary: str")
    assert write_answers(prompt_of(plain, {"observations": "a dog barked"}), Draw()) is None
    plain = dspy.Signature("examples: str -> observations: str")
    assert write_answers(prompt_of(plain, {"examples": "a dog"}), Draw()) is None
    plain = dspy.Signature("topic: str -> new_instruction: str")
    assert write_answers(prompt_of(plain, {"topic": "a dog"}), Draw()) is None


def test_proposals_differ_with_the_rollout(route, prompt_of):
    rng = random.Random(0)
    demos = [
        {
            "message": " ".join(f"w{rng.randint(0, 400)}x" for _ in range(12)),
            "team": rng.choice(["billing", "account"]),
        }
        for _ in range(60)
    ]
    text = InferRules.format_examples(None, demos, route)
    prompt = prompt_of(RulesInductionProgram(10).rules_induction.predict.signature, {"examples_text": text})
    drawn = {write_answers(prompt, Draw(1.0, (rollout,)))["natural_language_rules"] for rollout in range(12)}
    assert len(drawn) > 1


def test_several_outputs_and_several_inputs_are_told_apart():
    known: dict[str, Knowledge] = {}
    learn(known, [
        Sighting({"topic": "heat", "note": "cold hall now"}, {"queue": "a", "tags": ("x",)}),
        Sighting({"topic": "park", "note": "gate stuck now"}, {"queue": "b", "tags": ("y", "x")}),
    ])  # fmt: skip
    block = write_block(known)
    assert "For `queue`, answer `a` when `topic` is `heat`." in block
    assert "Include `y` in `tags` when `topic` is `park`." in block
    again = read_knowledge(block, ["queue", "tags"], ["topic", "note"])
    assert again["tags"].many
    assert not again["queue"].many
    assert again["queue"].sizes == {"a": 1, "b": 1}
