"""Finds a DSPy program, a metric and data in a folder by reading it, without running any of its code."""

from __future__ import annotations

import ast
import csv
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_SKIPPED = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist", "tests", "test"}
_DATA_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".feather")
_MAX_SOURCE_BYTES = 1_000_000
_MAX_JSON_BYTES = 20_000_000
_SAMPLE_ROWS = 200
_METRIC_NAME = re.compile(r"metric|score|accura|correct|match|reward|evaluat|judge", re.IGNORECASE)
_GOLD_NAMES = {"example", "ex", "gold", "gt", "sample", "expected", "target", "truth", "reference", "row"}
_PREDICTION_NAME = re.compile(r"^(pred|prediction|output|answer|response|result|got|guess)", re.IGNORECASE)
_PREDICTORS = {"Predict", "ChainOfThought", "ReAct", "ProgramOfThought", "CodeAct", "MultiChainComparison"}


@dataclass(frozen=True)
class FoundProgram:
    """A class or an object of the source that can be optimized."""

    target: str
    kind: Literal["module", "object", "signature"]
    inputs: tuple[str, ...] = ()
    """Its input fields, as far as the source tells."""
    line: int = 0
    part_of_another: bool = False
    """Used inside another module here: a piece of a program rather than the program."""
    needs_arguments: bool = False


@dataclass(frozen=True)
class FoundMetric:
    target: str
    feedback: bool
    """Whether it gives feedback text besides the score."""
    likeness: int
    """How much it looks like a metric."""


@dataclass(frozen=True)
class FoundData:
    path: str
    """Relative to the folder."""
    rows: tuple[Mapping[str, Any], ...] = ()
    """The first rows; none where the format is not readable as text."""
    part: Literal["train", "val", "test"] | None = None
    """What its name says it is for."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.rows[0]) if self.rows else ()


@dataclass
class Findings:
    """What a folder holds, the likeliest of each kind first."""

    programs: list[FoundProgram] = field(default_factory=list)
    metrics: list[FoundMetric] = field(default_factory=list)
    data: list[FoundData] = field(default_factory=list)


def discover(root: Path) -> Findings:
    """Read the Python files and the data files of `root` and of the folders two levels below."""
    findings = Findings()
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".py":
            tree = _parse(path)
            if tree is not None:
                findings.programs += _find_programs(tree, name)
                findings.metrics += _find_metrics(tree, name)
        elif name.lower().removesuffix(".gz").removesuffix(".zst").endswith(_DATA_SUFFIXES):
            found = read_data_file(root, path)
            if found is not None:
                findings.data.append(found)
    findings.programs.sort(key=_rank_program)
    findings.metrics.sort(key=lambda metric: -metric.likeness)
    findings.data.sort(key=lambda data: (data.path.count("/"), data.path))
    return findings


def read_data_file(root: Path, path: Path) -> FoundData | None:
    """A data file with its first rows; None for a file that only looks like one (settings in JSON, say)."""
    name = path.relative_to(root).as_posix()
    part = _part_of(path.name.lower().split(".")[0])
    try:
        rows = tuple(itertools.islice(_rows(path), _SAMPLE_ROWS))
    except (OSError, ValueError, csv.Error, RecursionError):
        # Still named: loading it later says exactly what is wrong with it.
        return None if path.suffix == ".json" else FoundData(name, part=part)
    if path.suffix == ".json" and not rows:
        return None
    return FoundData(name, rows, part)


def inline_inputs(signature: str) -> tuple[str, ...]:
    """Input names of an inline signature such as `question, context: list[str] -> answer`.

    Empty where the text is no signature: loading it says what is wrong.
    """
    try:
        written = ast.parse(f"def f({signature.partition('->')[0].strip()}): ...").body[0]
    except (SyntaxError, ValueError, RecursionError):
        return ()
    assert isinstance(written, ast.FunctionDef)
    return tuple(argument.arg for argument in written.args.args)


def _files(root: Path) -> Iterator[Path]:
    for depth in range(3):
        for path in sorted(root.glob("*/" * depth + "*")):
            folders = path.relative_to(root).parts[:-1]
            hidden = any(part.startswith(".") or part.lower() in _SKIPPED for part in folders)
            if not hidden and not path.name.startswith(".") and path.is_file():
                yield path


def _parse(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > _MAX_SOURCE_BYTES:
            return None
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        # A file that cannot be read holds nothing to find.
        return None


def _find_programs(tree: ast.Module, file: str) -> list[FoundProgram]:
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    modules = {name for name in classes if _descends(name, classes, "Module")}
    inside: set[str] = set()
    for name in modules:
        inside |= {node.id for node in ast.walk(classes[name]) if isinstance(node, ast.Name)} - {name}
    found = []
    for name in modules:
        arguments = _method_arguments(classes[name], "__init__")
        found.append(
            FoundProgram(
                f"{file}:{name}",
                "module",
                _method_arguments(classes[name], "forward") or _method_arguments(classes[name], "aforward"),
                classes[name].lineno,
                part_of_another=name in inside,
                needs_arguments=bool(arguments),
            )
        )
    for name, node in classes.items():
        if name not in modules and _descends(name, classes, "Signature"):
            used = name in inside
            found.append(
                FoundProgram(
                    f"{file}:{name}", "signature", _input_fields(node), node.lineno, part_of_another=used
                )
            )
    for target, call in (*_assigned_calls(tree.body), *_factories(tree.body)):
        called = _last_name(call.func)
        if called in modules:
            inputs = _method_arguments(classes[called], "forward")
        elif called in _PREDICTORS:
            inputs = _call_inputs(call, classes)
        else:
            continue
        used = target in inside
        found.append(FoundProgram(f"{file}:{target}", "object", inputs, call.lineno, part_of_another=used))
    return found


def _rank_program(program: FoundProgram) -> tuple[Any, ...]:
    kinds = {"module": 0, "object": 1, "signature": 2}
    return (
        program.part_of_another,
        kinds[program.kind] + 2 * program.needs_arguments,
        program.target.count("/"),
        -program.line,
    )


def _descends(
    name: str, classes: Mapping[str, ast.ClassDef], base: str, seen: frozenset[str] = frozenset()
) -> bool:
    if name in seen or name not in classes:
        return False
    bases = [ast.unparse(node) for node in classes[name].bases]
    return any(
        text in (base, f"dspy.{base}") or _descends(text, classes, base, seen | {name}) for text in bases
    )


def _method_arguments(node: ast.ClassDef, name: str) -> tuple[str, ...]:
    """Arguments of a method that have no default, without `self`."""
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name:
            return _needed_arguments(item.args)[1:] if _needed_arguments(item.args) else ()
    return ()


def _needed_arguments(arguments: ast.arguments) -> tuple[str, ...]:
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    keyword = [
        arg
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return tuple(arg.arg for arg in (*needed, *keyword))


def _input_fields(node: ast.ClassDef) -> tuple[str, ...]:
    return tuple(name for name, call in _assigned_calls(node.body) if _last_name(call.func) == "InputField")


def _assigned_calls(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.Call]]:
    """`name = call(…)` and `name: type = call(…)` lines."""
    for item in body:
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and isinstance(item.value, ast.Call):
            target = item.targets[0] if isinstance(item, ast.Assign) else item.target
            if isinstance(target, ast.Name):
                yield target.id, item.value


def _factories(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.Call]]:
    """`def name(): … return call(…)` functions that need no arguments."""
    for item in body:
        if isinstance(item, ast.FunctionDef) and not _needed_arguments(item.args):
            for inner in ast.walk(item):
                if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Call):
                    yield item.name, inner.value


def _call_inputs(call: ast.Call, classes: Mapping[str, ast.ClassDef]) -> tuple[str, ...]:
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return inline_inputs(first.value)
    if isinstance(first, ast.Name) and first.id in classes:
        return _input_fields(classes[first.id])
    return ()


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _find_metrics(tree: ast.Module, file: str) -> list[FoundMetric]:
    found = []
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        if len(names) < 2 or len(_needed_arguments(node.args)) > 5:
            continue
        likeness = (
            2 * bool(_METRIC_NAME.search(node.name))
            + ("metric" in node.name.lower())
            + (names[0].lower() in _GOLD_NAMES)
            + 2 * bool(_PREDICTION_NAME.match(names[1]))
        )
        if likeness >= 3:
            feedback = any(
                (isinstance(inner, ast.keyword) and inner.arg == "feedback")
                or (isinstance(inner, ast.Constant) and inner.value == "feedback")
                for inner in ast.walk(node)
            )
            found.append(FoundMetric(f"{file}:{node.name}", feedback, likeness))
    return found


def _part_of(stem: str) -> Literal["train", "val", "test"] | None:
    words = set(re.split(r"[^a-z]+", stem))
    if words & {"train", "training", "trainset"}:
        return "train"
    if words & {"val", "valid", "validation", "dev", "devset", "valset"}:
        return "val"
    if words & {"test", "testset", "heldout"}:
        return "test"
    return None


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t" if suffix == ".tsv" else ",")
    elif suffix in (".jsonl", ".ndjson"):
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                if line.strip():
                    row = json.loads(line)
                    if isinstance(row, dict):
                        yield row
    elif suffix == ".json" and path.stat().st_size <= _MAX_JSON_BYTES:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, dict))
