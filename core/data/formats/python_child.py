"""Run as a script: imports a person's Python file and writes the examples it holds as JSON lines.

Stands alone, so that nothing of ours shadows what the file imports.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import traceback
from collections.abc import Mapping
from datetime import date, datetime, time
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any


class _Unusable(Exception):
    pass


class _OwnNames:
    """Lets the person's `core` and `tui` win over ours, which this process does not need."""

    def __init__(self, folders: list[str]) -> None:
        self._folders = folders

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return PathFinder.find_spec(name, self._folders) if name in ("core", "tui") else None


def main(path: Path, target: str, root: Path, rows: Path, errors: Path) -> None:
    folders = [str(path.parent), str(root)]
    # Behind the libraries: a `secrets.py` or `click.py` of the person's must not stand in for them.
    sys.path.extend(folders)
    sys.meta_path.insert(0, _OwnNames(folders))
    try:
        examples = find_examples(load_module(path), target)
        with rows.open("w", encoding="utf-8") as out:
            for number, example in enumerate(examples):
                out.write(dump_example(example, number) + "\n")
    except _Unusable as error:
        errors.write_text(str(error), "utf-8")
    except BaseException as error:  # noqa: BLE001 - a person's code may raise anything, exits included
        errors.write_text(f"the file's code failed: {summarize(error, path)}", "utf-8", "replace")


def load_module(path: Path) -> Any:
    name = f"examples_{path.stem}" if path.stem in sys.stdlib_module_names else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _Unusable("this is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find_examples(module: Any, target: str) -> list[Any]:
    """The named attribute (called, when it is a function), or the module's only list of examples."""
    if target:
        if not hasattr(module, target):
            raise _Unusable(f"the file has no {target}; it has {', '.join(lists_of(module)) or 'no lists'}")
        found = getattr(module, target)
        found = found() if callable(found) else found
        if not isinstance(found, (list, tuple)):
            raise _Unusable(f"{target} is a {type(found).__name__}, not a list of examples")
        return list(found)
    names = lists_of(module)
    if len(names) != 1:
        listed = f"several lists of examples ({', '.join(names)})" if names else "no list of dspy.Example"
        raise _Unusable(f"the file has {listed}; name one as file.py:attribute")
    return list(getattr(module, names[0]))


def lists_of(module: Any) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and isinstance(value, (list, tuple)) and value and is_example(value[0])
    ]


def is_example(value: Any) -> bool:
    return isinstance(value, dict) or hasattr(value, "toDict")


def dump_example(example: Any, number: int) -> str:
    """`[values, kinds]` as JSON, where kinds says which texts stand for dates."""
    values = example.toDict() if hasattr(example, "toDict") else example
    if not isinstance(values, Mapping):
        raise _Unusable(
            f"item {number} of the list is a {type(example).__name__}, not a dspy.Example or dict"
        )
    kinds = {str(name): kind for name, value in values.items() if (kind := kind_of(value))}
    return json.dumps([{str(name): simplify(value) for name, value in values.items()}, kinds])


def kind_of(value: Any) -> str:
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, date):
        return "date"
    return "time" if isinstance(value, time) else ""


def simplify(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {str(key): simplify(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [simplify(item) for item in value]
    if hasattr(value, "model_dump"):
        return simplify(value.model_dump(mode="json"))
    if hasattr(value, "toDict"):
        return simplify(value.toDict())
    return value.isoformat() if kind_of(value) else str(value)


def summarize(error: BaseException, path: Path) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = f" (line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{line}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(Path, sys.argv[3:]))
