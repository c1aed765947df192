"""What the bench answers with, as plain structs."""

from __future__ import annotations

from typing import Any

import msgspec

from ..findings import Finding
from ..metrics.verdict import Verdict
from ..programs.describe import ProgramDescription
from ..programs.traces import TryResult

Ledger = dict[str, dict[str, Any]]


class Measured(msgspec.Struct, frozen=True):
    """One run of the program on one row."""

    row: int
    calls: dict[str, int]
    """LM calls by predictor."""
    input_tokens: int
    output_tokens: int
    seconds: float
    ledger: Ledger
    error: str | None = None
    where: str | None = None


class ProgramReport(msgspec.Struct, frozen=True):
    program: ProgramDescription
    state: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    measured: Measured | None = None
    warnings: tuple[str, ...] = ()
    changed_settings: tuple[str, ...] = ()


class TryReport(msgspec.Struct, frozen=True):
    """One input, what came out, and how."""

    inputs: dict[str, Any]
    labels: dict[str, Any]
    result: TryResult
    ledger: Ledger
    output: str = ""
    """What the code printed."""


class DoctorRow(msgspec.Struct, frozen=True):
    """One row of a metric test."""

    row: int
    id: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    got: dict[str, Any] | None
    program_error: str | None
    program: Verdict | None
    """The metric on the program's answer."""
    gold: Verdict | None
    """The metric on the labels themselves."""
    other: Verdict | None
    """The metric on another row's labels."""
    prints: str = ""


class MetricReport(msgspec.Struct, frozen=True):
    """What the doctor found."""

    findings: tuple[Finding, ...] = ()
    rows: tuple[DoctorRow, ...] = ()
    summary: dict[str, Any] = {}
    ledger: Ledger = {}
    output: str = ""


class ScoredRow(msgspec.Struct, frozen=True):
    row: int
    verdict: Verdict
    prints: str = ""
    where: str | None = None
    """file:line of an error, or where it hung."""


class ScoredRows(msgspec.Struct, frozen=True):
    rows: tuple[ScoredRow, ...]
    score: float | None
    """Mean over the rows that did not error."""
    ledger: Ledger = {}
    output: str = ""
    seconds: float = 0.0


class AnswerReport(msgspec.Struct, frozen=True):
    rows: tuple[dict[str, Any], ...]
    ledger: Ledger = {}


class LoadReport(msgspec.Struct, frozen=True):
    findings: dict[str, tuple[Finding, ...]]
    """By part: program, data, metric, models."""
    notes: dict[str, str] = {}
    facts: dict[str, Any] = {}
    """What an optimizer's needs are checked against: `optimizer` (Facts), `has_feedback`."""
