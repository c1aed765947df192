"""Writes the compilot.toml of a folder from what is found in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit

from .discover import Findings, FoundData, FoundProgram, discover, inline_inputs, read_data_file
from .errors import WorkspaceError

_REAL_MODELS = {
    "GEMINI_API_KEY": ("gemini/gemini-2.5-flash-lite", "gemini/gemini-2.5-pro"),
    "OPENAI_API_KEY": ("openai/gpt-4.1-mini", "openai/gpt-4.1"),
    "ANTHROPIC_API_KEY": ("anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5"),
}
"""Environment variable that holds a provider's key → a cheap model of theirs and a strong one."""

_EMBEDDED_NOTE = (
    "# Who answers. Embedded models need no key and no network, but they are no LLMs: they only learn from\n"
    "# what the prompt shows them. For real work name a model of your provider in their place:\n"
    '#   model = "gemini/gemini-2.5-flash-lite"\n'
)
_LABEL_NAMES = ("label", "category", "class", "intent", "topic", "target", "answer")


def write_config_text(root: Path, program: str | None = None, data: str | None = None) -> str:
    """The text of a compilot.toml for the folder. `program` and `data` say what to take instead of looking.

    Raises `WorkspaceError` when there is no program or no data to be found.
    """
    findings = discover(root)
    chosen = _choose_program(root, findings, program)
    files = _choose_data(root, findings, data)
    metric = findings.metrics[0] if findings.metrics else None
    others = [
        found.target
        for found in findings.programs
        if found.target != chosen.target and found.kind != "signature"
    ]
    parts = [
        "# What is optimized: file.py:Name, package.module:Name, or an inline signature.\n"
        + _note("also found", others)
        + f"[program]\ntarget = {_toml(chosen.target)}\n"
        + ('module = "ChainOfThought"\n' if chosen.kind == "signature" else ""),
        "# What it learns from. Columns that are no inputs are labels.\n" + _data_section(files, chosen),
        "# What counts as good.\n"
        + _note("also found", [found.target for found in findings.metrics[1:]])
        + f"[metric]\ntarget = {_toml(metric.target if metric else 'builtin:exact_match')}\n",
        _models_section(),
        _optimizer_section(files, bool(metric and metric.feedback)),
        "# Caps over all models together: usd, calls, tokens, minutes.\n[budget]\nminutes = 60\n",
        "# Threads of the evaluations, and the seed that makes a run repeatable.\n"
        "[run]\nnum_threads = 8\nseed = 0\n",
    ]
    return "\n".join(parts)


def _choose_program(root: Path, findings: Findings, program: str | None) -> FoundProgram:
    if program is None:
        if findings.programs:
            return findings.programs[0]
        raise WorkspaceError(
            "no DSPy program is found here (a class that derives from dspy.Module or dspy.Signature)",
            where=str(root),
            fix="`compilot init --program file.py:Name`, or an inline `--program 'question -> answer'`; "
            "`compilot init NEW_FOLDER --sample router` makes a ready workspace",
        )
    known = next((found for found in findings.programs if found.target == program), None)
    if known is not None:
        return known
    if "->" in program:
        return FoundProgram(program, "signature", inline_inputs(program))
    if program.endswith(".py"):
        inside = [found for found in findings.programs if found.target.startswith(f"{program}:")]
        if inside:
            return inside[0]
    file = program.rpartition(":")[0]
    if (file.endswith(".py") and not (root / file).is_file()) or ":" not in program:
        raise WorkspaceError(
            f"there is no program {program!r}",
            where=str(root),
            fix="write file.py:Name or package.module:Name, as seen from the workspace's folder",
        )
    return FoundProgram(program, "module")


def _choose_data(root: Path, findings: Findings, data: str | None) -> list[FoundData]:
    """One file, or the train, val and test files."""
    if data is not None:
        path = (root / data).resolve()
        if not path.is_file():
            raise WorkspaceError(
                f"there is no data file {data!r}",
                where=str(root),
                fix="name it as seen from the workspace's folder",
            )
        inside = path.is_relative_to(root.resolve())
        found = read_data_file(root.resolve(), path) if inside else None
        return [found or FoundData(data)]
    parts = {found.part: found for found in reversed(findings.data) if found.part}
    if "train" in parts and "val" in parts:
        return [parts[name] for name in ("train", "val", "test") if name in parts]
    whole = [found for found in findings.data if found.part in (None, "train")]
    if whole:
        return whole[:1]
    raise WorkspaceError(
        "no data file is found here (csv, tsv, jsonl, json, parquet or arrow)",
        where=str(root),
        fix="`compilot init --data rows.jsonl` names it; "
        "`compilot init NEW_FOLDER --sample router` makes a ready workspace",
    )


def _data_section(files: Sequence[FoundData], program: FoundProgram) -> str:
    lines = ["[data]"]
    if len(files) == 1:
        lines.append(f"path = {_toml(files[0].path)}")
    else:
        lines += [f"{found.part} = {_toml(found.path)}" for found in files]
    columns = files[0].columns
    known = [name for name in program.inputs if name in columns]
    inputs = known or list(program.inputs) or list(columns[:1])
    strange = [name for name in inputs if columns and name not in columns]
    if strange:
        lines.append(
            f"# The program reads {', '.join(strange)}; the data's columns are {', '.join(columns)}."
        )
        lines.append(f"map = {{ {', '.join(f'{_key(name)} = {_toml(columns[0])}' for name in strange)} }}")
    lines.append(f"inputs = {_toml(inputs)}")
    taken = {*inputs, *(columns[:1] if strange else ())}
    rows = files[0].rows
    if "id" in columns and len({str(row["id"]) for row in rows}) == len(rows) and "id" not in taken:
        lines.append('id = "id"')
        taken.add("id")
    if len(files) == 1:
        label = _balanced_label(files[0], taken)
        if label is not None:
            lines.append(f"stratify = {_toml(label)}")
        lines.append("split = { train = 0.6, val = 0.2, test = 0.2, seed = 0 }")
    return "\n".join(lines) + "\n"


def _balanced_label(data: FoundData, taken: set[str]) -> str | None:
    """A column with a few values that repeat: every part of the split should hold all of them."""
    found = []
    for column in data.columns:
        values = [row.get(column) for row in data.rows]
        if column in taken or not all(isinstance(value, (str, bool, int)) for value in values):
            continue
        distinct = len(set(values))
        if 2 <= distinct <= min(20, len(values) // 3):
            found.append(column)
    return min(found, key=lambda name: name.lower() not in _LABEL_NAMES) if found else None


def _models_section() -> str:
    for variable, (cheap, strong) in _REAL_MODELS.items():
        if os.environ.get(variable):
            return (
                f"# Who answers; the key comes from the environment ({variable}).\n"
                "[models.student]                          # cheap, runs the program\n"
                f"model = {_toml(cheap)}\ntemperature = 0.7\n\n"
                "[models.reflection]                       # strong, reads feedback, writes instructions\n"
                f"model = {_toml(strong)}\ntemperature = 0.7\nmax_tokens = 32000\n"
            )
    roles = ("student", "reflection", "proposer")
    return _EMBEDDED_NOTE + "\n".join(f'[models.{role}]\nmodel = "embedded/{role}"\n' for role in roles)


def _optimizer_section(files: Sequence[FoundData], feedback: bool) -> str:
    few = 0 < len(files[0].rows) < 50
    if feedback:
        name, reason = "GEPA", "the metric gives feedback, which it learns from"
    elif few:
        name, reason = "BootstrapFewShot", "below 50 examples it does with the fewest calls"
    else:
        name, reason = "MIPROv2", "it searches instructions and examples together"
    return f"# How it is improved: {reason}.\n[optimizer]\nname = {_toml(name)}\n"


def _note(label: str, targets: Sequence[str]) -> str:
    shown = [target for target in targets if target.isprintable()][:5]
    return f"# {label}: {', '.join(shown)}\n" if shown else ""


def _toml(value: Any) -> str:
    text: str = tomlkit.item(value).as_string()
    return text


def _key(name: str) -> str:
    return tomlkit.key(name).as_string()
