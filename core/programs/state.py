"""A program's state as plain data, and nothing else of it: instructions, field texts and demonstrations.

Never the LM, its settings or keys. `state[predictor]` is
`{"instructions": str, "fields": {field: {"prefix": str, "desc": str}}, "demos": [{field: value}]}`.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import ProgramError
from ..jsonable import encode_json, to_json

if TYPE_CHECKING:
    import dspy

State = dict[str, dict[str, Any]]
_PARTS = frozenset({"instructions", "fields", "demos"})
_TEXTS = frozenset({"prefix", "desc"})


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
    return "c" + hashlib.sha256(encode_json(state, orjson.OPT_SORT_KEYS)).hexdigest()[:10]


def dump_demo(demo: Any) -> dict[str, Any]:
    """A demonstration as JSON values, the way dspy's own `Module.save` writes it."""
    return {str(key): to_json(demo[key]) for key in demo}


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


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in list(names)[:8])
