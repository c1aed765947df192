"""Engines that answer at once and count, for tests of what lies in front of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, Usage

from core.models.journal import Paid
from core.models.meter import Meter
from core.recipe import Budget, ModelProfile, Role


def paid(key: str = "k", index: int = 0, *, role: Role = "student", text: str = "yes", **more: Any) -> Paid:
    """A call to record."""
    values: dict[str, Any] = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_input_tokens": 0,
        "usd": 0.5,
        "latency": 0.25,
        "at": 1000.0,
        **more,
    }
    return Paid(
        key=key,
        index=index,
        role=role,
        model="test/model",
        request={
            "model": "test/model",
            "system": "be brief",
            "messages": [{"role": "user", "parts": [{"type": "text", "text": f"ask {key}"}]}],
        },
        response={"model": "m", "message": {"role": "assistant", "parts": [{"type": "text", "text": text}]}},
        **values,
    )


class CountingEngine:
    """Answers with what was asked and how often; `fail` may raise instead, `seconds` makes it slow."""

    keeps_output_limit = True

    def __init__(
        self,
        *,
        seconds: float = 0.0,
        fail: Callable[[int], Exception | None] = lambda number: None,
        output_tokens: Callable[[str], int] = lambda text: 5,
        input_tokens: int | None = 10,
    ) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
        self._fail = fail
        self._output_tokens = output_tokens
        self._input_tokens = input_tokens
        self.calls = 0
        self.answers = 0
        self.by_text: Counter[str] = Counter()
        self.limits: list[int | None] = []

    def complete(self, request: Request) -> Response:
        text = request.messages[-1].text or ""
        with self._lock:
            number = self.calls
            self.calls += 1
            self.by_text[text] += 1
            self.limits.append(request.config.max_tokens)
        if self._seconds:
            time.sleep(self._seconds)
        error = self._fail(number)
        if error is not None:
            raise error
        tokens = self._output_tokens(text)
        limit = request.config.max_tokens
        cut = limit is not None and tokens > limit
        with self._lock:
            self.answers += 1
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(f"answer {number} to {text}"),
            finish_reason="length" if cut else "stop",
            usage=Usage(
                input_tokens=self._input_tokens,
                output_tokens=(min(tokens, limit) if limit else tokens)
                if self._input_tokens is not None
                else None,
            ),
        )


def metered(
    folder: Path,
    engine: Any,
    *,
    role: Role = "student",
    budget: Budget | None = None,
    profile: ModelProfile | None = None,
    num_threads: int = 8,
    **more: Any,
) -> tuple[Meter, dspy.LM]:
    """A meter on `folder` and an LM whose answers come from `engine`."""
    meter = Meter.open(folder, budget=budget, num_threads=num_threads, **more)
    profile = profile or ModelProfile(model="test/model", retries=2)
    return meter, lm_of(meter, engine, role=role, profile=profile)


def lm_of(
    meter: Meter, engine: Any, *, role: Role = "student", profile: ModelProfile | None = None
) -> dspy.LM:
    """Like `Meter.lm`, with another engine behind it."""
    from core.models.build import build_lm
    from core.models.engine import AsyncMeteredEngine, MeteredEngine
    from core.models.identify import IdentifyCall
    from core.models.rates import Pace
    from core.models.sources import EngineSource

    profile = profile or ModelProfile(model="test/model", retries=2)
    front = MeteredEngine(meter, role, profile, EngineSource(engine), Pace(max_in_flight=64))
    return build_lm(profile, front, AsyncMeteredEngine(front), [IdentifyCall()])
