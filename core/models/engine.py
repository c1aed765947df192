"""The metered engine: every LM call passes gate, then journal, then the real engine."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from dspy._vendor.lm15.serde import request_to_dict, response_from_dict, response_to_dict
from dspy.clients.errors import wrap_error
from dspy.lm15 import Reasoning, Request, Response, response_to_events
from dspy.utils.exceptions import is_retryable_lm_error

from ..recipe import ModelProfile, Price, Role
from .gate import Amount
from .identify import hash_call
from .identity import CURRENT_CALL, CallIdentity
from .journal import Paid
from .prices import cost_of

if TYPE_CHECKING:
    from .meter import Meter

BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT_SECONDS = 30.0
OUTAGE_ERRORS = 20
"""So many final failures in a row, over all roles, are an outage: the run ends."""
CHARACTERS_PER_TOKEN = 3
"""Fewer than any tokenizer's average, so that a reservation is never too small."""
FIRST_OUTPUT_TOKENS = 2_000
"""Reserved for an answer while nothing is known of a role's answers and no max_tokens is set."""


class Inner(Protocol):
    """The engine that really answers."""

    def complete(self, request: Request) -> Response: ...


class AsyncInner(Protocol):
    async def complete(self, request: Request) -> Response: ...


class MeteredEngine:
    """An engine for `dspy.LM(engine=…)` around the real one, for one role."""

    def __init__(
        self,
        meter: Meter,
        role: Role,
        profile: ModelProfile,
        inner: Inner,
        price: Price | None,
        reasoning: Reasoning | None = None,
    ) -> None:
        self._meter = meter
        self._role: Role = role
        self._profile = profile
        self._inner = inner
        self._price = price
        self._reasoning = reasoning
        self._most_output = 0
        self._answers = 0

    def complete(self, request: Request) -> Response:
        """One completion: recorded, joined to an equal call in flight, or paid for."""
        meter, identity = self._meter, next_completion(request)
        place = (identity.key, identity.index)
        meter.ledger.asked(self._role)
        meter.gate.wait_open()
        recorded = meter.recall(place)
        if recorded is not None:
            meter.ledger.count(self._role, "replayed")
            return response_from_dict(recorded)
        mine, answer = meter.join(place)
        if not mine:
            try:
                response: Response = response_from_dict(answer.result())
            except BaseException:
                meter.ledger.count(self._role, "errors")
                raise
            meter.ledger.count(self._role, "joined")
            return response
        try:
            response = self._pay(request, identity)
        except BaseException as error:
            meter.ledger.count(self._role, "errors")
            meter.leave(place, answer, error=error)
            raise
        meter.leave(place, answer, response=response_to_dict(response))
        return response

    def stream(self, request: Request) -> Iterator[Any]:
        yield from response_to_events(self.complete(request))

    def close(self) -> None:
        """The meter owns what is behind."""

    def dump_state(self) -> dict[str, Any]:
        return {"model": self._profile.model}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> Any:
        """A saved program names the model only: it is metered again by the run that loads it."""
        from .build import build_inner
        from .embedded.engine import build_engine

        model = state["model"]
        return build_engine(model) if model.startswith("embedded/") else build_inner(ModelProfile(model=model))

    def _pay(self, request: Request, identity: CallIdentity) -> Response:
        """Ask the real engine, again where the failure may pass; the answer is on disk when this returns."""
        meter = self._meter
        if self._reasoning is not None:
            request = replace(request, config=replace(request.config, reasoning=self._reasoning))
        plain = request_to_dict(request)
        attempt = 0
        while True:
            most = self._most(plain, request)
            meter.gate.reserve(most, alone=meter.gate.capped and not self._answers)
            spent = Amount(calls=1)
            started = time.monotonic()
            token = CURRENT_CALL.set(identity)
            try:
                response = self._inner.complete(request)
                paid = self._price_answer(response, time.monotonic() - started)
                spent = Amount(1, paid.input_tokens + paid.output_tokens, paid.usd or 0.0)
                meter.record(identity, plain, response_to_dict(response), paid)
                meter.succeeded()
                return response
            except Exception as raised:
                error = wrap_error(raised, model=self._profile.model)
                if attempt >= self._profile.retries or not is_retryable_lm_error(error):
                    meter.failed(error)
                    raise
                attempt += 1
                meter.ledger.retried(self._role)
                delay = backoff(attempt, getattr(error, "retry_after", None))
            finally:
                CURRENT_CALL.reset(token)
                meter.gate.settle(most, spent)
            meter.gate.wait(delay)

    def _most(self, plain: Mapping[str, Any], request: Request) -> Amount:
        """The most this call can cost: its prompt, and the longest answer allowed or twice the longest seen.

        An answer longer than twice every earlier one of its role is the one way past a token or usd cap, and
        only where the profile sets no `max_tokens` below it.
        """
        if not self._meter.gate.capped:
            return Amount(calls=1)
        prompt = len(str(plain)) // CHARACTERS_PER_TOKEN
        allowed = request.config.max_tokens or (FIRST_OUTPUT_TOKENS if not self._answers else 1 << 30)
        output = min(allowed, 2 * self._most_output) if self._answers else allowed
        return Amount(1, prompt + output, cost_of(self._price, prompt, output) or 0.0)

    def _price_answer(self, response: Response, seconds: float) -> Paid:
        usage = response.usage
        inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
        self._answers += 1
        self._most_output = max(self._most_output, outputs)
        known = usage.input_tokens is not None and usage.output_tokens is not None
        usd = cost_of(self._price, inputs, outputs, usage.cache_read_tokens or 0) if known else None
        return Paid(self._role, self._profile.model, inputs, outputs, usd, seconds)


class AsyncMeteredEngine:
    """The same for async programs; waiting and asking happen off the event loop."""

    def __init__(self, engine: MeteredEngine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Response:
        return await asyncio.to_thread(self._engine.complete, request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        for event in response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """The meter owns what is behind."""

    def dump_state(self) -> dict[str, Any]:
        return self._engine.dump_state()

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> Any:
        return MeteredEngine.load_state(state)


def next_completion(request: Request) -> CallIdentity:
    """Which completion of which LM call this is; outside of an LM call the request identifies itself."""
    call = CURRENT_CALL.get()
    if call is None:
        config = request.config
        return CallIdentity(hash_call(request_to_dict(request)), None, config.temperature)
    this = replace(call)
    call.index += 1
    return this


def backoff(attempt: int, retry_after: float | None) -> float:
    """Seconds to wait before an attempt: what the provider asks, else doubling with jitter."""
    if retry_after is not None:
        return float(retry_after)
    return min(BACKOFF_LIMIT_SECONDS, BACKOFF_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.8, 1.2)


Answer = Future[dict[str, Any]]


class SingleFlight:
    """Equal calls in flight: one asks, the others wait for its answer or share its failure."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], Answer] = {}

    def join(
        self, place: tuple[str, int], recall: Callable[[tuple[str, int]], Any]
    ) -> tuple[bool, Answer]:
        """Whether the caller is the one that asks, and the answer to wait for or to give."""
        with self._lock:
            answer = self._waiting.get(place)
            if answer is not None:
                return False, answer
            answer = Future()
            recorded = recall(place)
            if recorded is not None:
                # It was answered between the caller's look and now.
                answer.set_result(recorded)
                return False, answer
            self._waiting[place] = answer
            return True, answer

    def leave(
        self,
        place: tuple[str, int],
        answer: Answer,
        *,
        response: dict[str, Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        with self._lock:
            self._waiting.pop(place, None)
        if error is not None:
            answer.set_exception(error)
        elif response is not None:
            answer.set_result(response)


