"""Answers the prompts of DSPy's optimizers: better instructions, from the examples and feedback in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .examples import (
    Sighting,
    flatten_answers,
    read_blocks,
    read_demos,
    read_records,
    read_reprs,
    read_sightings,
)
from .induce import Knowledge, Limits, ignored_words, learn, read_knowledge, split_instruction, write_block
from .prompt import Prompt
from .student import answer
from .text import distinct_words, hash_parts, text_of, unit_interval
from .values import Draw

_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
_MODULE = re.compile(r"\((.*?)\)\s*->\s*(.*)")
_ATTEMPT = re.compile(
    r"Instruction #(\d+): (.*?)\n?Prefix #\1: (.*?)\n?Resulting Score #\1: (-?[\d.]+)", re.DOTALL
)
_SEEN = re.compile(r"Seen in (\d+) examples?:")
_MOST_CHARS = re.compile(r"at most ([\d,]+) characters")
_STRIPPED_PREFIX = re.compile(r"^[\*\s]*(([\w'\-]+\s+){0,4}[\w'\-]+):\s*")
_MODULE_BLOCK = re.compile(r"^Module (\S+)\n(.*?)(?=^-{20,}|\Z)", re.MULTILINE | re.DOTALL)
_FIELD_NAME = re.compile(r"\d+\. `(\w+)` \(")
_VARIANTS = (
    "Read the whole input before answering.",
    "Answer with exactly what is asked for and nothing else.",
    "Weigh every part of the input, then decide.",
    "Work carefully and keep to the allowed answers.",
    "Look for what sets this input apart before you answer.",
    "Be precise. Do not add anything that was not asked for.",
)
_NOTHING = "No examples were shown, so nothing can be said about the data."


def write_answers(prompt: Prompt, draw: Draw) -> dict[str, Any] | None:
    """Output values for an optimizer's prompt; None when this is an ordinary task."""
    names, inputs = prompt.task.output_names, prompt.inputs
    seed = hash_parts(prompt.system, *inputs.values(), *draw.salt)
    if "module_advice" in names and "module_names" in inputs:
        return _advise(prompt)
    if "natural_language_rules" in names and "examples_text" in inputs:
        return _fill(
            prompt,
            draw,
            {"natural_language_rules": _induce_rules(inputs["examples_text"], draw, seed, _stop(prompt))},
        )
    if "observations" in names and "examples" in inputs:
        return {"observations": _observe(inputs["examples"], _stop(prompt))}
    if "summary" in names and "observations" in inputs:
        return {"summary": _summarize(inputs["observations"])}
    if "shortened_instruction" in names and "instruction" in inputs:
        return {"shortened_instruction": _shorten(inputs["instruction"], inputs.get("length_limit", ""))}
    target = next(
        (
            name
            for name in names
            if name in ("proposed_instruction", "new_instruction", "improved_instruction")
        ),
        None,
    )
    if target is None:
        return None
    if "attempted_instructions" in inputs:
        return _reword(prompt, target, _best_attempt(inputs["attempted_instructions"]), seed)
    if "examples_with_feedback" in inputs:
        current = inputs.get("current_instruction", "")
        written = _reflect(current, inputs["examples_with_feedback"], draw, seed, _stop(prompt))
        return _fill(prompt, draw, {target: _shorten(written, inputs.get("length_limit", ""))})
    if "task_demos" in inputs or "dataset_description" in inputs:
        return _fill(prompt, draw, {target: _ground(inputs, draw, seed)})
    if "basic_instruction" in inputs:
        return _reword(prompt, target, inputs["basic_instruction"], seed)
    return None


def write_plain(text: str, draw: Draw) -> str:
    """The answer to a prompt that no adapter wrote: a reflection prompt, or else its own first words."""
    blocks = [found.group(1) for found in _FENCED.finditer(text)]
    if len(blocks) >= 2 and "# Example 1" in text:
        at = text.find("# Example 1")
        examples = text[at : text.rfind("```")]
        stop = distinct_words(text.replace(examples, " ").replace(blocks[0], " "))
        return f"```\n{_reflect(blocks[0], examples, draw, hash_parts(text, *draw.salt), stop)}\n```"
    return " ".join(text.split()[:12]) or "none"


def _fill(prompt: Prompt, draw: Draw, values: dict[str, str]) -> dict[str, Any]:
    """The values in the prompt's order; fields that no reader knows are answered like any other."""
    missing = [name for name in prompt.task.output_names if name not in values]
    if not missing:
        return dict(values)
    if missing == ["reasoning"]:
        return {"reasoning": "The rules follow the words that the examples of one answer share.", **values}
    ordinary = answer(prompt, draw)
    return {name: values.get(name, ordinary[name]) for name in prompt.task.output_names}


def _stop(prompt: Prompt) -> frozenset[str]:
    """The prompt's own wording: what it uses to speak of any task at all says nothing about this one."""
    return distinct_words(prompt.system)


def _limits(draw: Draw, seed: int) -> Limits:
    """How much to write down; with a temperature, drawn, so that proposals differ."""
    if draw.temperature <= 0:
        return Limits()
    firm = (30, 20, 12)[int(3 * unit_interval(seed, "firm"))]
    loose = (30, 15, 5)[int(3 * unit_interval(seed, "loose"))]
    return Limits(firm, loose)


def _reflect(current: str, examples: str, draw: Draw, seed: int, stop: frozenset[str]) -> str:
    records = read_records(examples)
    outputs = list(
        dict.fromkeys(
            name for record in records for name in flatten_answers(_as_map(record.get("Generated Outputs")))
        )
    )
    inputs = list(dict.fromkeys(name for record in records for name in _as_map(record.get("Inputs"))))
    base, learnt = split_instruction(current)
    known = read_knowledge(learnt, outputs, inputs)
    labels = {name: list(knowledge.sizes) for name, knowledge in known.items()}
    learn(known, read_sightings(records, labels))
    return _join(base, write_block(known, Limits(), stop))


def _as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _join(base: str, block: str) -> str:
    return f"{base}\n\n{block}".strip() if block else base


def _induce_rules(text: str, draw: Draw, seed: int, stop: frozenset[str]) -> str:
    known: dict[str, Knowledge] = {}
    learn(known, read_blocks(text))
    return (
        write_block(known, _limits(draw, seed), stop)
        or "Follow the instruction; the examples show no pattern."
    )


def _observe(text: str, stop: frozenset[str]) -> str:
    """Observations are strung together without a break, so each batch opens with a marker of its own."""
    sightings = read_reprs(text)
    known: dict[str, Knowledge] = {}
    learn(known, sightings)
    block = _scoped_block(known, Limits(loose=40), stop)
    return f"Seen in {len(sightings)} examples:\n{block}" if block else _NOTHING


def _scoped_block(known: dict[str, Knowledge], limits: Limits, stop: frozenset[str] = frozenset()) -> str:
    """Rules that each name their field, for texts that speak of several."""
    blank = Knowledge("")
    blank.copy_lines = [""]
    return write_block({**known, "": blank}, limits, stop, header=False).strip()


def _summarize(text: str) -> str:
    known = _read_observations(text)
    total = sum(int(found.group(1)) for found in _SEEN.finditer(text))
    block = _scoped_block(known, Limits())
    if not block:
        return _NOTHING
    names = ", ".join(f"`{name}`" for name in known)
    return f"In the {total} examples seen, words of the input point to {names}.\nSeen in {total} examples:\n{block}"


def _read_observations(text: str) -> dict[str, Knowledge]:
    """What batches of observations say, added up."""
    fields = list(dict.fromkeys(re.findall(r"(?:For|in|for) `(\w+)`", text)))
    inputs = list(dict.fromkeys(re.findall(r"when (?:the (\w+) mentions|`\w+` is)", text)))
    total: dict[str, Knowledge] = {name: Knowledge(name) for name in fields}
    marks = list(_SEEN.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        part = read_knowledge(text[mark.end() : end], fields, [name for name in inputs if name])
        for name, knowledge in part.items():
            _add(total[name], knowledge, float(mark.group(1)))
    return {name: knowledge for name, knowledge in total.items() if not knowledge.empty}


def _add(total: Knowledge, part: Knowledge, examples: float) -> None:
    if part.empty:
        return
    total.many = total.many or part.many
    total.total += examples
    total.sizes.update(part.sizes)
    total.holders.update(part.holders)
    for cue, held in part.support.items():
        total.support.setdefault(cue, type(held)()).update(held)
    total.copy_lines.extend(part.copy_lines)
    for word in part.ignored:
        total.ignored.add(word)


def _ground(inputs: Mapping[str, str], draw: Draw, seed: int) -> str:
    """An instruction for one module, from what the summary of the data and the demonstrations show."""
    basic = inputs.get("basic_instruction", "")
    base, learnt = split_instruction(basic)
    described = _MODULE.search(inputs.get("module", ""))
    module_inputs = _names(described.group(1)) if described else []
    module_outputs = _names(described.group(2)) if described else []
    known = _read_observations(inputs.get("dataset_description", ""))
    if module_outputs:
        known = {name: knowledge for name, knowledge in known.items() if name in module_outputs}
    for name, knowledge in read_knowledge(learnt, module_outputs, module_inputs).items():
        _add(known.setdefault(name, Knowledge(name)), knowledge, knowledge.total)
    if not any(not knowledge.empty for knowledge in known.values()):
        learn(known, read_demos(inputs.get("task_demos", ""), module_inputs, module_outputs))
    written = _join(base, write_block(known, _limits(draw, seed)))
    return f"Follow these instructions. {written}" if _STRIPPED_PREFIX.match(written) else written


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _best_attempt(text: str) -> str:
    attempts = [(float(found.group(4)), found.group(2).strip()) for found in _ATTEMPT.finditer(text)]
    if attempts:
        return max(attempts, key=lambda attempt: attempt[0])[1]
    return text.strip()


def _reword(prompt: Prompt, target: str, instruction: str, seed: int) -> dict[str, Any]:
    """The instruction with another closing sentence: without data there is nothing to learn from."""
    base = instruction.strip()
    for variant in _VARIANTS:
        base = base.removesuffix(variant).rstrip()
    variant = _VARIANTS[int(len(_VARIANTS) * unit_interval(seed, "variant"))]
    values = {name: "Answer:" for name in prompt.task.output_names}
    values[target] = f"{base}\n\n{variant}"
    return dict(values)


def _shorten(text: str, limit: str) -> str:
    found = _MOST_CHARS.search(limit)
    most = int(found.group(1).replace(",", "")) if found else None
    if most is None or len(text) <= most:
        return text
    base, learnt = split_instruction(text)
    lines = learnt.splitlines()
    while lines and len(_join(base, "\n".join(lines))) > most:
        longest = max(range(len(lines)), key=lambda at: len(lines[at]))
        if "," not in lines[longest]:
            lines.pop()
            continue
        head, _, tail = lines[longest].rpartition(",")
        count = tail[tail.find(" (") :] if " (" in tail else ""
        lines[longest] = f"{head}.{count}"
    return _join(base, "\n".join(lines))[:most]


def _advise(prompt: Prompt) -> dict[str, Any]:
    """SIMBA: one tip a module, from the better of two runs of one example."""
    inputs = prompt.inputs
    names = _json(inputs.get("module_names"), [])
    better = _json(inputs.get("better_program_trajectory"), [])
    worse = _json(inputs.get("worse_program_trajectory"), [])
    oracle = flatten_answers(_json(inputs.get("oracle_metadata"), {}))
    best = _number(inputs.get("better_reward_value"))
    current = _module_texts(inputs.get("modules_defn", ""))
    advice: dict[str, str] = {}
    blamed = []
    for name in names:
        steps = [step for step in (*better, *worse) if step.get("module_name") == name]
        if not steps:
            advice[name] = ""
            continue
        given = {key: text_of(value) for key, value in _as_map(steps[0].get("inputs")).items()}
        answered = flatten_answers(_as_map(steps[0].get("outputs")))
        expected = {
            key: oracle.get(key, value)
            for key, value in answered.items()
            if key in oracle or (best is not None and best >= 1)
        }
        instruction, outputs = current.get(name, ("", list(answered)))
        tip = _tip(Sighting(given, expected), instruction, outputs, _stop(prompt))
        advice[name] = tip
        if tip:
            blamed.append(name)
    discussion = (
        f"The runs differ in {', '.join(blamed)}." if blamed else "Nothing shows which module went wrong."
    )
    return {"discussion": discussion, "module_advice": advice}


def _tip(sighting: Sighting, instruction: str, outputs: Sequence[str], stop: frozenset[str]) -> str:
    """What one example adds to the rules that a module has already."""
    known = read_knowledge(instruction, list(sighting.outputs), list(sighting.inputs))
    before = {name: set(knowledge.ignored) for name, knowledge in known.items()}
    fresh: dict[str, Knowledge] = {}
    learn(fresh, [sighting])
    learn(known, [sighting])
    for name, knowledge in fresh.items():
        knowledge.ignored = {word for word in _contradicted(known[name])} | before.get(name, set())
    block = write_block(fresh, Limits(), stop, header=False)
    return block


def _contradicted(knowledge: Knowledge) -> list[str]:
    return ignored_words(knowledge, Limits())


def _module_texts(text: str) -> dict[str, tuple[str, list[str]]]:
    """Each module's instruction and output fields, as SIMBA's prompt defines them."""
    found = {}
    for block in _MODULE_BLOCK.finditer(text):
        body = block.group(2)
        fields, _, instruction = body.partition("Original Instructions:")
        outputs = _FIELD_NAME.findall(fields.partition("Output Fields:")[2])
        found[block.group(1)] = ("\n".join(line.strip() for line in instruction.splitlines()), outputs)
    return found


def _json(text: str | None, default: Any) -> Any:
    try:
        value = json.loads(text or "")
    except ValueError:
        return default
    return value if isinstance(value, type(default)) else default


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
