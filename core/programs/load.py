"""Loads the user's program, or any object of theirs, in a child process."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import CompilotError, ProgramError
from ..recipe import ProgramSpec
from .frames import describe_exception, find_user_frame, relative_name
from .imports import open_project

if TYPE_CHECKING:
    import dspy


@dataclass
class SettingsWatch:
    """What the user's code changed in dspy's global settings while it was imported."""

    changed: tuple[str, ...] = ()


@contextmanager
def watch_settings() -> Iterator[SettingsWatch]:
    """Notes which of dspy's settings are others after the block (`dspy.configure` in the user's code)."""
    watch = SettingsWatch()
    before = global_settings()
    try:
        yield watch
    finally:
        after = global_settings()
        watch.changed = tuple(
            sorted(name for name in before.keys() | after.keys() if before.get(name) is not after.get(name))
        )


def global_settings() -> dict[str, Any]:
    """dspy's settings for the whole process, without what a `dspy.context` lays over them here."""
    from dspy.dsp.utils.settings import main_thread_config

    return dict(main_thread_config)


def load_attribute(
    target: str, root: Path, *, error: type[CompilotError] = ProgramError, what: str = "target"
) -> Any:
    """The object that `file.py:attr` or `package.module:attr` names; `attr` may be dotted.

    Imports the user's code: only for child processes. Raises `error` with the file and line: nothing there,
    the import raises, or there is no such attribute.
    """
    source, separator, attribute = target.rpartition(":")
    if not separator or not source or not attribute:
        raise error(
            f"The {what} '{target}' does not name an attribute.",
            where=target,
            fix="write file.py:name or package.module:name",
        )
    root = root.resolve()
    if source.endswith(".py"):
        module = _import_file(source, root, error)
    else:
        module = _import_module(source, root, error)
    return _find_attribute(module, source, attribute, root, error)


def load_program(spec: ProgramSpec, root: Path) -> dspy.Module:
    """A fresh `dspy.Module` of the recipe's program, with no state but what its code gives it.

    Raises `ProgramError`, with the user's file and line where it is their code that fails.
    """
    import dspy

    if "->" in spec.target:
        return _build_inline(spec, spec.target, root)
    found = load_attribute(spec.target, root, what="program")
    if isinstance(found, type) and issubclass(found, dspy.Signature):
        return _build_inline(spec, found, root)
    if isinstance(found, dspy.Module):
        return found.deepcopy()
    if not callable(found):
        raise ProgramError(
            f"'{spec.target}' is {_kind(found)}, not a dspy.Module.",
            where=spec.target,
            fix="name a dspy.Module class, an instance of one, or a function that returns one",
        )
    made = _call_factory(spec.target, found, root)
    if not isinstance(made, dspy.Module):
        raise ProgramError(
            f"'{spec.target}' gives {_kind(made)}, not a dspy.Module.",
            where=_definition(found, root) or spec.target,
            fix="name a dspy.Module class, an instance of one, or a function that returns one",
        )
    return made


def _build_inline(spec: ProgramSpec, signature: Any, root: Path) -> dspy.Module:
    import dspy

    try:
        if isinstance(signature, str):
            signature = dspy.Signature(signature, spec.instructions)
        elif spec.instructions is not None:
            signature = signature.with_instructions(spec.instructions)
        if not signature.input_fields or not signature.output_fields:
            raise ValueError("it needs an input field and an output field")
        if spec.module == "ReAct":
            tools = [load_attribute(tool, root, what="tool") for tool in spec.tools]
            return dspy.ReAct(signature, tools=tools)
        kinds = {"Predict": dspy.Predict, "ChainOfThought": dspy.ChainOfThought}
        return kinds[spec.module](signature)
    except CompilotError:
        raise
    except Exception as problem:
        raise ProgramError(
            f"The signature cannot be used: {describe_exception(problem)}.",
            where=spec.target,
            fix="write it as 'question, context -> answer: str, score: float'",
        ) from problem


def _call_factory(target: str, factory: Any, root: Path) -> Any:
    missing = _required_arguments(factory)
    if missing:
        raise ProgramError(
            f"'{target}' needs arguments to be made: {', '.join(missing)}.",
            where=_definition(factory, root) or target,
            fix="give them defaults, or name a function without arguments that makes the program",
        )
    try:
        return factory()
    except (Exception, SystemExit) as problem:
        raise ProgramError(
            f"Making '{target}' raised {describe_exception(problem)}.",
            where=str(find_user_frame(problem, root) or target),
            fix="run it once in Python and mend what it says",
        ) from problem


def _required_arguments(factory: Any) -> list[str]:
    # A dspy.Module's metaclass takes anything: only its __init__ says what is needed.
    is_class = isinstance(factory, type)
    made_by = factory.__init__ if is_class else factory
    try:
        parameters = list(inspect.signature(made_by).parameters.values())
    except (TypeError, ValueError):
        return []
    if is_class:
        parameters = parameters[1:]
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]


def _import_file(source: str, root: Path, error: type[CompilotError]) -> ModuleType:
    path = (root / source).resolve()
    if not path.is_file():
        raise error(
            f"There is no file '{source}'.",
            where=str(path),
            fix=_suggest(source, sorted(p.name for p in root.glob("*.py")), "the files here are"),
        )
    finder = open_project(root)
    base, name = _package_of(path)
    if base != root:
        finder.add_folder(base)
    with _import_errors(source, root, error):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name != name:
                raise
        else:
            if getattr(module, "__file__", None) and Path(str(module.__file__)).resolve() == path:
                return module
        return _execute_file(path, root)


def _package_of(path: Path) -> tuple[Path, str]:
    """The folder that a file is imported from, and its dotted name up through enclosing packages."""
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _execute_file(path: Path, root: Path) -> ModuleType:
    """Import a file whose name a library has, or is no identifier, under a name of its own."""
    safe = "".join(c if c.isalnum() else "_" for c in relative_name(path, root).removesuffix(".py"))
    name = f"compilot_user_{safe}"
    if name in sys.modules:
        return sys.modules[name]
    loader = open_project(root).text_loader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _import_module(name: str, root: Path, error: type[CompilotError]) -> ModuleType:
    open_project(root)
    with _import_errors(name, root, error):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or not (name == missing.name or name.startswith(missing.name + ".")):
                raise
            raise error(
                f"There is no module '{name}'.",
                where=str(root),
                fix="name a module that lies in the workspace or is installed, or write file.py:name",
            ) from None


@contextmanager
def _import_errors(source: str, root: Path, error: type[CompilotError]) -> Iterator[None]:
    """Turns what the user's code raises while it is imported into an error of ours, at their line."""
    try:
        yield
    except CompilotError:
        raise
    except SyntaxError as problem:
        frame = find_user_frame(problem, root)
        raise error(
            f"'{source}' cannot be read: {describe_exception(problem)}.",
            where=f"{frame}: {frame.text}" if frame and frame.text else str(frame or source),
            fix="mend the syntax there",
        ) from problem
    except SystemExit as problem:
        raise error(
            f"'{source}' ends the process while it is imported (sys.exit).",
            where=str(find_user_frame(problem, root) or source),
            fix='put what is a script under `if __name__ == "__main__":`',
        ) from problem
    except ModuleNotFoundError as problem:
        raise error(
            f"'{source}' imports '{problem.name}', which is not installed.",
            where=str(find_user_frame(problem, root) or source),
            fix=f"install it in the environment of Compilot ({sys.executable}), or mend the import",
        ) from problem
    except Exception as problem:
        raise error(
            f"'{source}' raises while it is imported: {describe_exception(problem)}.",
            where=str(find_user_frame(problem, root) or source),
            fix="mend that line; importing the file must not need anything that is not there",
        ) from problem


def _find_attribute(
    module: ModuleType, source: str, attribute: str, root: Path, error: type[CompilotError]
) -> Any:
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = (
                sorted(name for name in vars(found) if not name.startswith("_"))
                if hasattr(found, "__dict__")
                else []
            )
            own = [
                name for name in names if getattr(vars(found)[name], "__module__", None) == module.__name__
            ]
            raise error(
                f"'{source}' has no '{part}'.",
                where=relative_name(Path(module.__file__), root) if module.__file__ else source,
                fix=_suggest(part, own or names, "it has"),
            ) from None
    return found


def _suggest(wanted: str, names: list[str], otherwise: str) -> str:
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
    return f"{otherwise} {', '.join(names[:8])}" if names else "check the name"


def _definition(thing: Any, root: Path) -> str:
    """file:line where a class or function is defined; empty when Python does not know."""
    try:
        file = inspect.getsourcefile(thing)
        line = inspect.getsourcelines(thing)[1]
    except (TypeError, OSError):
        return ""
    return f"{relative_name(Path(file), root)}:{line}" if file else ""


def _kind(thing: Any) -> str:
    if isinstance(thing, ModuleType):
        return "a module"
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return "None" if thing is None else f"an object of type {type(thing).__name__}"
