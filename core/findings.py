"""What a check found: how bad, on which rows, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Level = Literal["fail", "warn", "info", "pass"]
_ORDER: dict[Level, int] = {"fail": 0, "warn": 1, "info": 2, "pass": 3}


class Evidence(msgspec.Struct, frozen=True):
    """One row that shows it."""

    row: int
    id: str | None = None
    expected: str | None = None
    got: str | None = None
    score: float | None = None
    detail: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, doubtful, worth knowing, or fine."""

    level: Level
    code: str
    """Stable name, e.g. `metric.constant`."""
    what: str
    where: str = ""
    fix: str = ""
    evidence: tuple[Evidence, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; equal ones in the order they came."""
    return sorted(findings, key=lambda finding: _ORDER[finding.level])


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.level == "fail" for finding in findings)
