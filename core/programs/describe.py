"""What a program is made of, as plain data."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from ..jsonable import to_json
from .state import dump_demo

if TYPE_CHECKING:
    import dspy

_MAX_DEPTH = 12


class FieldDescription(msgspec.Struct, frozen=True):
    """One input or output of a predictor."""

    name: str
    kind: str
    """`input` or `output`."""
    type: str
    desc: str
    prefix: str
    choices: tuple[str, ...] = ()
    """The allowed values, of a Literal, an enum or a list of these."""
    fields: tuple[FieldDescription, ...] = ()
    """Of a nested pydantic model."""


class ToolDescription(msgspec.Struct, frozen=True):
    name: str
    desc: str
    arguments: dict[str, str]
    """Argument → type."""


class PredictorDescription(msgspec.Struct, frozen=True):
    """One `dspy.Predict` in the program."""

    name: str
    """Its path, as dspy and saved states name it."""
    module: str
    """The kind of module it belongs to: Predict, ChainOfThought, ReAct …"""
    signature: str
    """The name of its signature."""
    instructions: str
    fields: tuple[FieldDescription, ...]
    demos: tuple[dict[str, Any], ...]
    config: dict[str, Any] = {}
    """Settings of its LM calls; keys and addresses are left out."""
    own_lm: str | None = None
    """The name of an LM set on the predictor itself, which overrides the recipe's student."""


class ModuleNode(msgspec.Struct, frozen=True):
    """A module and the modules inside it."""

    name: str
    kind: str
    frozen: bool = False
    """Compiled before: optimizers leave it alone."""
    tools: tuple[ToolDescription, ...] = ()
    children: tuple[ModuleNode, ...] = ()


class ProgramDescription(msgspec.Struct, frozen=True):
    """Everything worth knowing about a program without running it."""

    kind: str
    doc: str
    inputs: tuple[str, ...]
    """Arguments of `forward`."""
    required_inputs: tuple[str, ...]
    takes_any_input: bool
    """`forward` has `**kwargs`."""
    predictors: tuple[PredictorDescription, ...]
    modules: ModuleNode
    notes: tuple[str, ...] = ()


def describe_program(program: dspy.Module) -> ProgramDescription:
    """Predictors, signatures, modules and tools of a live program; runs nothing of it."""
    import dspy

    inputs, required, takes_any = forward_inputs(program)
    owners = _owners(program)
    predictors = tuple(
        _describe_predictor(name, predictor, owners.get(id(predictor), "Predict"))
        for name, predictor in program.named_predictors()
    )
    notes = []
    if not predictors:
        notes.append("it has no predictor, so there is nothing to optimize")
    for name, module in program.named_sub_modules(dspy.Module):
        if name != "self" and getattr(module, "_compiled", False):
            notes.append(f"'{name.removeprefix('self.')}' was compiled before: optimizers leave it as it is")
    return ProgramDescription(
        kind=type(program).__name__,
        doc=inspect.cleandoc(type(program).__doc__ or "") if type(program).__module__[:4] != "dspy" else "",
        inputs=inputs,
        required_inputs=required,
        takes_any_input=takes_any,
        predictors=predictors,
        modules=_describe_module("program", program, set(), 0),
        notes=tuple(notes),
    )


def forward_inputs(program: dspy.Module) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """What a program is called with: all names, the required ones, and whether it takes any other."""
    import dspy

    if isinstance(program, dspy.Predict):
        return _signature_inputs(program.signature)
    try:
        parameters = list(inspect.signature(type(program).forward).parameters.values())[1:]
    except (TypeError, ValueError, AttributeError):
        return (), (), True
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    plain = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if not plain and isinstance(getattr(program, "signature", None), type):
        # ReAct and its kin take their signature's inputs as **kwargs.
        return _signature_inputs(program.signature)
    if not plain and isinstance(getattr(program, "predict", None), dspy.Predict):
        return _signature_inputs(program.predict.signature)
    return tuple(p.name for p in plain), tuple(p.name for p in plain if p.default is p.empty), any_name


def _signature_inputs(signature: Any) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    names = tuple(signature.input_fields)
    required = tuple(name for name, field in signature.input_fields.items() if field.is_required())
    return names, required, False


def describe_fields(signature: Any) -> tuple[FieldDescription, ...]:
    """Inputs and outputs of a signature, with what is inside nested models."""
    return tuple(
        FieldDescription(
            name=name,
            kind=str(field.json_schema_extra["__dspy_field_type"]),
            type=type_name(field.annotation),
            desc=str(field.json_schema_extra["desc"]),
            prefix=str(field.json_schema_extra["prefix"]),
            choices=_choices(field.annotation),
            fields=_model_fields(field.annotation, 0),
        )
        for name, field in signature.fields.items()
    )


def type_name(annotation: Any) -> str:
    """A type as a person writes it: `list[Literal['a', 'b']]`, `str | None`, `Address`."""
    import types
    from typing import Annotated, Literal, Union, get_args, get_origin

    if annotation is type(None) or annotation is None:
        return "None"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return getattr(annotation, "__name__", str(annotation))
    if origin is Literal:
        return f"Literal[{', '.join(repr(one) for one in arguments)}]"
    if origin in (Union, types.UnionType):
        return " | ".join(type_name(one) for one in arguments)
    if origin is Annotated:
        return type_name(arguments[0])
    inside = ", ".join("..." if one is ... else type_name(one) for one in arguments)
    return f"{getattr(origin, '__name__', str(origin))}[{inside}]"


def _choices(annotation: Any) -> tuple[str, ...]:
    from enum import Enum
    from typing import Literal, get_args, get_origin

    if get_origin(annotation) is Literal:
        return tuple(str(one) for one in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(one.value) for one in annotation)
    inside = [_choices(one) for one in get_args(annotation) if one is not type(None)]
    return inside[0] if len(inside) == 1 else ()


def _model_fields(annotation: Any, depth: int) -> tuple[FieldDescription, ...]:
    from typing import get_args

    import dspy
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if issubclass(annotation, dspy.Type) or depth > _MAX_DEPTH:
            return ()
        return tuple(
            FieldDescription(
                name=name,
                kind="nested",
                type=type_name(field.annotation),
                desc=field.description or "",
                prefix="",
                choices=_choices(field.annotation),
                fields=_model_fields(field.annotation, depth + 1),
            )
            for name, field in annotation.model_fields.items()
        )
    for one in get_args(annotation):
        found = _model_fields(one, depth + 1) if depth <= _MAX_DEPTH else ()
        if found:
            return found
    return ()


def _describe_predictor(name: str, predictor: Any, module: str) -> PredictorDescription:
    signature = predictor.signature
    return PredictorDescription(
        name=name,
        module=module,
        signature=signature.__name__,
        instructions=signature.instructions,
        fields=describe_fields(signature),
        demos=tuple(dump_demo(demo) for demo in predictor.demos),
        config={
            key: to_json(value)
            for key, value in predictor.config.items()
            if isinstance(value, (bool, int, float, str, type(None))) and not _is_secret(key)
        },
        own_lm=str(getattr(predictor.lm, "model", type(predictor.lm).__name__)) if predictor.lm else None,
    )


def _is_secret(name: str) -> bool:
    return any(
        part in name.lower() for part in ("key", "token", "secret", "password", "header", "base", "url")
    )


def _owners(program: Any) -> dict[int, str]:
    """For each predictor the kind of the innermost module that holds it and is dspy's own."""
    import dspy

    owners = {id(program): type(program).__name__}
    for _, module in program.named_sub_modules(dspy.Module):
        ours = not isinstance(module, dspy.Predict) and type(module).__module__.startswith("dspy.")
        for child in vars(module).values():
            if isinstance(child, dspy.Predict):
                owners[id(child)] = type(module).__name__ if ours else type(child).__name__
    return owners


def _describe_module(name: str, module: Any, seen: set[int], depth: int) -> ModuleNode:
    seen.add(id(module))
    children = [] if depth > _MAX_DEPTH else list(_sub_modules(module))
    return ModuleNode(
        name=name,
        kind=type(module).__name__,
        frozen=depth > 0 and bool(getattr(module, "_compiled", False)),
        tools=_describe_tools(module),
        children=tuple(
            _describe_module(path, child, seen, depth + 1)
            for path, child in children
            if id(child) not in seen
        ),
    )


def _sub_modules(module: Any) -> list[tuple[str, Any]]:
    """The modules that hang on this one's attributes, lists and mappings."""
    import dspy

    found: list[tuple[str, Any]] = []

    def look(path: str, value: Any, depth: int) -> None:
        if isinstance(value, dspy.Module):
            found.append((path, value))
        elif depth < 3 and isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                look(f"{path}[{index}]", item, depth + 1)
        elif depth < 3 and isinstance(value, dict):
            for key, item in value.items():
                look(f"{path}[{key!r}]", item, depth + 1)

    for name, value in vars(module).items():
        look(name, value, 0)
    return found


def _describe_tools(module: Any) -> tuple[ToolDescription, ...]:
    import dspy

    tools = getattr(module, "tools", None)
    if isinstance(tools, dict):
        tools = list(tools.values())
    if not isinstance(tools, (list, tuple)):
        return ()
    return tuple(
        ToolDescription(
            name=str(tool.name),
            desc=str(tool.desc or ""),
            arguments={str(argument): _schema_type(schema) for argument, schema in (tool.args or {}).items()},
        )
        for tool in tools
        if isinstance(tool, dspy.Tool)
    )


def _schema_type(schema: Any) -> str:
    return str(schema.get("type", "any")) if isinstance(schema, dict) else type_name(schema)
