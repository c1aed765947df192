"""What a try of a program tells: outputs, predictor runs, LM calls."""

from __future__ import annotations

from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True):
    role: str
    text: str


class CallTrace(msgspec.Struct, frozen=True):
    """One LM call."""

    predictor: str | None
    """None when the program asked the LM without a predictor."""
    model: str
    messages: tuple[Message, ...]
    completion: str
    input_tokens: int | None
    output_tokens: int | None
    """As the provider counted them; None when it said nothing."""
    seconds: float
    error: str | None = None


class StepTrace(msgspec.Struct, frozen=True):
    """One run of a predictor: what went in, what came out, and its LM calls by their place in `calls`."""

    predictor: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    calls: tuple[int, ...]
    seconds: float
    error: str | None = None


class TryResult(msgspec.Struct, frozen=True):
    """What became of one input."""

    outputs: dict[str, Any] | None
    steps: tuple[StepTrace, ...]
    calls: tuple[CallTrace, ...]
    seconds: float
    error: str | None = None
    where: str | None = None
    traceback: str | None = None

    @property
    def calls_by_predictor(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for call in self.calls:
            name = call.predictor or "(no predictor)"
            counts[name] = counts.get(name, 0) + 1
        return counts
