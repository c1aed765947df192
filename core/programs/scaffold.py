"""The text of a new program file, from a short form: fields, types, module kind, steps."""

from __future__ import annotations

import keyword
from typing import Literal

import msgspec

from ..errors import ProgramError

ModuleKind = Literal["Predict", "ChainOfThought", "ReAct"]
_KINDS = ("Predict", "ChainOfThought", "ReAct")
_PLAIN = frozenset({"str", "int", "float", "bool", "list[str]", "list[int]", "list[float]", "dict[str, str]"})


class FormField(msgspec.Struct, frozen=True):
    """One input or output. `type` is a Python type, or choices as `a | b | c` with `choices`."""

    name: str
    type: str = "str"
    desc: str = ""
    choices: tuple[str, ...] = ()
    """The only allowed answers; makes a `Literal` of them."""


class FormStep(msgspec.Struct, frozen=True):
    """One predictor of the program."""

    name: str
    instructions: str
    inputs: tuple[FormField, ...]
    outputs: tuple[FormField, ...]
    kind: ModuleKind = "Predict"


class ProgramForm(msgspec.Struct, frozen=True):
    """A program of one or more steps; each step's outputs are known to the steps after it."""

    name: str
    steps: tuple[FormStep, ...]
    doc: str = ""


def write_program(form: ProgramForm) -> str:
    """The file's text. Raises `ProgramError` for names that cannot be, or inputs that no step gives."""
    _check_form(form)
    head = f'"""{_line(form.doc or form.name)}"""\n\n{_imports(form)}'
    parts = [head, *(_signature(step) for step in form.steps)]
    if any(step.kind == "ReAct" for step in form.steps):
        parts.append(_TOOL)
    parts.append(_module(form))
    return "\n\n\n".join(parts) + "\n"


_TOOL = '''def look_up(query: str) -> str:
    """Say here what this tool finds; the model reads it."""
    raise RuntimeError("write this tool, or take it out of the tools of the agent below")'''


def program_inputs(form: ProgramForm) -> list[FormField]:
    """What the program is called with: inputs of a step that no earlier step gives."""
    known: set[str] = set()
    found: dict[str, FormField] = {}
    for step in form.steps:
        for field in step.inputs:
            if field.name not in known:
                found.setdefault(field.name, field)
        known.update(field.name for field in step.outputs)
    return list(found.values())


def _imports(form: ProgramForm) -> str:
    fields = [field for step in form.steps for field in (*step.inputs, *step.outputs)]
    typing = "from typing import Literal\n\n" if any(field.choices for field in fields) else ""
    return f"{typing}import dspy"


def _signature(step: FormStep) -> str:
    lines = [f"class {_class_name(step.name)}(dspy.Signature):", f'    """{_line(step.instructions)}"""', ""]
    for kind, fields in (("InputField", step.inputs), ("OutputField", step.outputs)):
        for field in fields:
            desc = f"desc={field.desc!r}" if field.desc else ""
            lines.append(f"    {field.name}: {_type(field)} = dspy.{kind}({desc})")
    return "\n".join(lines)


def _module(form: ProgramForm) -> str:
    inputs = program_inputs(form)
    lines = [f"class {form.name}(dspy.Module):", "    def __init__(self):", "        super().__init__()"]
    for step in form.steps:
        tools = ", tools=[look_up]" if step.kind == "ReAct" else ""
        lines.append(f"        self.{step.name} = dspy.{step.kind}({_class_name(step.name)}{tools})")
    arguments = "".join(f", {field.name}: {_type(field)}" for field in inputs)
    lines += ["", f"    def forward(self{arguments}) -> dspy.Prediction:"]
    givers: dict[str, str] = {}
    for step in form.steps:
        passed = ", ".join(
            f"{field.name}={givers[field.name]}.{field.name}"
            if field.name in givers
            else f"{field.name}={field.name}"
            for field in step.inputs
        )
        lines.append(f"        {step.name} = self.{step.name}({passed})")
        givers |= {field.name: step.name for field in step.outputs}
    given = ", ".join(f"{name}={step}.{name}" for name, step in givers.items())
    lines.append(f"        return dspy.Prediction({given})")
    return "\n".join(lines)


def _check_form(form: ProgramForm) -> None:
    if not form.steps:
        raise ProgramError(
            "A program needs a step.", where="steps", fix="add one with an input and an output"
        )
    _check_name(form.name, "program")
    seen: set[str] = set()
    inputs = {field.name for field in program_inputs(form)}
    for step in form.steps:
        _check_name(step.name, "step")
        if step.name in seen or step.name in inputs or step.name == "self":
            raise ProgramError(
                f"The name '{step.name}' is there twice.", where=f"step {step.name}", fix="rename it"
            )
        seen.add(step.name)
        if step.kind not in _KINDS:
            raise ProgramError(
                f"There is no module '{step.kind}'.", where=f"step {step.name}", fix=", ".join(_KINDS)
            )
        if not step.inputs or not step.outputs:
            raise ProgramError(
                f"Step '{step.name}' needs an input and an output.",
                where=f"step {step.name}",
                fix="add a field",
            )
        names = [field.name for field in (*step.inputs, *step.outputs)]
        for name in names:
            _check_name(name, "field")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ProgramError(f"Field '{twice}' is there twice.", where=f"step {step.name}", fix="rename it")
        for field in (*step.inputs, *step.outputs):
            _type(field)


def _check_name(name: str, kind: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise ProgramError(
            f"'{name}' cannot be the name of a {kind}.",
            where=kind,
            fix="use letters, digits and _, no Python word",
        )


def _type(field: FormField) -> str:
    if field.choices:
        return f"Literal[{', '.join(repr(choice) for choice in field.choices)}]"
    if field.type not in _PLAIN:
        raise ProgramError(
            f"'{field.type}' is no type that the form knows.",
            where=f"field {field.name}",
            fix=f"use {', '.join(sorted(_PLAIN))}, give choices, or edit the file afterwards",
        )
    return field.type


def _class_name(step: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in step.split("_")) + "Signature"


def _line(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', "'").split()) or "…"
