"""Answers the prompts of DSPy's optimizers: better instructions, from the examples and feedback in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .advise import advise_modules
from .examples import flatten_answers, read_blocks, read_records, read_sightings
from .ground import describe_program, ground_instruction, observe_data, summarize_observations
from .induce import Knowledge, Limits, join_instruction, learn, read_knowledge, split_instruction, write_block
from .prompt import Prompt
from .student import answer
from .text import hash_parts, unit_interval
from .values import Draw

_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
_FENCE = "\n```"
_FIRST_EXAMPLE = "# Example 1"
_ATTEMPT = re.compile(
    r"Instruction #(\d+): (.*?)\n?Prefix #\1: (.*?)\n?Resulting Score #\1: (-?[\d.]+)", re.DOTALL
)
_MOST_CHARS = re.compile(r"at most ([\d,]+) characters")
_INSTRUCTIONS = ("new_instruction", "proposed_instruction", "improved_instruction")
_VARIANTS = (
    "Read the whole input before answering.",
    "Answer with exactly what is asked for and nothing else.",
    "Weigh every part of the input, then decide.",
    "Work carefully and keep to the allowed answers.",
    "Look for what sets this input apart before you answer.",
    "Be precise. Do not add anything that was not asked for.",
)
_NO_RULES = "Follow the instruction; the examples show no pattern."
_OPENING_WORDS = 12


def write_answers(prompt: Prompt, draw: Draw) -> dict[str, Any] | None:
    """Output values for an optimizer's prompt, told by its fields; None when this is an ordinary task."""
    names, inputs = prompt.task.output_names, prompt.inputs
    seed = hash_parts(prompt.system, *inputs.values(), *draw.salt)
    written: dict[str, Any] | None = None
    if "module_advice" in names and "module_names" in inputs:
        written = advise_modules(inputs)
    elif "natural_language_rules" in names and "examples_text" in inputs:
        written = {"natural_language_rules": _induce_rules(inputs["examples_text"], _limits(draw, seed))}
    elif "observations" in names and "examples" in inputs:
        written = _given("observations", observe_data(inputs["examples"]))
    elif "summary" in names and "observations" in inputs:
        written = _given("summary", summarize_observations(inputs["observations"]))
    elif "shortened_instruction" in names and "instruction" in inputs:
        written = {"shortened_instruction": _shorten(inputs["instruction"], inputs.get("length_limit", ""))}
    elif "program_code" in inputs and (found := {"program_description", "module_description"} & set(names)):
        written = dict.fromkeys(found, describe_program(inputs))
    else:
        written = _write_instruction(prompt, draw, seed)
    return _complete(prompt, draw, written) if written is not None else None


def _write_instruction(prompt: Prompt, draw: Draw, seed: int) -> dict[str, Any] | None:
    inputs = prompt.inputs
    target = next((name for name in prompt.task.output_names if name in _INSTRUCTIONS), None)
    if target is None:
        return None
    if "examples_with_feedback" in inputs:
        text = _reflect(inputs.get("current_instruction", ""), inputs["examples_with_feedback"])
        return {target: _shorten(text, inputs.get("length_limit", ""))}
    if "task_demos" in inputs or "dataset_description" in inputs:
        return {target: ground_instruction(inputs, _limits(draw, seed))}
    tried = inputs.get("attempted_instructions")
    basic = inputs.get("basic_instruction") if tried is None else _best_attempt(tried)
    if basic is None:
        return None
    return {**dict.fromkeys(prompt.task.output_names, "Answer:"), target: _reword(basic, seed)}


def _given(name: str, text: str | None) -> dict[str, Any] | None:
    return None if text is None else {name: text}


def _complete(prompt: Prompt, draw: Draw, written: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the prompt's order; fields that no reader knows are answered like any other."""
    missing = [name for name in prompt.task.output_names if name not in written]
    ordinary: Mapping[str, Any] = {}
    if missing == ["reasoning"]:
        ordinary = {"reasoning": "The rules follow the words that the examples of one answer share."}
    elif missing:
        ordinary = answer(prompt, draw)
    return {name: written[name] if name in written else ordinary[name] for name in prompt.task.output_names}


def write_plain(text: str) -> str:
    """The answer to a prompt that no adapter wrote: GEPA's own reflection prompt, or else its first words."""
    blocks = [found.group(1) for found in _FENCED.finditer(text)]
    at = text.find(_FIRST_EXAMPLE)
    if blocks and at >= 0:
        end = text.rfind(_FENCE)
        return f"```\n{_reflect(blocks[0], text[at : end if end > at else len(text)])}\n```"
    return " ".join(text.split()[:_OPENING_WORDS]) or "none"


def _limits(draw: Draw, seed: int) -> Limits:
    """How much to write down; with a temperature, drawn, so that proposals differ."""
    if draw.temperature <= 0:
        return Limits()
    firm = (30, 20, 12)[int(3 * unit_interval(seed, "firm"))]
    loose = (30, 15, 5)[int(3 * unit_interval(seed, "loose"))]
    return Limits(firm, loose)


def _reflect(current: str, examples: str) -> str:
    """The current instruction with its rules, and what the examples and their feedback add to them."""
    records = read_records(examples)
    outputs = dict.fromkeys(
        name for record in records for name in flatten_answers(_part(record, "Generated Outputs"))
    )
    inputs = dict.fromkeys(name for record in records for name in _part(record, "Inputs"))
    base, learnt = split_instruction(current)
    known = read_knowledge(learnt, list(outputs), list(inputs))
    labels = {name: list(knowledge.sizes) for name, knowledge in known.items()}
    learn(known, read_sightings(records, labels))
    return join_instruction(base, write_block(known))


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _induce_rules(text: str, limits: Limits) -> str:
    known: dict[str, Knowledge] = {}
    learn(known, read_blocks(text))
    return write_block(known, limits) or _NO_RULES


def _best_attempt(text: str) -> str:
    """COPRO's attempts come with their scores: the best of them."""
    attempts = [(float(found.group(4)), found.group(2).strip()) for found in _ATTEMPT.finditer(text)]
    return max(attempts, key=lambda attempt: attempt[0])[1] if attempts else text.strip()


def _reword(instruction: str, seed: int) -> str:
    """The instruction with another closing sentence: without data there is nothing to learn from."""
    base = instruction.strip()
    for variant in _VARIANTS:
        base = base.removesuffix(variant).rstrip()
    return f"{base}\n\n{_VARIANTS[int(len(_VARIANTS) * unit_interval(seed, 'variant'))]}"


def _shorten(text: str, limit: str) -> str:
    """The text within a limit of characters, the last cues of the longest rules left out first."""
    found = _MOST_CHARS.search(limit)
    most = int(found.group(1).replace(",", "")) if found else len(text)
    base, learnt = split_instruction(text)
    lines = learnt.splitlines()
    while lines and len(join_instruction(base, "\n".join(lines))) > most:
        longest = max(range(len(lines)), key=lambda at: len(lines[at]))
        head, comma, tail = lines[longest].rpartition(",")
        if comma:
            lines[longest] = f"{head}.{tail[tail.find(' (') :] if ' (' in tail else ''}"
        else:
            lines.pop()
    return join_instruction(base, "\n".join(lines))[:most]
