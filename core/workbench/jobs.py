"""The jobs themselves, each one function that the warm child calls in a fork."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dspy

from ..errors import CompilotError, StopRun
from ..findings import Finding, sort_findings
from ..jsonable import to_json
from ..metrics.doctor.examine import examine
from ..metrics.doctor.observe import Observer
from ..metrics.doctor.probes import ProbedRow, RowProbes, probe_metric
from ..models.secrets import redact
from ..optimizers.facts import Facts, PredictorFacts
from ..programs.answer_rows import Answer, answer_rows
from ..programs.describe import ProgramDescription, describe_program
from ..programs.frames import describe_exception
from ..programs.rebuild import output_types, rebuild_example, rebuild_prediction
from ..programs.state import apply_state, dump_state
from ..programs.try_input import try_input
from ..programs.validate import validate_columns
from ..wording import plural
from .bench import Bench

Progress = Callable[[Any], None]
Params = Mapping[str, Any]


def describe(params: Params, progress: Progress) -> dict[str, Any]:
    """The program's parts, how it fits the data, and with `measure` its LM calls on a row."""
    bench = Bench(params)
    description = describe_program(bench.program)
    result: dict[str, Any] = {
        "program": description,
        "state": dump_state(bench.program),
        "findings": [],
        "measured": None,
        "warnings": list(bench.project.warnings),
        "changed_settings": bench.changed_settings,
    }
    if params.get("fit", True):
        result["findings"] = check_fit(bench, description)
    if params.get("measure") and not any(finding.level == "fail" for finding in result["findings"]):
        progress({"phase": "one row"})
        result["measured"] = measure_row(bench)
    return result


def check_fit(bench: Bench, description: ProgramDescription) -> list[Finding]:
    """Whether the program and the data's columns fit together; an unreadable data file is a finding too."""
    try:
        row = bench.choose_rows(1)[0]
        example = bench.examples([row])[0]
    except CompilotError as error:
        return [Finding("fail", "data.unusable", error.what, error.where, error.fix)]
    return validate_columns(
        description, list(example.inputs().keys()), list(row.values), list(example.labels().keys())
    )


def measure_row(bench: Bench) -> dict[str, Any]:
    """LM calls by predictor, tokens and seconds of one run on one row."""
    row = bench.choose_rows(1)[0]
    with bench.models() as (_, meter):
        tried = try_input(bench.program, bench.examples([row])[0].inputs(), bench.root)
        ledger = meter.snapshot()
    return {
        "row": row.index,
        "calls": tried.calls_by_predictor,
        "input_tokens": sum(call.input_tokens or 0 for call in tried.calls),
        "output_tokens": sum(call.output_tokens or 0 for call in tried.calls),
        "seconds": tried.seconds,
        "error": tried.error,
        "where": tried.where,
        "ledger": ledger,
    }


def try_program(params: Params, progress: Progress) -> dict[str, Any]:
    """Run the program on one input (`inputs`, or the data's row number `row`), with its trace."""
    bench = Bench(params)
    if params.get("state"):
        apply_state(bench.program, params["state"])
    inputs = params.get("inputs")
    labels: dict[str, Any] = {}
    if inputs is None:
        example = bench.examples([bench.find_row(params.get("row"))])[0]
        inputs, labels = dict(example.inputs().items()), dict(example.labels().items())
    with bench.models() as (_, meter):
        tried = try_input(bench.program, inputs, bench.root)
        ledger = meter.snapshot()
    return {"inputs": inputs, "labels": labels, "result": tried, "ledger": ledger}


def test_metric(params: Params, progress: Progress) -> dict[str, Any]:
    """The metric doctor: findings, and each row with what was answered and how it scored."""
    bench = Bench(params)
    metric = bench.metric
    rows = bench.choose_rows(int(params["rows"]))
    examples = bench.examples(rows)
    findings: list[Finding] = []
    with bench.models() as (lms, meter):
        metric.judge_lm = lms["judge"]
        answers, predictors = _answer(bench, examples, params, findings, progress)
        probed = probe_metric(
            metric,
            [ProbedRow(row.index, row.id, example) for row, example in zip(rows, examples, strict=True)],
            answers,
            predictors,
            row_seconds=float(params.get("row_seconds", 10.0)),
            on_row=lambda row: progress({"phase": "metric", "row": row}),
        )
        ledger = meter.snapshot()
    optimizer = bench.recipe.optimizer.name if bench.recipe.optimizer else None
    findings += examine(metric, probed, optimizer=optimizer)
    return {
        "findings": sort_findings(findings),
        "rows": [_doctor_row(probes) for probes in probed],
        "summary": _summary(probed)
        | {
            "signature": metric.shape.label,
            "takes_pred_name": "pred_name" in metric.shape.takes,
            "has_feedback": metric.has_feedback,
        },
        "ledger": ledger,
    }


def _answer(
    bench: Bench, examples: list[dspy.Example], params: Params, findings: list[Finding], progress: Progress
) -> tuple[list[Answer | None], list[str]]:
    """The program's answers; where there are none, a finding says why, and the metric is tested without."""
    nothing: list[Answer | None] = [None] * len(examples)
    if not params.get("with_program", True):
        return nothing, []
    try:
        program = bench.program
        answers = answer_rows(
            program,
            examples,
            bench.root,
            num_threads=bench.recipe.run.num_threads,
            seconds=float(params.get("program_seconds", 120.0)),
            on_row=lambda done: progress({"phase": "program", "done": done}),
        )
    except CompilotError as error:
        findings.append(
            Finding(
                "warn",
                "program.cannot_load",
                f"Tested without the program: {error.what}",
                error.where,
                error.fix,
            )
        )
        return nothing, []
    except StopRun as stop:
        findings.append(Finding("warn", "program.stopped", f"Tested without the program: {stop.detail}"))
        return nothing, []
    failed = [answer for answer in answers if answer.answer is None]
    if failed:
        findings.append(
            Finding(
                "warn",
                "program.raises",
                f"The program gave no answer on {len(failed)} of {len(answers)} rows: {failed[0].error}",
                where=failed[0].where or bench.recipe.program.target,
                fix="`compilot program try` shows what happens on one row",
            )
        )
    return list(answers), [name for name, _ in program.named_predictors()]


def run_metric(params: Params, progress: Progress) -> dict[str, Any]:
    """Score given rows: each with `inputs`, `labels` and `prediction`, as plain data."""
    bench = Bench(params)
    metric = bench.metric
    types = output_types(bench.program) if params.get("typed", True) else {}
    with bench.models() as (lms, meter):
        metric.judge_lm = lms["judge"]
        observer = Observer(metric, row_seconds=float(params.get("row_seconds", 10.0)))
        scored = []
        for position, row in enumerate(params["rows"]):
            example = rebuild_example(row["inputs"], row["labels"])
            prediction = rebuild_prediction(row["prediction"], types)
            observed = observer.call(example, prediction)
            frame = observed.hung_at
            scored.append(
                {
                    "row": row.get("row", position),
                    "verdict": observed.verdict,
                    "prints": observed.prints,
                    "where": str(frame) if frame else observed.verdict.where,
                }
            )
            progress({"done": position + 1})
            if observed.hung:
                break
        return {
            "rows": scored,
            "score": _mean([one["verdict"].score for one in scored]),
            "ledger": meter.snapshot(),
        }


def answer(params: Params, progress: Progress) -> dict[str, Any]:
    """The program's answers on so many rows, as plain data that `run_metric` takes."""
    bench = Bench(params)
    rows = bench.choose_rows(int(params["rows"]))
    examples = bench.examples(rows)
    with bench.models() as (_, meter):
        answers = answer_rows(
            bench.program,
            examples,
            bench.root,
            num_threads=bench.recipe.run.num_threads,
            seconds=float(params["seconds"]),
            on_row=lambda done: progress({"done": done}),
        )
        return {
            "rows": [
                {
                    "row": row.index,
                    "id": row.id,
                    "inputs": dict(example.inputs().items()),
                    "labels": dict(example.labels().items()),
                    "prediction": dict(one.answer.items()) if one.answer is not None else None,
                    "error": one.error,
                    "where": one.where,
                }
                for row, example, one in zip(rows, examples, answers, strict=True)
            ],
            "ledger": meter.snapshot(),
        }


def sample_rows(params: Params, progress: Progress) -> list[dict[str, Any]]:
    """So many rows, each with its inputs and labels."""
    bench = Bench(params)
    rows = bench.choose_rows(int(params["rows"]))
    return [
        {
            "row": row.index,
            "id": row.id,
            "inputs": dict(example.inputs().items()),
            "labels": dict(example.labels().items()),
        }
        for row, example in zip(rows, bench.examples(rows), strict=True)
    ]


def load_all(params: Params, progress: Progress) -> dict[str, Any]:
    """Preflight of what has to be loaded: program, data, metric and models, each a list of findings."""
    bench = Bench(params)
    found: dict[str, list[Finding]] = {}
    notes: dict[str, str] = {}
    for part in _LOADERS:
        progress({"phase": part})
        started = time.perf_counter()
        try:
            found[part], notes[part] = _LOADERS[part](bench)
        except CompilotError as error:
            found[part] = [Finding("fail", f"{part}.cannot_load", error.what, error.where, error.fix)]
            notes[part] = ""
        notes[f"{part}_seconds"] = f"{time.perf_counter() - started:.2f}"
    warnings = [Finding("warn", "program.shadowed", text) for text in bench.project.warnings]
    if bench.changed_settings:
        warnings.append(
            Finding(
                "info",
                "program.changes_settings",
                f"The code sets dspy's {', '.join(bench.changed_settings)} when it is imported; "
                "a run sets its own LM.",
            )
        )
    found["program"] += warnings
    return {"findings": found, "notes": notes, "facts": _facts(bench, found)}


def _facts(bench: Bench, found: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """What the preflight checks an optimizer's needs against, where everything loaded."""
    if any(finding.level == "fail" for findings in found.values() for finding in findings):
        return {}
    facts = Facts(
        train=len(bench.splits.train),
        val=len(bench.splits.val),
        predictors=tuple(PredictorFacts(name=name) for name, _ in bench.program.named_predictors()),
        feedback=bench.metric.has_feedback,
        num_threads=bench.recipe.run.num_threads,
    )
    return {"optimizer": facts, "has_feedback": bench.metric.has_feedback}


def ask_models(params: Params, progress: Progress) -> list[dict[str, Any]]:
    """One short question to the model of each role that has a profile."""
    bench = Bench(params)
    answers = []
    with bench.models() as (lms, _):
        for role in bench.recipe.models:
            lm = lms[role]
            started = time.perf_counter()
            error = None
            try:
                lm("Answer with the word ok.")
            except Exception as problem:  # noqa: BLE001  # the provider's word, told to the person
                error = redact(describe_exception(problem))
            except StopRun as stop:
                error = stop.detail
            seconds = time.perf_counter() - started
            answers.append({"role": role, "model": lm.model, "seconds": seconds, "error": error})
    return answers


def _load_program(bench: Bench) -> tuple[list[Finding], str]:
    description = describe_program(bench.program)
    count = len(description.predictors)
    return check_fit(bench, description), f"{description.kind}, {plural(count, 'predictor')}"


def _load_data(bench: Bench) -> tuple[list[Finding], str]:
    splits = bench.splits
    findings = [Finding("warn", "data.note", note, where="compilot.toml [data]") for note in splits.notes]
    bench.examples(splits.train[:1])
    return findings, f"{len(splits.train)} train, {len(splits.val)} val, {len(splits.test)} test rows"


def _load_metric(bench: Bench) -> tuple[list[Finding], str]:
    return [], f"{bench.recipe.metric.target}{bench.metric.shape.label}"


def _load_models(bench: Bench) -> tuple[list[Finding], str]:
    with bench.models() as (lms, _):
        return [], ", ".join(sorted({str(lm.model) for lm in lms.values()}))


_LOADERS: dict[str, Callable[[Bench], tuple[list[Finding], str]]] = {
    "program": _load_program,
    "data": _load_data,
    "metric": _load_metric,
    "models": _load_models,
}


def _doctor_row(probes: RowProbes) -> dict[str, Any]:
    answer = probes.prediction
    return {
        "row": probes.row,
        "id": probes.id,
        "inputs": to_json(dict(probes.example.inputs().items())),
        "expected": to_json(dict(probes.example.labels().items())),
        "got": to_json(dict(answer.answer.items())) if answer and answer.answer is not None else None,
        "program_error": answer.error if answer else None,
        "program": probes.real.verdict if probes.real else None,
        "gold": probes.gold.verdict if probes.gold else None,
        "other": probes.other.verdict if probes.other else None,
        "prints": next((one.prints for one in (probes.real, probes.gold) if one and one.prints), ""),
    }


def _summary(probed: Sequence[RowProbes]) -> dict[str, Any]:
    calls = [one for probes in probed for one in probes.all()]
    return {
        "rows": len(probed),
        "calls": len(calls),
        "errored": sum(one.verdict.error is not None for one in calls),
        "gold": _mean([p.gold.verdict.score for p in probed if p.gold]),
        "other": _mean([p.other.verdict.score for p in probed if p.other]),
        "program": _mean([p.real.verdict.score for p in probed if p.real]),
        "seconds_per_call": statistics.median(one.verdict.seconds for one in calls) if calls else None,
        "lm_calls": max((one.lm_calls for one in calls), default=0),
        "routes_feedback": _routes_feedback(probed),
    }


def _routes_feedback(probed: Sequence[RowProbes]) -> bool | None:
    """Whether predictors asked about by name are told different things; None where there are no two."""
    told = [
        {one.verdict.feedback for one in probes.named.values()} for probes in probed if len(probes.named) > 1
    ]
    return any(len(texts) > 1 for texts in told) if told else None


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return statistics.mean(known) if known else None
