"""What was asked, paid, joined, replayed and lost, by role, in our own numbers."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..store.jsonl import JsonlWriter
from .journal import Paid

Outcome = Literal["joined", "replayed", "errors"]


@dataclass
class RoleLedger:
    """One role's counts; asked = paid + joined + replayed + errors."""

    asked: int = 0
    """Completions the program and the optimizer asked for."""
    paid: int = 0
    """Answers that a provider produced."""
    joined: int = 0
    """Equal requests in flight at the same time, answered once."""
    replayed: int = 0
    """Answered from the journal."""
    errors: int = 0
    """Calls that failed for good."""
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = 0.0
    """None as soon as one paid answer has no known price."""
    seconds: float = 0.0
    """Time spent in paid calls, summed over threads."""


class Ledger:
    """Counts over all attempts at a run. Thread-safe."""

    def __init__(self, writer: JsonlWriter | None = None) -> None:
        self._roles: dict[str, RoleLedger] = {}
        self._lock = threading.Lock()
        self._writer = writer

    def carry_over(self, roles: dict[str, dict[str, Any]]) -> None:
        """Go on from an earlier attempt's snapshot."""
        with self._lock:
            self._roles = {role: RoleLedger(**counts) for role, counts in roles.items()}

    def asked(self, role: str) -> None:
        with self._lock:
            self._role(role).asked += 1

    def count(self, role: str, outcome: Outcome) -> None:
        with self._lock:
            entry = self._role(role)
            setattr(entry, outcome, getattr(entry, outcome) + 1)

    def retried(self, role: str) -> None:
        with self._lock:
            self._role(role).retries += 1

    def paid(self, paid: Paid) -> None:
        with self._lock:
            entry = self._role(paid.role)
            entry.paid += 1
            entry.input_tokens += paid.input_tokens
            entry.output_tokens += paid.output_tokens
            entry.usd = None if paid.usd is None or entry.usd is None else entry.usd + paid.usd
            entry.seconds += paid.seconds
        if self._writer is not None:
            self._writer.append(paid._asdict())

    def snapshot(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            return {role: asdict(entry) for role, entry in self._roles.items()}

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _role(self, role: str) -> RoleLedger:
        return self._roles.setdefault(role, RoleLedger())
