"""Types of output fields, read from how a prompt writes them, as JSON schemas."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "Decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "NoneType": {"type": "null"},
    "None": {"type": "null"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"},
    "Any": {},
    "object": {},
    "dict": {"type": "object"},
    "list": {"type": "array"},
    "set": {"type": "array"},
    "tuple": {"type": "array"},
}
_BOUNDS = (
    ("greater than or equal to: ", "minimum"),
    ("less than or equal to: ", "maximum"),
    ("greater than: ", "exclusiveMinimum"),
    ("less than: ", "exclusiveMaximum"),
    ("minimum length: ", "minLength"),
    ("maximum length: ", "maxLength"),
    ("a multiple of the given number: ", "multipleOf"),
)


def read_type(text: str) -> dict[str, Any] | None:
    """The schema of a type written as Python (`list[Literal['a', 'b']]`); None when a name is unknown."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return _schema_of(node)


def _schema_of(node: ast.expr) -> dict[str, Any] | None:
    if isinstance(node, ast.Name):
        return dict(_SCALARS[node.id]) if node.id in _SCALARS else None
    if isinstance(node, ast.Constant) and node.value is None:
        return {"type": "null"}
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return None
    kind = node.value.id
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if kind == "Literal":
        return {"enum": [_literal(argument) for argument in arguments]}
    parts = [_schema_of(argument) for argument in arguments]
    if kind in ("Union", "Optional"):
        known = [part if part is not None else {} for part in parts]
        return {"anyOf": [*known, {"type": "null"}] if kind == "Optional" else known}
    if kind == "tuple" and len(parts) > 1 and None not in parts:
        return {"type": "array", "prefixItems": parts}
    if kind in ("list", "set", "frozenset", "tuple", "List", "Sequence"):
        return {"type": "array", "items": parts[0] if parts[0] is not None else {}}
    if kind in ("dict", "Dict", "Mapping"):
        value = parts[-1]
        return {"type": "object", "additionalProperties": value if value is not None else {}}
    return None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, SyntaxError):
        return ast.unparse(node)


def add_constraints(schema: Schema, text: str) -> dict[str, Any]:
    """The schema with the bounds that a field's `Constraints:` line states."""
    bounded = dict(schema)
    for words, key in _BOUNDS:
        if found := re.search(rf"(?<![a-z] ){re.escape(words)}(-?[\d.]+)", text):
            number = float(found.group(1).rstrip("."))
            bounded[key] = int(number) if number.is_integer() else number
    return bounded


def resolve(schema: Schema, definitions: Schema) -> Schema:
    """Follow `$ref`, a single-entry `allOf`, and pass definitions down."""
    for _ in range(16):
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            schema = definitions.get(name, {})
        elif len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        else:
            break
    return schema


def options_of(schema: Schema) -> list[Any] | None:
    """The closed set of answers a schema allows, in the order it lists them; None when it is open."""
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])
    if schema.get("type") == "boolean":
        return [False, True]
    return None


def split_optional(schema: Schema) -> tuple[Schema, bool]:
    """The first alternative that is not null, and whether null is allowed too."""
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if not alternatives:
        return schema, False
    others = [part for part in alternatives if part.get("type") != "null"]
    return (others[0] if others else {"type": "null"}), len(others) < len(alternatives)
