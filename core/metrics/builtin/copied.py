"""A built-in metric as a file of one's own, to read and to change: no import of Compilot in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import MetricError
from ..templates import TEMPLATES
from .judge import DEFAULT_RUBRIC
from .registry import BUILTINS

_HERE = Path(__file__).parent

_BY_FIELD = '''FIELDS = {fields}


def metric(example, pred, trace=None, pred_name=None):
    """Mean likeness over FIELDS, with a line of feedback on each."""
    scores, feedback = {{}}, []
    for field in FIELDS:
        expected, got = example.get(field), pred.get(field)
        likeness = {call}
        scores[field] = likeness.score
        if likeness.score >= 1:
            feedback.append(f"Correct {{field}}: {{shorten(got)}}.")
        else:
            line = f"Wrong {{field}}: expected {{shorten(expected)}}, got {{shorten(got)}}. {{likeness.note}}"
            feedback.append(line.strip())
    score = sum(scores.values()) / len(scores)
    return {{"score": score, "feedback": "\\n".join(feedback), "subscores": scores}}
'''

_JSON = '''FIELDS = {fields}


def metric(example, pred, trace=None, pred_name=None):
    """Part of the leaves of FIELDS that are right; each leaf is a sub-score."""
    right, feedback = {{}}, []
    for field in FIELDS:
        wanted = dict(flatten(example.get(field), field))
        found = dict(flatten(pred.get(field), field))
        for path in [*wanted, *(path for path in found if path not in wanted)]:
            expected, got = wanted.get(path, "nothing"), found.get(path, "nothing")
            right[path] = float(path in wanted and path in found and is_equal(expected, got))
            if not right[path]:
                feedback.append(f"Wrong {{path}}: expected {{shorten(expected)}}, got {{shorten(got)}}.")
    return {{
        "score": sum(right.values()) / len(right),
        "feedback": "\\n".join(feedback) or "Every field is correct.",
        "subscores": right,
    }}
'''

_SEMANTIC = '''import dspy
from dspy.evaluate import SemanticF1

FIELDS = {fields}
compare = SemanticF1(decompositional={decompositional})


def metric(example, pred, trace=None):
    """Mean semantic F1 of FIELDS; its calls count under the role judge."""
    question = "\\n".join(f"{{name}}: {{value}}" for name, value in example.inputs().items())
    scores = {{}}
    for field in FIELDS:
        gold = dspy.Example(question=question, response=str(example.get(field)))
        scores[field] = float(compare(gold, dspy.Prediction(response=str(pred.get(field)))).score)
    feedback = "\\n".join(
        f"{{name}}: semantic F1 {{score:.2f}}; expected {{example.get(name)}}, got {{pred.get(name)}}."
        for name, score in scores.items()
    )
    return {{"score": sum(scores.values()) / len(scores), "feedback": feedback, "subscores": scores}}
'''


def write_copy(name: str, params: Mapping[str, Any], labels: Sequence[str]) -> str:
    """The text of a file whose `metric` judges as `builtin:NAME` does with these params.

    `labels` are the fields to compare where the params name none. Raises `MetricError` for a built-in metric
    that there is not, and for one that has no code of its own.
    """
    if name not in BUILTINS or name == "composite":
        raise MetricError(
            f"builtin:{name} has no source to copy.",
            where="compilot.toml [metric] target",
            fix="copy one of its parts, or start from a template",
        )
    fields = list(params.get("fields") or labels) or ["answer"]
    head = (
        f'"""{BUILTINS[name].summary[0].upper()}{BUILTINS[name].summary[1:]}. Begun as builtin:{name}."""\n\n'
    )
    if name == "llm_judge":
        text = TEMPLATES["llm-judge"].fill(fields[0])
        rubric = str(params.get("rubric") or DEFAULT_RUBRIC).replace("\\", "\\\\").replace('"""', "'''")
        tree = ast.parse(text)
        judged = next(node for node in tree.body if isinstance(node, ast.ClassDef))
        return text.replace(str(ast.get_docstring(judged, clean=False)), rubric)
    if name == "semantic_f1":
        return head + _SEMANTIC.format(fields=fields, decompositional=bool(params.get("decompositional")))
    body = _JSON if name == "json_match" else _BY_FIELD
    body = body.format(fields=fields, call=_call_of(name, params))
    parts = _Parts([_HERE / "compare.py", _HERE.parent / "feedback.py"])
    return head + parts.text_for(body) + body


def _call_of(name: str, params: Mapping[str, Any]) -> str:
    """The comparison as it is called, its settings written out."""
    if name == "numeric_tolerance":
        relative = params.get("relative", 0.01)
        return f"compare_numbers(expected, got, absolute={params.get('absolute', 0.0)}, relative={relative})"
    if name.startswith("set_"):
        return f'compare_sets(expected, got, part="{name.removeprefix("set_")}")'
    if name == "regex":
        flags = ", re.IGNORECASE" if params.get("ignore_case") else ""
        return f"compare_pattern(expected, got, re.compile({params.get('pattern', '')!r}{flags}))"
    functions = {
        "exact_match": "compare_exactly",
        "normalized_match": "compare_normalized",
        "contains": "compare_containing",
        "token_f1": "compare_tokens",
        "levenshtein": "compare_edits",
        "rouge_l": "compare_rouge",
        "json_match": "is_equal",
    }
    return f"{functions[name]}(expected, got)"


class _Parts:
    """Top-level definitions of some of our files, to be taken out with all that they stand on."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._texts: dict[str, str] = {}
        self._nodes: dict[str, ast.stmt] = {}
        self._imports: dict[str, str] = {}
        for path in paths:
            text = path.read_text(encoding="utf-8")
            for node in ast.parse(text).body:
                self._take(node, text)

    def _take(self, node: ast.stmt, text: str) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                line = (
                    f"from {node.module} import {alias.name}"
                    if isinstance(node, ast.ImportFrom)
                    else f"import {alias.name}"
                )
                self._imports[alias.asname or alias.name] = line
            return
        for name in _defined(node):
            self._nodes[name] = node
            self._texts[name] = ast.get_source_segment(text, node) or ""

    def text_for(self, body: str) -> str:
        """Imports and definitions that this text needs, in the order of their files."""
        wanted = set(_used(ast.parse(body)))
        needed: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in self._nodes and name not in needed:
                needed.add(name)
                wanted |= set(_used(self._nodes[name]))
        used = set(_used(ast.parse(body))).union(*(set(_used(self._nodes[name])) for name in needed))
        lines = sorted({self._imports[name] for name in used if name in self._imports} - {""})
        future = ["from __future__ import annotations", ""]
        definitions = [text for name, text in self._texts.items() if name in needed]
        return "\n".join([*future, *_merge(lines)]) + "\n\n" + "\n\n\n".join(definitions) + "\n\n\n"


def _merge(lines: Sequence[str]) -> list[str]:
    """One import line for each module."""
    plain = [line for line in lines if line.startswith("import ")]
    named: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            named.setdefault(module, []).append(name)
    return plain + [f"from {module} import {', '.join(names)}" for module, names in named.items()]


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _used(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
