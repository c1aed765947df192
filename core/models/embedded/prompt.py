"""Reads a request that a DSPy adapter wrote back into fields, instruction, demonstrations and inputs."""

from __future__ import annotations

import json
import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from dspy.lm15 import Request

from .schema import Schema, add_constraints, read_type, resolve, split_optional
from .text import cut_at

Style = Literal["chat", "json", "xml"]

_INPUTS = "Your input fields are:"
_OUTPUTS = "Your output fields are:"
_STRUCTURE = "All interactions will be structured in the following way"
_OBJECTIVE = "In adhering to this structure, your objective is:"
_JSON_OUTPUTS = "Outputs will be a JSON object with the following fields."
_INCOMPLETE = "This is an example of the task, though some input or output fields are not supplied."
_NOT_SUPPLIED = (
    "Not supplied for this particular example.",
    "Not supplied for this conversation history message.",
)
_REMINDERS = (
    "Respond with the corresponding output fields, starting with the field ",
    "Respond with a JSON object in the following order of fields: ",
    "Respond with the corresponding output fields wrapped in XML tags ",
)
_FIELD_LINE = re.compile(r"^\d+\. `(\w+)` \(", re.MULTILINE)
_HEADER = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*\n?", re.MULTILINE)
_NOTE = re.compile(r"\{(\w+)\}\s+# note: the value you produce (.*)")
_COMPLETED = "completed"
_MISSING = object()


@dataclass(frozen=True)
class Field:
    name: str
    description: str
    schema: Schema


@dataclass(frozen=True)
class Task:
    """What a system message says: the fields and the instruction."""

    style: Style
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    instruction: str

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.outputs)


@dataclass(frozen=True)
class Demo:
    inputs: Mapping[str, str]
    outputs: Mapping[str, Any]
    """Only what the demonstration supplies."""


@dataclass(frozen=True)
class Prompt:
    task: Task
    demo_texts: tuple[tuple[str, str], ...]
    """Each demonstration as its user and assistant turns, unread."""
    inputs: Mapping[str, str]
    system: str


def system_text(request: Request) -> str:
    system = request.system
    if system is None:
        return ""
    return (
        system if isinstance(system, str) else "".join(part.text for part in system if hasattr(part, "text"))
    )


def turns_of(request: Request) -> list[tuple[str, str]]:
    """The messages as (role, text)."""
    return [(message.role, message.text or "") for message in request.messages]


def read_prompt(system: str, turns: Sequence[tuple[str, str]]) -> Prompt | None:
    """The prompt of an adapter; None when the system message is not one."""
    task = read_task(system)
    if task is None or not turns:
        return None
    last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=len(turns) - 1)
    demos = []
    for at in range(last):
        if turns[at][0] == "user" and turns[at + 1][0] == "assistant":
            demos.append((turns[at][1], turns[at + 1][1]))
    return Prompt(task, tuple(demos), read_inputs(task, turns[last][1]), system)


@lru_cache(maxsize=512)
def read_task(system: str) -> Task | None:
    """Fields and instruction of a system message; None when no adapter of DSPy wrote it."""
    start, middle = system.find(_INPUTS), system.find(_OUTPUTS)
    structure, objective = system.find(_STRUCTURE), system.find(_OBJECTIVE)
    if middle < 0 or objective < 0:
        return None
    end = structure if structure > middle else objective
    shape = system[end:objective]
    style = _style_of(shape)
    notes = _read_notes(shape, style)
    inputs = _read_fields(system[start + len(_INPUTS) : middle] if start >= 0 else "", {}, shape)
    outputs = _read_fields(system[middle + len(_OUTPUTS) : end], notes, shape)
    if not outputs:
        return None
    instruction = textwrap.dedent(system[objective + len(_OBJECTIVE) :].lstrip(" ").lstrip("\n")).strip()
    return Task(style, inputs, outputs, instruction)


def _style_of(shape: str) -> Style:
    if _JSON_OUTPUTS in shape:
        return "json"
    return "chat" if _HEADER.search(shape) else "xml"


def _read_notes(shape: str, style: Style) -> dict[str, str]:
    """What the structure says about each output value, by field."""
    if style == "json":
        try:
            values = json.loads(shape[shape.index(_JSON_OUTPUTS) + len(_JSON_OUTPUTS) :])
        except ValueError:
            values = {}
        shape = "\n".join(str(value) for value in values.values())
    return {found.group(1): found.group(2).strip() for found in _NOTE.finditer(shape)}


def _read_fields(listing: str, notes: Mapping[str, str], shape: str) -> tuple[Field, ...]:
    fields = []
    for found, part in cut_at(list(_FIELD_LINE.finditer(listing)), listing):
        type_text, rest = _cut_type(part)
        description, _, constraints = f"\n{rest}".partition("\nConstraints: ")
        schema = _field_schema(found.group(1), type_text, notes.get(found.group(1), ""), shape)
        fields.append(Field(found.group(1), description.strip(), add_constraints(schema, constraints)))
    return tuple(fields)


def _cut_type(text: str) -> tuple[str, str]:
    """Splits `Literal['a)'])): desc` at the bracket that closes the type."""
    depth, quote, at = 1, "", 0
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
            if not depth:
                return text[:at], text[at + 1 :].removeprefix(":").strip()
        at += 1
    head, _, tail = text.partition("): ")
    return head, tail.strip()


def _field_schema(name: str, type_text: str, note: str, shape: str) -> Schema:
    if "JSON schema: " in note:
        try:
            schema = json.loads(note.split("JSON schema: ", 1)[1])
        except ValueError:
            schema = None
        if isinstance(schema, dict):
            return schema
    written = read_type(type_text)
    if written is not None:
        return written
    if note.startswith("must be one of: "):
        return {"enum": _enum_values(note.removeprefix("must be one of: ").split("; "))}
    return _skeleton_schema(name, shape)


def _enum_values(texts: list[str]) -> list[Any]:
    """The values of an enum. A prompt does not tell 1 from '1': where all look whole, they are numbers."""
    return [int(text) for text in texts] if all(text.lstrip("-").isdigit() for text in texts) else list(texts)


def _skeleton_schema(name: str, shape: str) -> Schema:
    """The schema of `<name><child>...</child></name>`, all that an XML prompt shows of a nested type."""
    for line in shape.splitlines():
        if line.startswith(f"<{name}><"):
            try:
                return _element_schema(ET.fromstring(line))
            except ET.ParseError:
                return {}
    return {}


def _element_schema(element: ET.Element) -> dict[str, Any]:
    children = list(element)
    if not children:
        return {}
    if len(children) == 1 and children[0].tag == "item":
        return {"type": "array", "items": _element_schema(children[0])}
    return {
        "type": "object",
        "properties": {child.tag: _element_schema(child) for child in children},
        "required": [child.tag for child in children],
    }


def read_inputs(task: Task, text: str) -> dict[str, str]:
    """Input values of a user turn, by field."""
    for reminder in _REMINDERS:
        at = text.rfind(reminder)
        if at >= 0:
            text = text[:at].rstrip()
            break
    read = _xml_sections if task.style == "xml" else _header_sections
    sections = read(text, task.input_names)
    return {name: sections[name] for name in task.input_names if name in sections}


def _header_sections(text: str, names: Sequence[str]) -> dict[str, str]:
    """The `[[ ## name ## ]]` sections of a text; headers of other names belong to the value they stand in."""
    found = [header for header in _HEADER.finditer(text) if header.group(1) in names]
    return {header.group(1): part.strip() for header, part in cut_at(found, text)}


def _xml_sections(text: str, names: Sequence[str]) -> dict[str, str]:
    sections = {}
    for name in names:
        if found := re.search(rf"<{name}>\n?(.*?)\n?</{name}>", text, re.DOTALL):
            sections[name] = found.group(1)
    return sections


@lru_cache(maxsize=16384)
def read_demo(system: str, user: str, assistant: str) -> Demo:
    """One demonstration; values that are not supplied are left out."""
    task = read_task(system)
    if task is None:
        return Demo({}, {})
    inputs = read_inputs(task, user.removeprefix(_INCOMPLETE).lstrip())
    raw = _read_answer(task, assistant)
    outputs = {}
    for field in task.outputs:
        value = _typed(raw.get(field.name, _MISSING), field.schema)
        if value is not _MISSING:
            outputs[field.name] = value
    return Demo(inputs, outputs)


def _read_answer(task: Task, text: str) -> Mapping[str, Any]:
    if task.style == "json":
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        return value if isinstance(value, dict) else {}
    if task.style == "chat":
        return _header_sections(text, (*task.output_names, _COMPLETED))
    try:
        root = ET.fromstring(f"<answer>{text}</answer>")
    except ET.ParseError:
        return _xml_sections(text, task.output_names)
    schemas = {field.name: field.schema for field in task.outputs}
    return {
        child.tag: _element_value(child, schemas[child.tag], schemas[child.tag].get("$defs", {}))
        for child in root
        if child.tag in schemas
    }


def _element_value(element: ET.Element, schema: Schema, definitions: Schema) -> Any:
    schema = resolve(split_optional(resolve(schema, definitions))[0], definitions)
    children = list(element)
    if schema.get("type") == "array" and not (element.text or "").strip():
        return [_element_value(child, schema.get("items", {}), definitions) for child in children]
    if not children:
        return (element.text or "").strip()
    properties = schema.get("properties", {})
    return {
        child.get("key", child.tag): _element_value(
            child,
            properties.get(child.get("key", child.tag), schema.get("additionalProperties") or {}),
            definitions,
        )
        for child in children
    }


def _typed(value: Any, schema: Schema) -> Any:
    """A demonstration's value in JSON terms; text is decoded where the field is not text."""
    if value is _MISSING:
        return _MISSING
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in _NOT_SUPPLIED:
        return _MISSING
    inner, optional = split_optional(schema)
    if optional and text == "None":
        return None
    kind = inner.get("type")
    if kind in ("array", "object", "integer", "number"):
        try:
            return json.loads(text)
        except ValueError:
            return text if kind in ("integer", "number") else _MISSING
    if kind == "boolean":
        return text.lower() == "true"
    if "enum" in inner:
        return next((option for option in inner["enum"] if str(option) == text), text)
    return text
