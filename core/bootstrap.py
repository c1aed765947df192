"""Runs a module of this package as `compilot_core`, so that the user's own `core` and `tui` are free.

`python -P <this file> runs.worker ARG…` loads the package that this file lies in as `compilot_core` and
calls `compilot_core.runs.worker.main([ARG…])`. It works because imports inside the package are relative.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "compilot_core"


def load_package() -> ModuleType:
    """This package, imported as `compilot_core`."""
    if PACKAGE in sys.modules:
        return sys.modules[PACKAGE]
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load the package in {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package


def main(arguments: list[str]) -> int:
    """Run `main(arguments)` of the named module; its return value is the exit status."""
    name, *rest = arguments
    if not sys.flags.safe_path:
        # Started without -P: the script's own folder would make `errors`, `data` and so on importable.
        sys.path.pop(0)
    load_package()
    result: int | None = importlib.import_module(f"{PACKAGE}.{name}").main(rest)
    return result or 0


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this package in a process of its own."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), module, *arguments]


def environment() -> dict[str, str]:
    """The environment of such a process: this one's, with what makes the same work give the same results."""
    # Sets of strings keep one order; prices are those that are bundled, and no network is asked for others.
    return {**os.environ, "PYTHONHASHSEED": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
