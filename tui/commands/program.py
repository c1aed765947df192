"""`compilot program`: show what it is made of, try one input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.wording import plural

from ..output import print_json, print_lines
from ..text import count, seconds, usd
from .findings import finding_lines
from .options import ABOVE_ZERO, json_option, workspace_option

if TYPE_CHECKING:
    from core.programs.describe import FieldDescription, ModuleNode, PredictorDescription
    from core.workbench.reports import ProgramReport, TryReport


@click.group()
def program() -> None:
    """Show the program's predictors, signatures and calls, or try it on one input."""


@program.command()
@click.option(
    "--measure/--no-measure", default=True, show_default=True, help="Run one row to count its LM calls."
)
@workspace_option
@json_option
def show(measure: bool, workspace: Path, as_json: bool) -> int:
    """Predictors, signatures, instructions, demonstrations, tools, and the LM calls of one run."""
    import msgspec

    from core.findings import has_failed
    from core.workbench.desk import Desk
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    with Desk(place.root, place.recipe()) as desk:
        report = desk.describe_program(measure=measure)
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        print_lines(_program_lines(report))
    return int(has_failed(report.findings))


@program.command(name="try")
@click.argument("inputs", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--row", type=click.IntRange(0), metavar="N", help="Take the inputs from this row of the data.")
@click.option(
    "--candidate", metavar="FILE", type=click.Path(path_type=Path), help="A candidate's file of a run."
)
@click.option("--seconds", type=ABOVE_ZERO, default=180.0, show_default=True, help="Give up after this long.")
@workspace_option
@json_option
def try_(
    inputs: tuple[str, ...],
    row: int | None,
    candidate: Path | None,
    seconds: float,
    workspace: Path,
    as_json: bool,
) -> int:
    """Run the program on one input and show each LM call with its prompt and completion.

    Without FIELD=VALUE and --row the first row of the val part is taken. A VALUE that is JSON is read as
    such.
    """
    import msgspec

    from core.workbench.desk import Desk
    from core.workspace import Workspace

    if inputs and row is not None:
        raise click.UsageError("give FIELD=VALUE or --row, not both")
    place = Workspace.open(workspace)
    state = _read_state(candidate) if candidate else None
    with Desk(place.root, place.recipe()) as desk:
        report = desk.try_program(_read_inputs(inputs) or None, row=row, state=state, seconds=seconds)
    if as_json:
        print_json({**msgspec.to_builtins(report), "calls_by_predictor": report.result.calls_by_predictor})
    else:
        print_lines(_try_lines(report))
    return int(report.result.error is not None)


def _read_inputs(inputs: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in inputs:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"{text!r}: write it as FIELD=VALUE")
        try:
            values[name.strip()] = json.loads(value)
        except ValueError:
            values[name.strip()] = value
    return values


def _read_state(path: Path) -> dict[str, Any]:
    from core.errors import ProgramError

    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ProgramError(f"The candidate cannot be read: {error}.", where=str(path)) from error
    state = found.get("state", found) if isinstance(found, dict) else None
    if not isinstance(state, dict):
        raise ProgramError(
            "This is no candidate's file.", where=str(path), fix="name one of a run's candidates/"
        )
    return state


def _program_lines(report: ProgramReport) -> Iterator[str]:
    described = report.program
    yield f"{described.kind}({', '.join(described.inputs)})"
    if described.doc:
        yield f"  {described.doc.splitlines()[0]}"
    yield from _module_lines(described.modules, 1)
    for predictor in described.predictors:
        yield ""
        yield from _predictor_lines(predictor)
    measured = report.measured
    if measured is not None:
        yield ""
        calls = ", ".join(f"{name} {times}" for name, times in measured.calls.items()) or "none"
        yield f"LM calls of one run (row {measured.row}): {sum(measured.calls.values())} ({calls})"
        yield (
            f"tokens in / out: {count(measured.input_tokens)} / {count(measured.output_tokens)}, "
            f"{seconds(measured.seconds)}, {usd(_spent(measured.ledger))}"
        )
        if measured.error:
            yield f"FAIL  the run raised {measured.error}"
            if measured.where:
                yield f"      where: {measured.where}"
    for text in (*described.notes, *report.warnings):
        yield f"note: {text}"
    yield from finding_lines(report.findings)


def _module_lines(node: ModuleNode, depth: int) -> Iterator[str]:
    for child in node.children:
        frozen = "  (compiled before: left as it is)" if child.frozen else ""
        yield f"{'  ' * depth}{child.name}: {child.kind}{frozen}"
        for tool in child.tools:
            arguments = ", ".join(f"{name}: {kind}" for name, kind in tool.arguments.items())
            yield f"{'  ' * (depth + 1)}tool {tool.name}({arguments})  {tool.desc}".rstrip()
        yield from _module_lines(child, depth + 1)
    if depth == 1:
        for tool in node.tools:
            arguments = ", ".join(f"{name}: {kind}" for name, kind in tool.arguments.items())
            yield f"  tool {tool.name}({arguments})  {tool.desc}".rstrip()


def _predictor_lines(predictor: PredictorDescription) -> Iterator[str]:
    demos = f", {plural(len(predictor.demos), 'demonstration')}" if predictor.demos else ""
    yield f"{predictor.name}  [{predictor.module}, {predictor.signature}{demos}]"
    for line in predictor.instructions.splitlines():
        yield f"  | {line}"
    for field in predictor.fields:
        yield from _field_lines(field, 1)
    if predictor.own_lm:
        yield f"  note: it has an LM of its own, {predictor.own_lm}, which the recipe's models do not replace"


def _field_lines(field: FieldDescription, depth: int) -> Iterator[str]:
    mark = {"input": "in ", "output": "out"}.get(field.kind, "   ")
    desc = "" if field.desc in ("", f"${{{field.name}}}") else f"  {field.desc}"
    yield f"{'  ' * depth}{mark} {field.name}: {field.type}{desc}"
    for nested in field.fields:
        yield from _field_lines(nested, depth + 1)


def _try_lines(report: TryReport) -> Iterator[str]:
    result = report.result
    for number, call in enumerate(result.calls, 1):
        known = (call.input_tokens, call.output_tokens)
        tokens = " / ".join("?" if one is None else count(one) for one in known)
        name = call.predictor or "(no predictor)"
        yield f"call {number}  {name}  {call.model}  {tokens} tokens in / out  {seconds(call.seconds)}"
        for message in call.messages:
            yield f"  {message.role}:"
            for line in message.text.splitlines():
                yield f"    {line}"
        yield "  completion:"
        for line in (call.error or call.completion).splitlines():
            yield f"    {line}"
        yield ""
    for name, value in report.inputs.items():
        yield f"in   {name} = {_short(value)}"
    for name, value in (result.outputs or {}).items():
        expected = f"  (expected {_short(report.labels[name])})" if name in report.labels else ""
        yield f"out  {name} = {_short(value)}{expected}"
    if result.error:
        yield f"FAIL  the program raised {result.error}"
        if result.where:
            yield f"      where: {result.where}"
    if report.output.strip():
        yield "printed:"
        for line in report.output.splitlines()[:20]:
            yield f"  {line}"
    calls = ", ".join(f"{name} {times}" for name, times in result.calls_by_predictor.items()) or "none"
    number = len(result.calls)
    spent = usd(_spent(report.ledger))
    yield f"{plural(number, 'LM call')} ({calls}), {seconds(result.seconds)}, {spent}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _spent(ledger: dict[str, dict[str, Any]]) -> float | None:
    amounts = [row.get("usd") for row in ledger.values() if row.get("asked")]
    return (
        None if any(amount is None for amount in amounts) else float(sum(amount or 0.0 for amount in amounts))
    )
