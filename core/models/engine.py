"""The engine of every LM of a run: gate, journal, pace, provider, in this order; for threads and loops."""

from __future__ import annotations

import dataclasses
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dspy.lm15 import Request, Response, response_to_events

from ..errors import StopRun
from ..recipe import ModelProfile, Role
from . import singleflight
from .bounds import OutputLimits, bound_call
from .gate import NO_BOUND, Bound, Reservation, Spend
from .identify import hash_call
from .identity import CURRENT_CALL, CallIdentity
from .journal import Paid
from .prices import price_of, usd_of
from .rates import Pace, Slot
from .retries import HOPELESS, RATE_LIMITS, backoff_seconds, clean_error, first_line, is_retryable
from .sources import Source
from .waits import BLOCKING, WAITING, Waits, run_blocking
from .wire import request_to_json, response_from_json, response_to_json

if TYPE_CHECKING:
    from .meter import Meter


FAILURES_IN_A_ROW = 20
"""Calls of one model that fail for good without an answer between them: an outage, which ends the run."""
HOPELESS_IN_A_ROW = 3
"""The same for errors that no waiting mends: a wrong key, no credit, an unknown model."""
_LIVE: weakref.WeakValueDictionary[str, MeteredEngine] = weakref.WeakValueDictionary()


class Answer(NamedTuple):
    """What one flight brings to all who asked the same."""

    response: Response
    recorded: bool
    """Whether it came from the journal."""


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
        return run_blocking(self._complete(BLOCKING, request))

    async def complete_async(self, request: Request) -> Response:
        return await self._complete(WAITING, request)

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
                    answer = Answer(response_from_json(recorded), True)
                    meter.ledger.replayed(self.role)
                else:
                    answer = Answer(await self._ask(waits, call, request), False)
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
                clean_error(error)
                if attempt > self.profile.retries or not is_retryable(error):
                    self._count_failure(error)
                    raise
                meter.ledger.retried(self.role)
                await waits.sleep(gate, backoff_seconds(error, attempt))
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
        if isinstance(error, RATE_LIMITS):
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
        limit = HOPELESS_IN_A_ROW if isinstance(error, HOPELESS) else FAILURES_IN_A_ROW
        if self._failures >= limit:
            detail = (
                f"{self.profile.model} ({self.role}) does not answer: {self._failures} calls failed "
                f"in a row, the last with {type(error).__name__}: {first_line(error)}"
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
