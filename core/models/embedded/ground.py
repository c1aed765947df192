"""MIPROv2's prompts: observations of the data, their summary, and an instruction grounded in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .examples import read_demos, read_reprs
from .induce import (
    Knowledge,
    Limits,
    join_instruction,
    learn,
    read_knowledge,
    split_instruction,
    write_block,
    write_lines,
)
from .text import cut_at

_MODULE = re.compile(r"\((.*?)\)\s*->\s*(.*)")
_SEEN = re.compile(r"Seen in (\d+) examples:")
_OUTPUT = re.compile(r"\b(?:[Ff]or|in) `(\w+)`")
_INPUT = re.compile(r"\bwhen the (\w+) mentions\b")
_STRIPPED = re.compile(r"^[\*\s]*(([\w'\-]+\s+){0,4}[\w'\-]+):\s*")
"""What MIPROv2 takes for a label before an instruction, and cuts off."""
_NOTHING = "The examples show no pattern in which words lead to which answer."


def observe_data(text: str) -> str | None:
    """What a batch of examples shows; None when the text holds none.

    MIPROv2 strings observations together without a break, so each batch opens with a marker of its own.
    """
    sightings = read_reprs(text)
    if not sightings:
        return None
    known: dict[str, Knowledge] = {}
    learn(known, sightings)
    lines = write_lines(known, Limits(loose=40), scope=True)
    return f"Seen in {len(sightings)} examples:\n{lines}" if lines else _NOTHING


def summarize_observations(text: str) -> str | None:
    """All batches of observations in one; None when the text holds none."""
    total = sum(int(found.group(1)) for found in _SEEN.finditer(text))
    if not total:
        return _NOTHING if _NOTHING in text else None
    known = _read_observations(text)
    lines = write_lines(known, Limits(), scope=True)
    names = ", ".join(f"`{name}`" for name in known)
    return f"Words of the input point to {names}.\nSeen in {total} examples:\n{lines}" if lines else _NOTHING


def _read_observations(text: str) -> dict[str, Knowledge]:
    """What batches of observations say, added up."""
    outputs = list(dict.fromkeys(_OUTPUT.findall(text)))
    inputs = list(dict.fromkeys(_INPUT.findall(text)))
    known = {name: Knowledge(name) for name in outputs}
    for mark, batch in cut_at(list(_SEEN.finditer(text)), text):
        for name, part in read_knowledge(batch, outputs, inputs).items():
            known[name].add_knowledge(part, float(mark.group(1)))
    return {name: knowledge for name, knowledge in known.items() if not knowledge.empty}


def ground_instruction(inputs: Mapping[str, str], limits: Limits) -> str:
    """An instruction for one module, from what the summary of the data and the demonstrations show."""
    base, learnt = split_instruction(inputs.get("basic_instruction", ""))
    module = _MODULE.search(inputs.get("module", ""))
    module_inputs, module_outputs = (_names(side) for side in module.groups()) if module else ([], [])
    known = _read_observations(inputs.get("dataset_description", ""))
    if module_outputs:
        known = {name: knowledge for name, knowledge in known.items() if name in module_outputs}
    for name, knowledge in read_knowledge(learnt, module_outputs, module_inputs).items():
        known.setdefault(name, Knowledge(name)).add_knowledge(knowledge, knowledge.total)
    if all(knowledge.empty for knowledge in known.values()):
        learn(known, read_demos(inputs.get("task_demos", ""), module_inputs, module_outputs))
    written = join_instruction(base, write_block(known, limits))
    return f"Follow these instructions. {written}" if _STRIPPED.match(written) else written


def describe_program(inputs: Mapping[str, str]) -> str:
    """What a program does, as far as its name tells: this model cannot read code."""
    module = _MODULE.search(inputs.get("module", ""))
    if module is None:
        return "A program that turns its inputs into the outputs that its signatures declare."
    return f"It reads {module.group(1)} and gives {module.group(2)}."


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
