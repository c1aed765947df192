"""A metric's source as text: where it is, whether it can be right, saving it. Reads, and runs nothing."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import msgspec

from ..errors import MetricError
from ..findings import Finding
from ..store.atomic import write_atomic
from ..wording import plural

_MOST_ARGUMENTS = 6


class SourceText(msgspec.Struct, frozen=True):
    """A file as it was read."""

    path: Path
    text: str
    digest: str
    """Of the bytes on disk, to notice a change."""
    line: int | None = None
    """Where the metric is defined in it, from 1."""


def read_source(target: str, root: Path) -> SourceText:
    """The file that `file.py:attr` or `package.module:attr` names.

    Raises `MetricError` for a built-in metric, a missing file, or one that is no text.
    """
    path = locate_source(target, root)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MetricError(f"'{path.name}' cannot be read: {error}.", where=str(path)) from error
    return SourceText(path, text, digest_of(data), find_definition(text, target.rpartition(":")[2]))


def locate_source(target: str, root: Path) -> Path:
    """The file of a target, found without importing it. Raises `MetricError`."""
    name = target.rpartition(":")[0]
    if name == "builtin":
        raise MetricError(
            f"'{target}' comes with Compilot and has no file of yours.",
            where="compilot.toml [metric] target",
            fix="start from a template: `compilot metric templates`",
        )
    path = root / name if name.endswith(".py") else root.joinpath(*name.split(".")).with_suffix(".py")
    if not path.is_file():
        package = root.joinpath(*name.split("."), "__init__.py")
        path = package if package.is_file() else path
    if not path.is_file():
        raise MetricError(
            f"There is no file '{path.relative_to(root) if path.is_relative_to(root) else path}'.",
            where=str(path),
            fix="name a file of the workspace: file.py:metric",
        )
    return path.resolve()


def save_source(source: SourceText, text: str) -> SourceText:
    """Write the text to the file, unless the file changed since it was read.

    Raises `MetricError` when it did, `StoreError` when it cannot be written. The file keeps its permissions.
    """
    if is_changed(source):
        raise MetricError(
            f"'{source.path.name}' was changed on disk since it was read here.",
            where=str(source.path),
            fix="read it again, or save under another name",
        )
    mode = source.path.stat().st_mode & 0o777 if source.path.exists() else 0o644
    data = text.encode()
    write_atomic(source.path, data, mode=mode)
    return SourceText(source.path, text, digest_of(data), source.line)


def is_changed(source: SourceText) -> bool:
    """Whether the file on disk is another than the one that was read."""
    try:
        return digest_of(source.path.read_bytes()) != source.digest
    except FileNotFoundError:
        return source.digest != ""
    except OSError:
        return True


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def find_definition(text: str, attribute: str) -> int | None:
    """The line that defines a name at the top of a file; None where it is not there."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    node = _definition(tree, attribute.partition(".")[0])
    return node.lineno if node is not None else None


def check_source(text: str, attribute: str, file: str) -> list[Finding]:
    """Syntax and signature of a metric, by reading alone. Nothing found is no promise that it works."""
    try:
        tree = ast.parse(text, filename=file)
    except SyntaxError as error:
        quoted = f": {error.text.strip()}" if error.text else ""
        return [
            Finding(
                "fail",
                "metric.syntax",
                f"{error.msg}{quoted}",
                f"{file}:{error.lineno or 1}",
                "mend the syntax there",
            )
        ]
    except ValueError as error:
        return [Finding("fail", "metric.syntax", str(error), file, "take the null bytes out")]
    node = _definition(tree, attribute.partition(".")[0])
    if node is None:
        return [_not_there(tree, attribute, file)]
    function = _called_function(node)
    if function is None:
        return []
    findings = list(_check_arguments(function, is_method=isinstance(node, ast.ClassDef), file=file))
    if not findings and not _returns(function):
        findings.append(
            Finding(
                "warn",
                "metric.no_return",
                f"'{function.name}' returns nothing.",
                f"{file}:{function.lineno}",
                "return a score from 0 to 1",
            )
        )
    return findings


def _definition(tree: ast.Module, name: str) -> ast.stmt | None:
    for node in reversed(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
            return node
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any(
            (alias.asname or alias.name) == name for alias in node.names
        ):
            return node
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            return node
    return None


def _called_function(node: ast.stmt) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None if node.decorator_list else node
    if isinstance(node, ast.ClassDef):
        for item in node.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name in (
                "__call__",
                "forward",
            ):
                return item
    return None


def _check_arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_method: bool, file: str
) -> list[Finding]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][1 if is_method else 0 :]
    count = len(positional) + len(arguments.kwonlyargs)
    required = count - len(arguments.defaults) - sum(default is not None for default in arguments.kw_defaults)
    if (count < 2 and arguments.vararg is None and arguments.kwarg is None) or required > _MOST_ARGUMENTS:
        return [
            Finding(
                "fail",
                "metric.signature",
                f"'{function.name}' takes {plural(count, 'argument')}; a metric takes 2 to 6.",
                f"{file}:{function.lineno}",
                "write it as def metric(example, pred, trace=None)",
            )
        ]
    return []


def _returns(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        (isinstance(node, ast.Return) and node.value is not None) or isinstance(node, (ast.Raise, ast.Yield))
        for node in ast.walk(function)
    )


def _not_there(tree: ast.Module, attribute: str, file: str) -> Finding:
    names = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    ]
    return Finding(
        "fail",
        "metric.missing",
        f"There is no '{attribute}' in the file.",
        file,
        f"it has {', '.join(names[:6])}"
        if names
        else f"define it: def {attribute}(example, pred, trace=None)",
    )
