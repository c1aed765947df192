from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StopRun
from core.models.gate import Bound, Gate, Reservation, Spend, Warn
from core.recipe import Budget


def in_thread(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_open_gate_lets_calls_pass() -> None:
    gate = Gate()
    gate.check()
    gate.settle(gate.reserve(), Spend(1, 10, 0.1))
    assert gate.spent == Spend(1, 10, 0.1)


def test_closed_gate_stays_closed_for_the_first_reason() -> None:
    gate = Gate()
    gate.close("stopped", "by a person")
    gate.close("failed", "later")
    for _ in range(3):
        with pytest.raises(StopRun) as caught:
            gate.reserve()
        assert (caught.value.reason, caught.value.detail) == ("stopped", "by a person")
    with pytest.raises(StopRun):
        gate.check()


def test_pause_blocks_until_resumed() -> None:
    gate, passed = Gate(), threading.Event()
    gate.pause()
    thread = in_thread(lambda: (gate.check(), gate.reserve(), passed.set()))
    assert not passed.wait(0.05)
    gate.resume()
    assert passed.wait(5)
    thread.join(5)


def test_closing_wakes_those_who_wait_in_a_pause() -> None:
    gate, stopped = Gate(), threading.Event()
    gate.pause()

    def call() -> None:
        with pytest.raises(StopRun):
            gate.check()
        stopped.set()

    in_thread(call)
    gate.close("stopped")
    assert stopped.wait(5)


def test_sleep_ends_when_the_gate_closes() -> None:
    gate, stopped = Gate(), threading.Event()

    def nap() -> None:
        with pytest.raises(StopRun):
            gate.sleep(60)
        stopped.set()

    in_thread(nap)
    gate.close("stopped")
    assert stopped.wait(5)


def test_calls_cap_is_exact_at_many_threads() -> None:
    gate, made = Gate(Budget(calls=100)), []

    def call() -> None:
        try:
            while True:
                reservation = gate.reserve()
                made.append(1)
                gate.settle(reservation, Spend(1, 1, 0))
        except StopRun as stop:
            assert stop.reason == "budget"
            assert "calls" in stop.detail

    with ThreadPoolExecutor(32) as threads:
        for _ in range(32):
            threads.submit(call)
    assert len(made) == 100
    assert gate.spent.calls == 100


@pytest.mark.parametrize("threads", [1, 8, 32])
@pytest.mark.parametrize("seed", range(5))
def test_usd_cap_is_never_overshot_and_nearly_used_up(threads: int, seed: int) -> None:
    """Calls cost between nothing and their bound; many share the gate."""
    cap = 1.0
    gate, random = Gate(Budget(usd=cap)), Random(seed)
    bound = Bound(400, 300, 120, 60, 1e-5, 4e-5)  # at most 1.6 cents, 0.64 with the lowest limit
    costs = [(random.randint(50, 120), random.randint(1, 30)) for _ in range(5000)]
    lock = threading.Lock()

    def call() -> None:
        try:
            while True:
                reservation = gate.reserve(bound)
                with lock:
                    inputs, outputs = costs.pop()
                usd = inputs * 1e-5 + min(outputs, reservation.output_limit or outputs) * 4e-5
                gate.settle(reservation, Spend(1, inputs + outputs, usd))
        except StopRun as stop:
            assert stop.reason == "budget"

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(call)
    assert gate.spent.usd <= cap
    assert gate.spent.usd >= 0.9 * cap


def test_a_call_that_does_not_fit_waits_for_those_in_flight() -> None:
    gate = Gate(Budget(tokens=100))
    bound = Bound(input_tokens=20, output_tokens=40, enough_output_tokens=40, least_output_tokens=40)
    first = gate.reserve(bound)
    admitted = threading.Event()
    in_thread(lambda: (gate.reserve(bound), admitted.set()))
    assert not admitted.wait(0.05)
    gate.settle(first, Spend(1, 15, 0))
    assert admitted.wait(5)
    assert gate.closed is None


def test_the_output_limit_is_lowered_before_the_run_is_stopped() -> None:
    gate = Gate(Budget(tokens=100))
    bound = Bound(input_tokens=20, output_tokens=1000, enough_output_tokens=50, least_output_tokens=10)
    reservation = gate.reserve(bound)
    assert reservation == Reservation(Spend(1, 70, 0.0), 50)
    last = gate.reserve(bound)
    assert last == Reservation(Spend(1, 30, 0.0), 10)
    gate.settle(reservation, Spend(1, 60, 0))
    gate.settle(last, Spend(1, 30, 0))
    with pytest.raises(StopRun) as caught:
        gate.reserve(bound)
    assert caught.value.reason == "budget"
    assert "tokens" in caught.value.detail


def test_released_calls_cost_nothing() -> None:
    gate = Gate(Budget(calls=1))
    for _ in range(5):
        gate.release(gate.reserve())
    assert gate.spent == Spend()


def test_minutes_do_not_count_pauses() -> None:
    clock = Clock()
    gate = Gate(Budget(minutes=10), clock=clock)
    clock.now += 300
    gate.pause()
    clock.now += 10_000
    gate.resume()
    clock.now += 299
    gate.check()
    assert gate.seconds == pytest.approx(599)
    clock.now += 2
    assert gate.over
    with pytest.raises(StopRun) as caught:
        gate.check()
    assert caught.value.reason == "budget"
    assert "10 minutes" in caught.value.detail


def test_minutes_of_earlier_attempts_count() -> None:
    clock = Clock()
    gate = Gate(clock=clock)
    gate.set_caps(Budget(minutes=10), seconds=599)
    gate.check()
    clock.now += 2
    with pytest.raises(StopRun):
        gate.check()


def test_warnings_come_once_each() -> None:
    told: list[Warn] = []
    gate = Gate(Budget(calls=20), on_warning=told.append)
    for _ in range(20):
        gate.settle(gate.reserve(), Spend(1))
    assert [(warn.cap, warn.fraction, warn.spent) for warn in told] == [
        ("calls", 0.5, 10),
        ("calls", 0.8, 16),
        ("calls", 0.95, 19),
    ]


def test_what_was_spent_before_counts() -> None:
    gate = Gate()
    gate.set_caps(Budget(usd=1.0), spent=Spend(7, 70, 1.0))
    with pytest.raises(StopRun):
        gate.reserve(Bound(1, 1, 1, 1, 0.1, 0.1))


def test_a_raised_cap_lets_calls_go_on() -> None:
    gate = Gate(Budget(calls=1))
    gate.settle(gate.reserve(), Spend(1))
    gate.set_caps(Budget(calls=2))
    gate.settle(gate.reserve(), Spend(1))
    assert gate.spent.calls == 2


def test_listeners_hear_of_changes() -> None:
    gate, heard = Gate(), []
    gate.subscribe(lambda: heard.append(gate.over))
    gate.pause()
    gate.resume()
    gate.close("stopped")
    assert heard == [False, False, True]


async def test_async_waits_do_not_block_the_loop() -> None:
    gate = Gate()
    gate.pause()
    waiting = asyncio.ensure_future(gate.reserve_async())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    gate.resume()
    gate.release(await asyncio.wait_for(waiting, 5))
    napping = asyncio.ensure_future(gate.sleep_async(60))
    await asyncio.sleep(0)
    gate.close("stopped", "enough")
    with pytest.raises(StopRun, match="enough"):
        await asyncio.wait_for(napping, 5)


@settings(max_examples=200, deadline=None)
@given(
    cap=st.integers(50, 500),
    calls=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1)), max_size=60),
)
def test_settled_spend_never_exceeds_a_cap(cap: int, calls: list[tuple[int, int, float]]) -> None:
    gate = Gate(Budget(tokens=cap))
    for inputs, outputs, share in calls:
        try:
            reservation = gate.reserve(Bound(inputs, outputs, max(1, outputs // 2), max(1, outputs // 4)))
        except StopRun:
            assert gate.closed is not None
            break
        used = inputs + int(share * (reservation.output_limit or outputs))
        gate.settle(reservation, Spend(1, used, 0))
        assert gate.spent.tokens <= cap
