"""Findings and checks as lines of text: how bad, what, where, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.findings import Finding
    from core.workbench.preflight import Check

_MARKS = {"fail": "FAIL", "warn": "warn", "info": "info", "pass": "pass"}


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding in one to three lines, and the rows that show it."""
    for finding in findings:
        yield f"{_MARKS[finding.level]}  {finding.what}"
        if finding.where:
            yield f"      where: {finding.where}"
        if finding.fix:
            yield f"      fix: {finding.fix}"
        for evidence in finding.evidence[:3]:
            score = "" if evidence.score is None else f"  score {evidence.score:g}"
            detail = f"  {evidence.detail}" if evidence.detail else ""
            expected = f"  expected {evidence.expected}" if evidence.expected else ""
            yield f"      row {evidence.row}{score}{detail}{expected}"[:200]


def check_lines(checks: Iterable[Check]) -> Iterator[str]:
    """Each check in one line, with where and fix under it when it does not pass."""
    for check in checks:
        yield f"{_MARKS[check.status]}  {check.name:<16}  {check.detail}"
        if check.status in ("fail", "warn"):
            if check.where:
                yield f"      where: {check.where}"
            if check.fix:
                yield f"      fix: {check.fix}"
