"""SIMBA's prompt: one tip for each module, from a better and a worse run of the same example."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .examples import Sighting, flatten_answers
from .induce import Knowledge, Limits, ignored_words, learn, read_knowledge, write_lines
from .text import text_of

_MODULE = re.compile(r"^Module (\S+)\n(.*?)(?=^-{20,}|\Z)", re.MULTILINE | re.DOTALL)
_FULL_REWARD = 0.999


def advise_modules(inputs: Mapping[str, str]) -> dict[str, Any]:
    """The discussion and a tip for each module; an empty tip where the runs show nothing about a module.

    What is expected of a module is what the hidden metadata says, or what the better run gave if it got the
    full reward.
    """
    steps = [
        *_json(inputs.get("better_program_trajectory"), []),
        *_json(inputs.get("worse_program_trajectory"), []),
    ]
    oracle = flatten_answers(_json(inputs.get("oracle_metadata"), {}))
    right = _number(inputs.get("better_reward_value")) >= _FULL_REWARD
    instructions = _instructions(inputs.get("modules_defn", ""))
    advice = {}
    for name in _json(inputs.get("module_names"), []):
        step = next((step for step in steps if step.get("module_name") == name), None)
        advice[str(name)] = (
            _tip(_sighting(step, oracle, right=right), instructions.get(name, "")) if step else ""
        )
    helped = [name for name, tip in advice.items() if tip]
    discussion = (
        f"The runs differ in {', '.join(helped)}." if helped else "Nothing shows which module went wrong."
    )
    return {"discussion": discussion, "module_advice": advice}


def _sighting(step: Mapping[str, Any], oracle: Mapping[str, Any], *, right: bool) -> Sighting:
    given, answered = step.get("inputs"), step.get("outputs")
    inputs = {name: text_of(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    outputs = flatten_answers(answered if isinstance(answered, Mapping) else {})
    expected = {name: oracle.get(name, value) for name, value in outputs.items() if right or name in oracle}
    return Sighting(inputs, expected)


def _tip(sighting: Sighting, instruction: str) -> str:
    """What one example adds to the rules of a module: its own rule, and words to ignore."""
    known = read_knowledge(instruction, list(sighting.outputs), list(sighting.inputs))
    fresh: dict[str, Knowledge] = {}
    learn(known, [sighting])
    learn(fresh, [sighting])
    for name, knowledge in fresh.items():
        knowledge.ignored = set(ignored_words(known[name]))
    return write_lines(fresh, Limits())


def _instructions(text: str) -> dict[str, str]:
    """Each module's instruction, as SIMBA's prompt defines the modules."""
    found = {}
    for block in _MODULE.finditer(text):
        _, _, instruction = block.group(2).partition("Original Instructions:")
        found[block.group(1)] = "\n".join(line.strip() for line in instruction.splitlines())
    return found


def _json(text: str | None, default: Any) -> Any:
    try:
        value = json.loads(text or "")
    except ValueError:
        return default
    return value if isinstance(value, type(default)) else default


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0
