"""A program's state as plain data, and nothing else of it: instructions, field texts and demonstrations.

Never the LM, its settings or keys. `state[predictor]` is
`{"instructions": str, "fields": {field: {"prefix": str, "desc": str}}, "demos": [{field: value}]}`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import ProgramError

if TYPE_CHECKING:
    import dspy

State = dict[str, dict[str, Any]]
_PARTS = frozenset({"instructions", "fields", "demos"})
_TEXTS = frozenset({"prefix", "desc"})
_MAX_DEPTH = 100
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def dump_state(program: dspy.Module) -> State:
    """The state of each named predictor, safe to write as JSON."""
    return {
        name: {
            "instructions": predictor.signature.instructions,
            "fields": {
                field: {"prefix": texts.json_schema_extra["prefix"], "desc": texts.json_schema_extra["desc"]}
                for field, texts in predictor.signature.fields.items()
            },
            "demos": [dump_demo(demo) for demo in predictor.demos],
        }
        for name, predictor in program.named_predictors()
    }


def apply_state(program: dspy.Module, state: Mapping[str, Any]) -> None:
    """Give the program this state, in place.

    Raises `ProgramError`, with the program untouched, for a predictor or field that the program lacks, a
    predictor that the state lacks, anything but instructions, fields and demonstrations, or a wrong shape.
    """
    import dspy

    predictors = dict(program.named_predictors())
    check_names(state, predictors, "predictor", "the saved state")
    missing = [name for name in predictors if name not in state]
    if missing:
        raise ProgramError(
            f"The saved state has nothing for {_listed(missing)}.",
            where="the saved state",
            fix="it was made by another version of the program: optimize this one again",
        )
    made = {
        name: (_signature_with(predictor.signature, state[name], name), _demos_of(state[name], name))
        for name, predictor in predictors.items()
    }
    for name, predictor in predictors.items():
        predictor.signature, demos = made[name]
        predictor.demos = [dspy.Example(demo) for demo in demos]


def state_id(state: Mapping[str, Any]) -> str:
    """`c` and ten hex digits of the state's content: equal states have equal ids."""
    return "c" + hashlib.sha256(_encode(state, orjson.OPT_SORT_KEYS)).hexdigest()[:10]


def dump_demo(demo: Any) -> dict[str, Any]:
    """A demonstration as JSON values, the way dspy's own `Module.save` writes it."""
    return {str(key): to_json(demo[key]) for key in demo}


def to_json(value: Any) -> Any:
    """Any value as JSON: pydantic models, examples, sets, dates, numbers of numpy; the rest as its text.

    The order of keys is kept: it shows in the prompt.
    """
    if value is None or isinstance(value, (bool, int)):
        return value if not isinstance(value, int) or abs(value) < 2**63 else str(value)
    if type(value) is str:
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return orjson.loads(_encode(value))


def check_names(given: Any, known: Mapping[str, Any], kind: str, where: str) -> None:
    """Raises `ProgramError` unless `given` is a mapping whose keys the program has."""
    if not isinstance(given, Mapping):
        raise ProgramError(f"A mapping of {kind}s is expected, not {type(given).__name__}.", where=where)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), list(known), n=1)
            raise ProgramError(
                f"The program has no {kind} '{name}'.",
                where=where,
                fix=f"did you mean '{near[0]}'?" if near else f"it has {_listed(known)}",
            )


def _signature_with(signature: Any, part: Any, name: str) -> Any:
    where = f"the saved state of '{name}'"
    _check_part(part, where)
    fields = part.get("fields", {})
    check_names(fields, signature.fields, "field", where)
    instructions = part.get("instructions", signature.instructions)
    if not isinstance(instructions, str):
        raise ProgramError("Instructions must be a text.", where=where)
    # Every changed text makes a new class, so only what differs is changed.
    changed = (
        signature if instructions == signature.instructions else signature.with_instructions(instructions)
    )
    for field, texts in fields.items():
        if not isinstance(texts, Mapping):
            raise ProgramError(f"The texts of field '{field}' must be a mapping.", where=where)
        wrong = [key for key, text in texts.items() if key not in _TEXTS or not isinstance(text, str)]
        if wrong:
            raise ProgramError(
                f"Field '{field}' holds {_listed(wrong)}, which is no field text.", where=where
            )
        extra = signature.fields[field].json_schema_extra
        differing = {key: text for key, text in texts.items() if extra.get(key) != text}
        if differing:
            changed = changed.with_updated_fields(field, **differing)
    return changed


def _check_part(part: Any, where: str) -> None:
    if not isinstance(part, Mapping):
        raise ProgramError("A mapping is expected.", where=where)
    unknown = [key for key in part if key not in _PARTS]
    if unknown:
        raise ProgramError(
            f"{_listed(unknown)} is not part of a saved state.",
            where=where,
            fix="only instructions, fields and demos are loaded",
        )


def _demos_of(part: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    demos = part.get("demos", [])
    if not isinstance(demos, Sequence) or not all(isinstance(demo, Mapping) for demo in demos):
        raise ProgramError("Demonstrations must be a list of mappings.", where=f"the saved state of '{name}'")
    return [{str(key): value for key, value in demo.items()} for demo in demos]


def _encode(value: Any, options: int = 0) -> bytes:
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS | options)
    except TypeError:
        # Lone surrogates, integers beyond 64 bits, nesting beyond orjson's limit.
        return orjson.dumps(_cleaned(value), default=_plain, option=_OPTIONS | options)


def _plain(value: Any) -> Any:
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if hasattr(value, "toDict"):
        return {key: value[key] for key in value}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return sorted((to_json(item) for item in value), key=str)
    return str(value)


def _cleaned(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {_cleaned(str(key)): _cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _cleaned(dataclasses.asdict(value), depth + 1)
    plain = value if value is None or isinstance(value, (bool, int, float)) else _plain(value)
    return plain if plain is value else _cleaned(plain, depth + 1)


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in list(names)[:8])
