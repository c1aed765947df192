"""Whether a program and the data's columns fit together."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..findings import Finding
from .describe import ProgramDescription


def validate_columns(
    program: ProgramDescription, inputs: Sequence[str], columns: Sequence[str], labels: Sequence[str]
) -> list[Finding]:
    """What a program needs and the data lacks, and what is not used.

    `inputs` are the data's input fields, `columns` all fields of a row, `labels` the label fields.
    """
    findings = []
    if not program.predictors:
        findings.append(
            Finding(
                "fail",
                "program.no_predictors",
                "The program has no predictor: there is nothing to optimize.",
                fix="keep its predictors as attributes (self.answer = dspy.Predict(…)), lists or mappings",
            )
        )
    for name in program.required_inputs:
        if name not in inputs:
            findings.append(_missing_input(name, inputs, columns))
    if not program.takes_any_input:
        for name in inputs:
            if name not in program.inputs:
                near = difflib.get_close_matches(name, program.inputs, n=1)
                findings.append(
                    Finding(
                        "fail",
                        "program.unknown_input",
                        f"The data's input '{name}' is no argument of the program's forward.",
                        where="compilot.toml [data] inputs",
                        fix=f"did you mean '{near[0]}'?"
                        if near
                        else f"forward takes {_listed(program.inputs)}",
                    )
                )
    findings.extend(_label_findings(program, labels))
    return findings


def _missing_input(name: str, inputs: Sequence[str], columns: Sequence[str]) -> Finding:
    if name in columns:
        fix = f'add "{name}" to inputs'
    else:
        near = difflib.get_close_matches(name, columns, n=1)
        fix = f'map it: map = {{ {name} = "{near[0] if near else "column"}" }}'
    return Finding(
        "fail",
        "program.missing_input",
        f"The program's forward needs '{name}', which the data does not give.",
        where="compilot.toml [data] inputs",
        fix=fix,
    )


def _label_findings(program: ProgramDescription, labels: Sequence[str]) -> list[Finding]:
    outputs = {field.name for p in program.predictors for field in p.fields if field.kind == "output"}
    if not labels:
        return [
            Finding(
                "warn",
                "program.no_labels",
                "The data has no labels: the metric must judge without an expected answer.",
                where="compilot.toml [data]",
                fix="name the input fields under inputs; all other columns are labels",
            )
        ]
    if program.predictors and not outputs & set(labels):
        return [
            Finding(
                "warn",
                "program.labels_unlike_outputs",
                f"No label ({_listed(labels)}) has the name of an output ({_listed(sorted(outputs))}).",
                where="compilot.toml [data]",
                fix="labeled demonstrations need the outputs' names: map the label columns to them",
            )
        ]
    return []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:8]) or "nothing"
