from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.models.singleflight import Abandoned, SingleFlight, wait_for


def test_one_asks_and_the_others_get_its_answer() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    flight, asks = flights.join("same")
    assert asks
    all_joined = threading.Barrier(8)

    def call() -> int:
        joined, asks = flights.join("same")
        assert not asks
        all_joined.wait()
        return joined.result(5)

    with ThreadPoolExecutor(7) as threads:
        answers = [threads.submit(call) for _ in range(7)]
        all_joined.wait()
        flights.land("same", 42)
    assert {answer.result() for answer in answers} == {flight.result()} == {42}
    assert flights.join("same")[1]


def test_joined_calls_share_a_lasting_failure_but_not_an_interruption() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    flights.join("a")
    joined, asks = flights.join("a")
    assert not asks
    flights.fail("a", ValueError("no"), shared=True)
    with pytest.raises(ValueError, match="no"):
        joined.result(0)
    flights.join("a")
    joined, _ = flights.join("a")
    flights.fail("a", KeyboardInterrupt(), shared=False)
    with pytest.raises(Abandoned):
        joined.result(0)


async def test_giving_up_on_a_wait_leaves_the_flight_alone() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    flight, _ = flights.join("a")
    one, other = asyncio.ensure_future(wait_for(flight)), asyncio.ensure_future(wait_for(flight))
    await asyncio.sleep(0)
    one.cancel()
    flights.land("a", 7)
    assert await other == 7
    with pytest.raises(asyncio.CancelledError):
        await one
