"""What an engine cannot see in a request: which LM call it serves.

dspy strips `rollout_id` and `n` before an engine is asked; a callback on the LM notes them here.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class CallIdentity:
    """One public LM call. Engines are asked `n` times for it; `index` counts them from 0."""

    key: str
    """Hash of the model, messages, parameters and rollout id."""
    rollout_id: int | None
    temperature: float | None
    n: int = 1
    index: int = 0
    engine: object | None = None
    """The engine of the LM that was called; what another engine finds here is not meant for it."""


CURRENT_CALL: ContextVar[CallIdentity | None] = ContextVar("compilot_current_call", default=None)
