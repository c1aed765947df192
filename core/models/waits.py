"""The two ways in which an engine's calls wait, so that what they do is written once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dspy.lm15 import Request, Response

from . import singleflight
from .gate import Bound, Gate, Reservation
from .journal import Paid
from .rates import Pace, Slot
from .sources import Source

if TYPE_CHECKING:
    from .meter import Meter

T = TypeVar("T")


class Waits(Protocol):
    """How a call waits: by blocking its thread, or by letting its event loop go on."""

    async def check(self, gate: Gate) -> None: ...
    async def landing(self, flight: Future[T]) -> T: ...
    async def slot(self, pace: Pace, tokens: int) -> Slot | None: ...
    async def reserve(self, gate: Gate, bound: Bound) -> Reservation: ...
    async def sleep(self, gate: Gate, seconds: float) -> None: ...
    async def ask(self, source: Source, request: Request) -> Response: ...
    async def record(self, meter: Meter, paid: Paid) -> None: ...
    async def record_waste(self, meter: Meter, paid: Paid) -> None: ...


class _Blocking:
    """Coroutines that never suspend, so that `run_blocking` runs them through without an event loop."""

    async def check(self, gate: Gate) -> None:
        gate.check()

    async def landing(self, flight: Future[T]) -> T:
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

    async def landing(self, flight: Future[T]) -> T:
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


BLOCKING: Waits = _Blocking()
WAITING: Waits = _Waiting()


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine over `BLOCKING`. Raises `RuntimeError` where it would suspend."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking call tried to wait on an event loop")
