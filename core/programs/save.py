"""Program files: written so that plain `MyProgram().load(path)` reads them, read through an allow-list.

`Module.load` obeys whatever a file says about the LM, down to the address that the key is sent to: a file
from elsewhere must never reach it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from ..errors import ProgramError
from ..jsonable import to_json
from ..store.atomic import write_atomic
from .state import State, check_names, dump_state

if TYPE_CHECKING:
    import dspy

MAX_BYTES = 256 * 1024 * 1024
_FIX = "give the JSON file that `program.save('name.json')` or `compilot export` wrote"
_READ = frozenset({"signature", "demos"})
_HARMLESS = frozenset({"traces", "train", "lm", "fields"})
"""What dspy writes beside it; not taken over, and not worth a warning when empty."""


class LoadedState(msgspec.Struct, frozen=True):
    """What was taken from a program file, and what was left out."""

    state: State
    warnings: tuple[str, ...] = ()
    versions: dict[str, str] = {}
    """Versions of Python, dspy and cloudpickle that wrote the file."""


def save_program(program: dspy.Module, path: Path) -> None:
    """Write the program's state as dspy's `Module.save` does, but atomically and without its LM.

    Only its owner may read the file. Raises `StoreError` when the file cannot be written.
    """
    write_atomic(path, encode_program(program))


def encode_program(program: dspy.Module) -> bytes:
    """The bytes of a program file."""
    import dspy
    from dspy.utils.saving import get_dependency_versions

    ours = dump_state(program)
    file: dict[str, Any] = {}
    for name, parameter in program.named_parameters():
        if isinstance(parameter, dspy.Predict):
            file[name] = _predictor_entry(parameter, ours[name])
        else:
            file[name] = to_json(parameter.dump_state(json_mode=True))
    file["metadata"] = {"dependency_versions": get_dependency_versions()}
    return orjson.dumps(file, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def load_program_state(path: Path, program: dspy.Module) -> LoadedState:
    """The state in a program file, for this program: instructions, field texts and demonstrations.

    Everything else in the file is ignored and named in `warnings`. Raises `ProgramError`: no such file, no
    JSON, a predictor that the program does not have, or a shape that is not a program's.
    """
    file = _read_json(path)
    predictors = dict(program.named_predictors())
    metadata = file.pop("metadata", None)
    warnings = []
    versions: dict[str, str] = {}
    if isinstance(metadata, dict) and isinstance(metadata.get("dependency_versions"), dict):
        versions = {str(key): str(value) for key, value in metadata["dependency_versions"].items()}
    else:
        warnings.append("the file does not say which versions wrote it")
    others = {name for name, parameter in program.named_parameters() if name not in predictors}
    for name in [name for name in file if name in others]:
        file.pop(name)
        warnings.append(f"'{name}' is no predictor: its saved state is ignored")
    check_names(file, predictors, "predictor", str(path))
    state: State = {}
    for name, entry in file.items():
        state[name] = _read_predictor(name, entry, predictors[name], path, warnings)
    return LoadedState(state, tuple(warnings), versions)


def _predictor_entry(predictor: Any, state: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "traces": [],
        "train": [],
        "demos": state["demos"],
        "signature": {
            "instructions": state["instructions"],
            "fields": [
                {"prefix": texts["prefix"], "description": texts["desc"]}
                for texts in state["fields"].values()
            ],
        },
        "lm": None,
    }
    if predictor.fields:
        entry["fields"] = to_json(predictor.fields)
    return entry


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ProgramError(f"There is no program file '{path.name}'.", where=str(path), fix="check the path")
    if path.stat().st_size > MAX_BYTES:
        raise ProgramError(f"'{path.name}' is larger than {MAX_BYTES // 2**20} MB.", where=str(path))
    try:
        file = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ProgramError(
            f"'{path.name}' is no program file: {error}.",
            where=str(path),
            fix=f"{_FIX}; pickles are never loaded",
        ) from error
    if not isinstance(file, dict):
        raise ProgramError(f"'{path.name}' is no program file: it holds no mapping.", where=str(path))
    return file


def _read_predictor(name: str, entry: Any, predictor: Any, path: Path, warnings: list[str]) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("signature"), dict):
        raise ProgramError(
            f"'{name}' in '{path.name}' has no signature.",
            where=str(path),
            fix=_FIX,
        )
    ignored = sorted(key for key in entry if key not in _READ and (key not in _HARMLESS or entry[key]))
    if ignored:
        warnings.append(f"'{name}': ignored {', '.join(ignored)}")
    return {
        "instructions": _text(entry["signature"].get("instructions"), name, path),
        "fields": _read_fields(name, entry["signature"].get("fields"), predictor, path),
        "demos": _read_demos(name, entry.get("demos", []), path),
    }


def _read_fields(name: str, saved: Any, predictor: Any, path: Path) -> dict[str, dict[str, str]]:
    names = list(predictor.signature.fields)
    if not isinstance(saved, list) or len(saved) != len(names):
        count = len(saved) if isinstance(saved, list) else "no"
        raise ProgramError(
            f"'{name}' in '{path.name}' has {count} fields, the program's predictor has {len(names)}.",
            where=str(path),
            fix="the file was made by another version of the program",
        )
    texts = {}
    for field, entry in zip(names, saved, strict=True):
        if not isinstance(entry, dict):
            raise ProgramError(f"'{name}' in '{path.name}': field '{field}' is no mapping.", where=str(path))
        texts[field] = {
            "prefix": _text(entry.get("prefix"), name, path),
            "desc": _text(entry.get("description"), name, path),
        }
    return texts


def _read_demos(name: str, demos: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(demos, list) or not all(isinstance(demo, dict) for demo in demos):
        raise ProgramError(f"'{name}' in '{path.name}': demos must be a list of mappings.", where=str(path))
    return demos


def _text(value: Any, name: str, path: Path) -> str:
    if not isinstance(value, str):
        raise ProgramError(f"'{name}' in '{path.name}' holds a text that is none.", where=str(path))
    return value
