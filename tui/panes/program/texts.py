"""A program in words: predictors, fields, demonstrations, what differs, what a try did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from core.programs.diff import PredictorDiff
from core.wording import plural

from ...text import clean, count, seconds
from ...widgets.foreign import foreign, foreign_lines

if TYPE_CHECKING:
    from core.findings import Finding
    from core.programs.describe import FieldDescription, ModuleNode, PredictorDescription
    from core.workbench.reports import Measured, ProgramReport

_LEVELS = {"fail": "$text-error", "warn": "$text-warning", "info": "$text-muted", "pass": "$text-success"}
_INDENT = "  "


def heading(text: str, note: str = "") -> Content:
    """A section's title."""
    title = Content.styled(text, "bold $text-primary")
    return title + Content.styled(f"  {note}", "$text-muted") if note else title


def indent(text: Content, by: str = _INDENT) -> Content:
    """Each line moved to the right."""
    return Content("\n").join([Content(by) + line for line in text.split("\n", allow_blank=True)])


def show_value(value: Any) -> str:
    """A field's value as text: strings as they are, the rest as JSON."""
    if isinstance(value, str):
        return value
    import orjson

    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        return str(value)


def describe_program(report: ProgramReport) -> Content:
    """The whole: what it takes, what it is made of, what one row costs, what is wrong."""
    program = report.program
    parts = [foreign(f"{program.kind}({', '.join(program.inputs)})", "bold")]
    if program.doc:
        parts.append(foreign_lines(program.doc, "$text-muted"))
    parts += [Content(), heading("Calls of one run")]
    parts.append(describe_calls(report))
    if report.findings:
        parts += [Content(), heading("Findings"), *describe_findings(report.findings)]
    notes = [*program.notes, *report.warnings]
    if report.changed_settings:
        names = ", ".join(report.changed_settings)
        notes.append(f"importing it sets dspy's {names}; a run sets its own LM")
    if notes:
        parts += [Content(), heading("Notes"), *(foreign(f"{_INDENT}{note}") for note in notes)]
    return Content("\n").join(parts)


def describe_calls(report: ProgramReport) -> Content:
    measured = report.measured
    if measured is None:
        return Content.styled(f"{_INDENT}not measured: press t and try one row", "$text-muted")
    lines = [foreign(f"{_INDENT}{name}  {times}") for name, times in measured.calls.items()] or [
        Content(f"{_INDENT}none")
    ]
    lines.append(Content.styled(f"{_INDENT}{describe_cost(measured)}", "$text-muted"))
    if measured.error:
        lines.append(foreign(f"{_INDENT}row {measured.row} raised {measured.error}", "$text-error"))
        if measured.where:
            lines.append(foreign(f"{_INDENT}where  {measured.where}"))
    return Content("\n").join(lines)


def describe_cost(measured: Measured) -> str:
    calls = sum(measured.calls.values())
    return (
        f"row {measured.row}: {plural(calls, 'call')}, "
        f"{count(measured.input_tokens)} / {count(measured.output_tokens)} tokens in / out, "
        f"{seconds(measured.seconds)}"
    )


def describe_findings(findings: Iterable[Finding]) -> Iterator[Content]:
    for finding in findings:
        yield Content.styled(f"{_INDENT}{finding.level}  ", _LEVELS[finding.level]) + foreign(finding.what)
        if finding.where:
            yield foreign(f"{_INDENT}      where  {finding.where}", "$text-muted")
        if finding.fix:
            yield foreign(f"{_INDENT}      fix    {finding.fix}")


def describe_module(node: ModuleNode) -> Content:
    """A module that is no predictor: its kind, its tools, what it holds."""
    parts = [foreign(f"{node.name}: {node.kind}", "bold")]
    if node.frozen:
        parts.append(Content.styled("compiled before: optimizers leave it as it is", "$text-warning"))
    if node.tools:
        parts += [Content(), heading("Tools")]
        for tool in node.tools:
            arguments = ", ".join(f"{name}: {kind}" for name, kind in tool.arguments.items())
            parts.append(foreign(f"{_INDENT}{tool.name}({arguments})"))
            if tool.desc:
                parts.append(indent(foreign_lines(tool.desc, "$text-muted"), _INDENT * 2))
    if node.children:
        parts += [Content(), heading("Holds")]
        parts += [foreign(f"{_INDENT}{child.name}: {child.kind}") for child in node.children]
    return Content("\n").join(parts)


def describe_predictor(predictor: PredictorDescription, calls: int | None = None) -> Content:
    """Signature, instructions, fields and demonstrations, whole."""
    kind = ", ".join(part for part in (predictor.module, predictor.signature) if part)
    parts = [foreign(predictor.name, "bold") + foreign(f"  {kind}", "$text-muted")]
    if calls is not None:
        parts.append(Content.styled(f"{plural(calls, 'call')} in one run", "$text-muted"))
    if predictor.own_lm:
        parts.append(
            foreign(
                f"has an LM of its own, {predictor.own_lm}: the recipe's student is not used", "$text-warning"
            )
        )
    if predictor.config:
        settings = ", ".join(f"{name} = {show_value(value)}" for name, value in predictor.config.items())
        parts.append(foreign(f"settings  {settings}", "$text-muted"))
    words = len(predictor.instructions.split())
    parts += [Content(), heading("Instructions", f"{plural(words, 'word')}")]
    parts.append(indent(foreign_lines(predictor.instructions or "none")))
    for kind, title in (("input", "Inputs"), ("output", "Outputs"), ("", "Fields")):
        fields = [field for field in predictor.fields if field.kind == kind]
        if fields:
            parts += [
                Content(),
                heading(title),
                *(line for field in fields for line in describe_field(field)),
            ]
    parts += [Content(), heading("Demonstrations", str(len(predictor.demos)) if predictor.demos else "")]
    parts.append(describe_demos(predictor.demos))
    return Content("\n").join(parts)


def describe_field(field: FieldDescription, depth: int = 1) -> Iterator[Content]:
    """Name, type and description; the fields of a nested model under it."""
    line = foreign(f"{_INDENT * depth}{field.name}", "bold")
    if field.type:
        line += foreign(f"  {field.type}", "$text-accent")
    yield line
    # dspy fills an empty description with the field's own name.
    if field.desc and field.desc != f"${{{field.name}}}":
        yield indent(foreign_lines(field.desc, "$text-muted"), _INDENT * (depth + 1))
    for nested in field.fields:
        yield from describe_field(nested, depth + 1)


def describe_demos(demos: Sequence[Mapping[str, Any]], mark: str = "") -> Content:
    if not demos:
        return Content.styled(f"{_INDENT}none", "$text-muted")
    parts = []
    for number, demo in enumerate(demos, start=1):
        parts.append(Content.styled(f"{_INDENT}{mark}{number}", "$text-muted"))
        parts += [
            indent(foreign(f"{name}  ", "$text-muted") + foreign_lines(show_value(value)), _INDENT * 2)
            for name, value in demo.items()
        ]
    return Content("\n").join(parts)


def describe_diff(diff: PredictorDiff) -> Content:
    """What a state changed in one predictor."""
    title = foreign(diff.predictor, "bold") + Content.styled(f"  {_STATUS[diff.status]}", "$text-muted")
    parts = [title]
    for change in (diff.instructions, *diff.fields):
        if change is not None:
            parts += [Content(), foreign(change.name, "bold $text-primary")]
            parts += [diff_line(line) for line in change.lines]
    for demos, style, word in (
        (diff.demos_added, "$text-success", "added"),
        (diff.demos_removed, "$text-error", "removed"),
    ):
        if demos:
            parts += [Content(), heading(f"Demonstrations {word}", str(len(demos)))]
            sign = "+ " if word == "added" else "- "
            parts.append(describe_demos(demos, sign).stylize(style))
    if diff.demos_kept:
        parts += [
            Content(),
            Content.styled(f"{plural(diff.demos_kept, 'demonstration')} as before", "$text-muted"),
        ]
    return Content("\n").join(parts)


_STATUS = {
    "same": "as written",
    "changed": "changed",
    "added": "not in the program as written",
    "removed": "only in the program as written",
}


def diff_line(line: str) -> Content:
    """A line of a diff with its sign kept, so that colour is not needed to read it."""
    style = {"+": "$text-success", "-": "$text-error"}.get(line[:1], "$text-muted")
    return foreign(f"{_INDENT}{line[:1]} {line[1:]}", style)


def describe_changes(diffs: Sequence[PredictorDiff]) -> Content:
    """All that a state changed, predictor by predictor."""
    changed = [diff for diff in diffs if diff.status != "same"]
    if not changed:
        return Content("Nothing differs from the program as written.")
    return Content("\n\n").join([describe_diff(diff) for diff in changed])


def label_predictor(name: str, predictor: PredictorDescription | None, calls: int | None, status: str) -> str:
    """A predictor's line in the tree."""
    parts = [clean(name)]
    if predictor is not None and predictor.module:
        parts.append(clean(predictor.module))
    if calls is not None:
        parts.append(f"×{calls}")
    if predictor is not None and predictor.demos:
        parts.append(plural(len(predictor.demos), "demo"))
    if status not in ("", "same"):
        parts.append(status)
    return "  ".join(parts)
