"""The engine of every LM of a run: gate, journal, pace, provider, in this order; for threads and loops."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from dspy import lm15
from dspy.lm15 import Request, Response, response_to_events
from dspy.utils.exceptions import (
    LMAuthError,
    LMBillingError,
    LMError,
    LMNotConfiguredError,
    LMProviderError,
    LMRateLimitError,
    LMUnsupportedModelError,
    is_retryable_lm_error,
)

from ..errors import StopRun
from ..recipe import ModelProfile, Role
from . import singleflight
from .bounds import OutputLimits, bound_call
from .gate import NO_BOUND, Bound, Gate, Reservation, Spend
from .identify import hash_call
from .identity import CURRENT_CALL, CallIdentity
from .journal import Paid
from .prices import price_of, usd_of
from .rates import Pace, Slot
from .secrets import redact
from .sources import Source
from .wire import request_to_json, response_from_json, response_to_json

if TYPE_CHECKING:
    from .meter import Meter

_LOG = logging.getLogger("compilot")
T = TypeVar("T")

FAILURES_IN_A_ROW = 20
"""Calls of one model that fail for good without an answer between them: an outage, which ends the run."""
HOPELESS_IN_A_ROW = 3
"""The same for errors that no waiting mends: a wrong key, no credit, an unknown model."""
_HOPELESS = (
    lm15.AuthError,
    lm15.BillingError,
    lm15.NotConfiguredError,
    lm15.UnsupportedModelError,
    LMAuthError,
    LMBillingError,
    LMNotConfiguredError,
    LMUnsupportedModelError,
)
_RATE_LIMITS = (lm15.RateLimitError, LMRateLimitError)
_BACKOFF_SECONDS = 0.5
_RATE_LIMIT_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 300.0

_LIVE: weakref.WeakValueDictionary[str, MeteredEngine] = weakref.WeakValueDictionary()
_RANDOM = random.Random()
"""Of its own: jitter must not move the seeded generator of the run."""


class _Answer(NamedTuple):
    response: Response
    recorded: bool
    """From the journal."""


@dataclass(slots=True)
class _Call:
    key: str
    index: int
    identity: CallIdentity | None


class MeteredEngine:
    """Answers the calls of one role's model, each paid at most once, and counts them.

    Raises `StopRun` when the run must end, and else the errors of `dspy.lm15` once retries are used up.
    A streamed answer arrives whole: it must be recorded before anyone sees a part of it.
    """

    def __init__(
        self,
        meter: Meter,
        role: Role,
        profile: ModelProfile,
        source: Source,
        pace: Pace,
        *,
        fingerprint: str = "",
        prepare: Callable[[Request], Request] = lambda request: request,
    ) -> None:
        """`fingerprint` tells apart answers of equal requests to different places; `prepare` completes a
        request with what the profile says and dspy's LM cannot carry."""
        self.role = role
        self.profile = profile
        self.source = source
        self._meter = meter
        self._pace = pace
        self._fingerprint = fingerprint
        self._prepare = prepare
        self._price = price_of(profile)
        self._limits = OutputLimits(profile, keeps_limit=source.keeps_output_limit)
        self._failures = 0
        self._warned = False
        self._token = uuid.uuid4().hex
        _LIVE[self._token] = self

    def complete(self, request: Request) -> Response:
        return _run_blocking(self._complete(_BLOCKING, request))

    async def complete_async(self, request: Request) -> Response:
        return await self._complete(_WAITING, request)

    def stream(self, request: Request) -> Iterator[Any]:
        yield from response_to_events(self.complete(request))

    def close(self) -> None:
        """dspy borrows engines; the meter closes what it opened."""

    @property
    def supports_function_calling(self) -> bool:
        return bool(self.source.hint("supports_function_calling"))

    @property
    def supports_reasoning(self) -> bool:
        return bool(self.source.hint("supports_reasoning"))

    @property
    def supports_response_schema(self) -> bool:
        return bool(self.source.hint("supports_response_schema"))

    @property
    def supported_params(self) -> set[str]:
        return set(self.source.hint("supported_params"))

    def dump_state(self) -> dict[str, Any]:
        """What is needed to ask the same model again, without the meter; no key is in it."""
        from .build import dump_profile

        return {"role": self.role, "profile": dump_profile(self.profile)}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> Any:
        from .build import ProfileEngine

        return ProfileEngine.load_state(state)

    def __deepcopy__(self, memo: object) -> MeteredEngine:
        return self

    def __copy__(self) -> MeteredEngine:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self._token, self.dump_state(), False)

    async def _complete(self, waits: Waits, request: Request) -> Response:
        request = self._prepare(request)
        call = self._identify(request)
        self._meter.ledger.started(self.role)
        try:
            await waits.check(self._meter.gate)
            response = await self._answer(waits, call, request)
        except StopRun:
            self._meter.ledger.refused(self.role)
            raise
        except Exception:
            self._meter.ledger.failed(self.role)
            raise
        except BaseException:
            self._meter.ledger.refused(self.role)
            raise
        if call.identity is not None:
            call.identity.index += 1
        return response

    def _identify(self, request: Request) -> _Call:
        identity = CURRENT_CALL.get()
        if identity is not None and identity.engine is self:
            return _Call(self._fingerprint + identity.key, identity.index, identity)
        if not self._warned:
            self._warned = True
            self._meter.notice(
                "identity",
                self.role,
                f"calls of {self.profile.model} arrive without their callback; they are told apart by "
                "what they ask alone, so repeated samples of one prompt get one answer",
            )
        return _Call(self._fingerprint + hash_call({"bare": request_to_json(request)}), 0, None)

    async def _answer(self, waits: Waits, call: _Call, request: Request) -> Response:
        meter, pair = self._meter, (call.key, call.index)
        while True:
            flight, asks = meter.flights.join(pair)
            if not asks:
                try:
                    answer = await waits.landing(flight)
                except singleflight.Abandoned:
                    continue
                (meter.ledger.replayed if answer.recorded else meter.ledger.joined)(self.role)
                return answer.response
            try:
                recorded = meter.journal.read(*pair)
                if recorded is not None:
                    answer = _Answer(response_from_json(recorded), True)
                    meter.ledger.replayed(self.role)
                else:
                    answer = _Answer(await self._ask(waits, call, request), False)
            except BaseException as error:
                meter.flights.fail(pair, error, shared=isinstance(error, (Exception, StopRun)))
                raise
            meter.flights.land(pair, answer)
            return answer.response

    async def _ask(self, waits: Waits, call: _Call, request: Request) -> Response:
        """Ask the provider until it answers, and record the answer."""
        meter, gate = self._meter, self._meter.gate
        bound = bound_call(request, self.profile, self._limits) if gate.needs_bounds else NO_BOUND
        attempt = 1
        while True:
            slot, reservation = await self._admit(waits, bound)
            started = time.perf_counter()
            try:
                response = await waits.ask(self.source, _limit(request, bound, reservation))
            except BaseException as error:
                gate.release(reservation)
                self._leave(slot, error)
                if not isinstance(error, Exception):
                    raise
                _clean(error)
                if attempt > self.profile.retries or not _is_retryable(error):
                    self._count_failure(error)
                    raise
                meter.ledger.retried(self.role)
                await waits.sleep(gate, _delay(error, attempt))
                attempt += 1
                continue
            paid = self._bill(call, request, response, time.perf_counter() - started, attempt)
            used = (paid.input_tokens or 0) + (paid.output_tokens or 0)
            cut = reservation.output_limit is not None and response.finish_reason == "length"
            gate.settle(reservation, self._spend(paid, reservation, counts=not cut))
            self._pace.answered(slot, seconds=paid.latency, tokens=used)
            self._failures = 0
            if not cut:
                await waits.record(meter, paid)
                self._limits.observe(paid.output_tokens)
                return response
            # The limit that the budget imposed cut the answer: ask again with all that is left.
            await waits.record_waste(meter, paid)
            bound = dataclasses.replace(
                bound,
                enough_output_tokens=bound.output_tokens,
                least_output_tokens=min(bound.output_tokens, 2 * (reservation.output_limit or 0)),
            )

    async def _admit(self, waits: Waits, bound: Bound) -> tuple[Slot, Reservation]:
        while True:
            slot = await waits.slot(self._pace, bound.input_tokens // 4 if self._pace.counts_tokens else 0)
            if slot is None:
                await waits.check(self._meter.gate)
                continue
            try:
                return slot, await waits.reserve(self._meter.gate, bound)
            except BaseException:
                self._pace.failed(slot)
                raise

    def _leave(self, slot: Slot, error: BaseException) -> None:
        if isinstance(error, _RATE_LIMITS):
            self._pace.refused(slot)
        else:
            self._pace.failed(slot)

    def _bill(self, call: _Call, request: Request, response: Response, latency: float, attempt: int) -> Paid:
        tokens = self.source.tokens(response)
        usd = None
        if self.profile.price is None:
            usd = self.source.usd(request, response)
        if usd is None and self._price is not None and tokens.input is not None and tokens.output is not None:
            usd = usd_of(self._price, tokens.input, tokens.output, tokens.cached_input or 0)
        return Paid(
            key=call.key,
            index=call.index,
            role=self.role,
            model=self.profile.model,
            request=request_to_json(request),
            response=response_to_json(response),
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cached_input_tokens=tokens.cached_input,
            usd=usd,
            latency=latency,
            at=time.time(),
            attempts=attempt,
        )

    def _spend(self, paid: Paid, reservation: Reservation, *, counts: bool) -> Spend:
        """What the caps are charged: where the provider did not tell the usage, all that was reserved."""
        tokens = (paid.input_tokens or 0) + (paid.output_tokens or 0)
        if paid.input_tokens is None or paid.output_tokens is None:
            tokens = reservation.held.tokens
        usd = paid.usd if paid.usd is not None else reservation.held.usd
        return Spend(int(counts), tokens, usd)

    def _count_failure(self, error: Exception) -> None:
        self._failures += 1
        limit = HOPELESS_IN_A_ROW if isinstance(error, _HOPELESS) else FAILURES_IN_A_ROW
        if self._failures >= limit:
            detail = (
                f"{self.profile.model} ({self.role}) does not answer: {self._failures} calls failed "
                f"in a row, the last with {type(error).__name__}: {_first_line(error)}"
            )
            self._meter.notice("outage", self.role, detail)
            self._meter.gate.close("failed", detail)


class AsyncMeteredEngine:
    """The same engine for async calls."""

    def __init__(self, engine: MeteredEngine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Response:
        return await self._engine.complete_async(request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        for event in response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """dspy borrows engines; the meter closes what it opened."""

    def dump_state(self) -> dict[str, Any]:
        return self._engine.dump_state()

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> Any:
        from .build import AsyncProfileEngine

        return AsyncProfileEngine.load_state(state)

    def __deepcopy__(self, memo: object) -> AsyncMeteredEngine:
        return self

    def __copy__(self) -> AsyncMeteredEngine:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self._engine._token, self.dump_state(), True)


class Waits(Protocol):
    """How a call waits: by blocking its thread, or by letting its event loop go on."""

    async def check(self, gate: Gate) -> None: ...
    async def landing(self, flight: Future[_Answer]) -> _Answer: ...
    async def slot(self, pace: Pace, tokens: int) -> Slot | None: ...
    async def reserve(self, gate: Gate, bound: Bound) -> Reservation: ...
    async def sleep(self, gate: Gate, seconds: float) -> None: ...
    async def ask(self, source: Source, request: Request) -> Response: ...
    async def record(self, meter: Meter, paid: Paid) -> None: ...
    async def record_waste(self, meter: Meter, paid: Paid) -> None: ...


class _Blocking:
    """Coroutines that never suspend, so that `_run_blocking` runs them through without an event loop."""

    async def check(self, gate: Gate) -> None:
        gate.check()

    async def landing(self, flight: Future[_Answer]) -> _Answer:
        return flight.result()

    async def slot(self, pace: Pace, tokens: int) -> Slot | None:
        return pace.acquire(tokens)

    async def reserve(self, gate: Gate, bound: Bound) -> Reservation:
        return gate.reserve(bound)

    async def sleep(self, gate: Gate, seconds: float) -> None:
        gate.sleep(seconds)

    async def ask(self, source: Source, request: Request) -> Response:
        return source.complete(request)

    async def record(self, meter: Meter, paid: Paid) -> None:
        meter.record(paid)

    async def record_waste(self, meter: Meter, paid: Paid) -> None:
        meter.record_waste(paid)


class _Waiting:
    async def check(self, gate: Gate) -> None:
        await gate.check_async()

    async def landing(self, flight: Future[_Answer]) -> _Answer:
        return await singleflight.wait_for(flight)

    async def slot(self, pace: Pace, tokens: int) -> Slot | None:
        return await pace.acquire_async(tokens)

    async def reserve(self, gate: Gate, bound: Bound) -> Reservation:
        return await gate.reserve_async(bound)

    async def sleep(self, gate: Gate, seconds: float) -> None:
        await gate.sleep_async(seconds)

    async def ask(self, source: Source, request: Request) -> Response:
        return await source.complete_async(request)

    async def record(self, meter: Meter, paid: Paid) -> None:
        await asyncio.to_thread(meter.record, paid)

    async def record_waste(self, meter: Meter, paid: Paid) -> None:
        await asyncio.to_thread(meter.record_waste, paid)


_BLOCKING = _Blocking()
_WAITING = _Waiting()


def _run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking call tried to wait on an event loop")


def _revive(token: str, state: dict[str, Any], asynchronous: bool) -> Any:
    """The same engine in the process that pickled it, while it lives; an unmetered one elsewhere."""
    engine = _LIVE.get(token)
    if engine is None:
        return (AsyncMeteredEngine if asynchronous else MeteredEngine).load_state(state)
    return AsyncMeteredEngine(engine) if asynchronous else engine


def _limit(request: Request, bound: Bound, reservation: Reservation) -> Request:
    """The request with the token limit that was reserved for."""
    if bound is NO_BOUND:
        return request
    limit = reservation.output_limit or bound.output_tokens
    if request.config.max_tokens == limit:
        return request
    return dataclasses.replace(request, config=dataclasses.replace(request.config, max_tokens=limit))


def _is_retryable(error: Exception) -> bool:
    """Refusals of a moment, lost connections, server faults, and replies that came broken (status 200)."""
    broken = isinstance(error, (lm15.ProviderError, LMProviderError)) and error.status == 200
    return broken or isinstance(error, lm15.RETRYABLE_ERRORS) or is_retryable_lm_error(error)


def _delay(error: Exception, attempt: int) -> float:
    """Seconds before the next attempt: what the provider asked for, else doubling, with jitter."""
    asked: object = getattr(error, "retry_after", None)
    if isinstance(asked, (int, float)) and asked >= 0:
        return min(float(asked), _LONGEST_RETRY_AFTER_SECONDS)
    base = _RATE_LIMIT_BACKOFF_SECONDS if isinstance(error, _RATE_LIMITS) else _BACKOFF_SECONDS
    longest: float = min(base * 2.0 ** (attempt - 1), _LONGEST_BACKOFF_SECONDS)
    return longest * _RANDOM.uniform(0.5, 1.0)


def _clean(error: Exception) -> None:
    """Take keys out of an error's message: some servers repeat the key they refuse."""
    if isinstance(error, (lm15.LM15Error, LMError)):
        error.message = redact(error.message or "")
    error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)


def _first_line(error: Exception) -> str:
    return redact(str(error)).strip().partition("\n")[0]
