from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.rates import Bucket, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=100, deadline=None)
@given(per_minute=st.integers(1, 600), gaps=st.lists(st.floats(0, 5), max_size=200))
def test_no_minute_holds_more_than_the_rate(per_minute: int, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(per_minute, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        now += bucket.seconds_until(1, now) + 1e-6
        assert bucket.seconds_until(1, now) == 0.0
        bucket.take(1)
        taken.append(now)
    for start in taken:
        assert sum(start <= at < start + 60 for at in taken) <= per_minute + 1


def test_more_than_a_burst_is_taken_as_a_debt() -> None:
    bucket = Bucket(6000, 0.0)
    assert bucket.seconds_until(100_000, 0.0) == 0.0
    bucket.take(100_000)
    assert bucket.seconds_until(1, 60.0) > 600


def test_the_window_opens_with_answers_and_closes_with_refusals() -> None:
    clock = Clock()
    pace = Pace(max_in_flight=32, clock=clock)
    slots = [pace.acquire() for _ in range(8)]
    assert pace.window == 8
    for slot in slots:
        assert slot is not None
        clock.now += 0.01
        pace.answered(slot, seconds=0.1)
    assert pace.window == 16
    crowd = [pace.acquire() for _ in range(16)]
    clock.now += 0.1
    for slot in crowd:
        assert slot is not None
        pace.refused(slot)
    assert pace.window == pytest.approx(16 * 0.85), "one overload closes it once"
    assert pace.rate is not None
    before = pace.rate
    clock.now += 2
    assert before < pace.rate < before * 1.1


def test_refusals_pace_the_next_calls() -> None:
    clock = Clock()
    pace = Pace(max_in_flight=8, clock=clock)
    for _ in range(50):
        slot = pace.acquire()
        assert slot is not None
        clock.now += 0.1
        pace.answered(slot, seconds=0.1)
    slot = pace.acquire()
    assert slot is not None
    clock.now += 0.01
    pace.refused(slot)
    assert pace.rate == pytest.approx(9.5, rel=0.15)
    slot = pace.acquire()
    assert slot is not None
    pace.answered(slot, seconds=0.0)
    started = threading.Event()
    threading.Thread(target=lambda: (pace.acquire(), started.set()), daemon=True).start()
    assert not started.wait(0.05), "the next call is due a tenth of a second later"
    clock.now += 0.2
    pace.wake()
    assert started.wait(5)


def test_waiting_ends_when_it_is_of_no_use() -> None:
    over = threading.Event()
    pace = Pace(max_in_flight=1, interrupted=over.is_set)
    assert pace.acquire() is not None
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(pace.acquire()), daemon=True)
    waiting.start()
    over.set()
    pace.wake()
    waiting.join(5)
    assert got == [None]


async def test_async_calls_share_the_window() -> None:
    pace = Pace(max_in_flight=1)
    slot = await pace.acquire_async()
    assert slot is not None
    import asyncio

    waiting = asyncio.ensure_future(pace.acquire_async())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    pace.answered(slot, seconds=0.01)
    assert await asyncio.wait_for(waiting, 5) is not None


def test_requests_per_minute_hold_across_threads() -> None:
    clock = Clock()
    pace = Pace(max_in_flight=8, requests_per_minute=60, clock=clock)
    started = 0
    for _ in range(600):
        clock.now += 0.1
        if pace._delay(0, clock.now) == 0:
            slot = pace.acquire()
            assert slot is not None
            pace.answered(slot, seconds=0.0)
            started += 1
    assert 55 <= started <= 61
