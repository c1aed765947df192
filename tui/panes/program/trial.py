"""One input of the program and what became of it: fields read, steps and results in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from textual.content import Content

from core.metrics.verdict import Verdict
from core.programs.describe import FieldDescription, ProgramDescription
from core.wording import plural

from ...text import count, percent, seconds, usd
from ...widgets.foreign import foreign, foreign_lines
from .texts import heading, indent, show_value

if TYPE_CHECKING:
    from core.programs.traces import CallTrace, StepTrace
    from core.workbench.reports import TryReport


class Trial(NamedTuple):
    """A try and how the metric judged it."""

    report: TryReport
    labels: dict[str, Any]
    """Of the row, where the input is a row's; empty for an input that was typed."""
    verdict: Verdict | None = None
    judged: str = ""
    """Why there is no verdict."""


def input_fields(described: ProgramDescription, sample: Mapping[str, Any]) -> list[FieldDescription]:
    """What the program is called with: name, type and words of each."""
    known: dict[str, FieldDescription] = {}
    for predictor in described.predictors:
        for field in predictor.fields:
            if field.kind == "input":
                known.setdefault(field.name, field)
    names = list(described.inputs)
    if described.takes_any_input:
        names += [name for name in sample if name not in names]
    return [known.get(name, FieldDescription(name, "input", "", "", "")) for name in names]


def write_field(value: Any) -> str:
    """A value as it stands in the form."""
    if value is None:
        return ""
    return (
        value
        if isinstance(value, str)
        else orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
    )


def read_field(text: str, type_name: str, sample: Any = None) -> Any:
    """What was typed, as the program takes it: text for text, JSON for the rest where it is JSON."""
    if isinstance(sample, str) or (sample is None and type_name in ("", "str")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def label_step(report: TryReport, number: int) -> Content:
    """A predictor's run in one line."""
    step = report.result.steps[number]
    calls = [report.result.calls[place] for place in step.calls]
    line = foreign(step.predictor)
    if len(calls) != 1:
        line += Content.styled(f"  {plural(len(calls), 'call')}", "$text-muted")
    line += Content.styled(f"  {seconds(step.seconds)}  {tokens(calls)}", "$text-muted")
    return line + Content.styled("  raised", "$text-error") if step.error else line


def tokens(calls: Sequence[CallTrace]) -> str:
    """Tokens in and out, a question mark where a provider did not say."""
    sums = []
    for name in ("input_tokens", "output_tokens"):
        known = [getattr(call, name) for call in calls]
        sums.append("?" if None in known or not known else count(sum(known)))
    return f"{sums[0]} / {sums[1]} tokens"


def label_result(trial: Trial) -> Content:
    """The whole in one line."""
    result = trial.report.result
    calls = len(result.calls)
    line = Content.styled("Result", "bold")
    if result.error:
        return line + Content.styled("  raised", "$text-error")
    if trial.verdict is not None and trial.verdict.score is not None:
        line += Content("  ") + score_text(trial.verdict.score)
    return line + Content.styled(
        f"  {plural(calls, 'call')}  {seconds(result.seconds)}  {usd(spent(trial.report))}",
        "$text-muted",
    )


def score_text(score: float | None) -> Content:
    style = "$text-muted" if score is None else "$text-success" if score >= 1 else "$text-warning"
    return Content.styled(percent(score), style)


def spent(report: TryReport) -> float | None:
    """Dollars of all roles; None where one is not known."""
    amounts = [role.get("usd") for role in report.ledger.values() if role.get("asked")]
    return (
        None if any(amount is None for amount in amounts) else float(sum(amount or 0.0 for amount in amounts))
    )


def describe_result(trial: Trial) -> Content:
    """The prediction beside the gold, the metric's word, errors and prints."""
    result = trial.report.result
    parts: list[Content] = []
    if result.error:
        parts.append(foreign_lines(f"The program raised {result.error}", "bold $text-error"))
        if result.where:
            parts.append(foreign(f"where  {result.where}"))
        if result.traceback:
            parts += [Content(), indent(foreign_lines(result.traceback, "$text-muted"))]
        parts.append(Content())
    parts += _compare_fields(result.outputs or {}, trial.labels)
    parts += _describe_verdict(trial)
    if trial.report.output.strip():
        parts += [Content(), heading("Printed"), indent(foreign_lines(trial.report.output[:20_000]))]
    return Content("\n").join(parts)


def _compare_fields(outputs: Mapping[str, Any], labels: Mapping[str, Any]) -> list[Content]:
    parts: list[Content] = []
    names = [name for name in outputs if name in labels] + [name for name in outputs if name not in labels]
    for name in [*names, *(name for name in labels if name not in outputs)]:
        same = name in outputs and name in labels and outputs[name] == labels[name]
        parts.append(foreign(name, "bold") + Content.styled("  as expected" if same else "", "$text-success"))
        if name in outputs:
            parts.append(_beside("predicted", outputs[name]))
        if name in labels and not same:
            parts.append(_beside("gold", labels[name]))
    return parts or [Content.styled("no output", "$text-muted")]


def _beside(word: str, value: Any) -> Content:
    lines = foreign_lines(show_value(value))
    if "\n" in lines.plain:
        return Content.styled(f"  {word}", "$text-muted") + Content("\n") + indent(lines, "    ")
    return Content.styled(f"  {word:<10}", "$text-muted") + lines


def _describe_verdict(trial: Trial) -> list[Content]:
    if trial.verdict is None:
        return [Content(), Content.styled(trial.judged, "$text-muted")] if trial.judged else []
    verdict = trial.verdict
    parts = [Content(), heading("Metric") + Content("  ") + score_text(verdict.score)]
    parts += [foreign(f"  {name}  ") + score_text(score) for name, score in verdict.subscores.items()]
    if verdict.error:
        parts.append(indent(foreign_lines(verdict.error, "$text-error")))
        if verdict.where:
            parts.append(foreign(f"  where  {verdict.where}"))
    if verdict.feedback:
        parts.append(indent(foreign_lines(verdict.feedback)))
    return parts


def describe_step(report: TryReport, number: int) -> Content:
    """A predictor's run: each prompt and completion, then what was read out of it."""
    step = report.result.steps[number]
    parts = [foreign(step.predictor, "bold") + Content.styled(f"  {seconds(step.seconds)}", "$text-muted")]
    if step.error:
        parts.append(foreign_lines(f"raised {step.error}", "$text-error"))
    for place in step.calls:
        parts += [Content(), *_describe_call(report.result.calls[place], place + 1)]
    parts += [Content(), heading("Read out of it"), *_fields(step)]
    return Content("\n").join(parts)


def _describe_call(call: CallTrace, number: int) -> list[Content]:
    note = f"{call.model}  {tokens([call])}  {seconds(call.seconds)}"
    parts = [Content.styled(f"Call {number}", "bold $text-primary") + foreign(f"  {note}", "$text-muted")]
    for message in call.messages:
        parts += [foreign(message.role, "$text-accent"), indent(foreign_lines(message.text))]
    if call.error:
        return [
            *parts,
            Content.styled("error", "$text-error"),
            indent(foreign_lines(call.error, "$text-error")),
        ]
    return [*parts, Content.styled("completion", "$text-accent"), indent(foreign_lines(call.completion))]


def _fields(step: StepTrace) -> list[Content]:
    return [_beside(name, value) for name, value in (step.outputs or {}).items()] or [
        Content.styled("  nothing", "$text-muted")
    ]
