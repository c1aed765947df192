"""Equal calls in flight are asked once: one asks, the others wait for its answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Abandoned(Exception):
    """The asker was cancelled or interrupted before it had an answer: ask yourself."""


class SingleFlight(Generic[K, T]):
    """Joins equal calls that are in flight at the same time.

    `join` gives a future and whether the caller is the one who asks, and so must call `land` or `fail`. When
    the asker fails for good, those who joined it get the same error: it already retried, and they would only
    repeat that. When it is cancelled or interrupted, they get `Abandoned`, and one of them asks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[K, Future[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: K) -> tuple[Future[T], bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = Future()
            return flight, True

    def land(self, key: K, value: T) -> None:
        """The answer, after it is recorded: who comes later finds the record."""
        self._take(key).set_result(value)

    def fail(self, key: K, error: BaseException, *, shared: bool) -> None:
        """No answer. `shared` errors are everyone's; others end only the asker."""
        self._take(key).set_exception(error if shared else Abandoned())

    def _take(self, key: K) -> Future[T]:
        with self._lock:
            return self._flights.pop(key)


async def wait_for(flight: Future[T]) -> T:
    """The result of a flight, without blocking the loop; cancelling this wait leaves the flight alone."""
    return await asyncio.shield(asyncio.wrap_future(flight))
