"""How fast one model is asked: rates a person set, and a pace found from the provider's refusals.

Two dials adapt to 429s, because providers refuse for two reasons. The window limits calls in flight: it
opens by one with each answer until the first refusal, then by one in `_PROBE` windows of answers, and closes
to 85 % of what was in flight at a refusal. The rate limits calls a second: at a refusal it becomes 95 % of
the rate at which answers came, and grows by 1 % a second, by 10 % once three seconds passed without another.
Whichever binds is the provider's real limit, so calls settle just under it, and refusals stay rare.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .wakeup import Wakeup

_START_WINDOW = 8.0
_PROBE = 8.0
_CLOSE_TO = 0.85
_SETTLE_TO = 0.95
_GROWTH_PER_SECOND = 0.01
_FAST_GROWTH_AFTER_SECONDS = 3.0
_FAST_GROWTH_PER_SECOND = 0.1
_BACK_OFF_TO = 0.7
_LOWEST_RATE = 0.2
_MEASURED_SECONDS = 2.0
_ENOUGH_ANSWERS = 5
_LONGEST_WAIT_SECONDS = 1.0
_BURST_SECONDS = 3.0


@dataclass(slots=True)
class Slot:
    """Leave to make one attempt."""

    tokens: int
    started: float


class Bucket:
    """At most `per_minute` in any 60 seconds: a burst of three seconds' worth, the rest refilled evenly."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._burst = max(1.0, per_minute * _BURST_SECONDS / 60)
        self._per_second = max(per_minute - self._burst, per_minute / 60) / 60
        self._level = self._burst
        self._at = now

    def seconds_until(self, amount: float, now: float) -> float:
        """0 when `amount` may be taken. More than a burst may be taken from a full bucket, as a debt."""
        self._level = min(self._burst, self._level + (now - self._at) * self._per_second)
        self._at = now
        missing = min(amount, self._burst) - self._level
        return missing / self._per_second if missing > 1e-9 else 0.0

    def take(self, amount: float) -> None:
        self._level -= amount


class Pace:
    """When the next attempt to one model may start. For threads and event loops."""

    def __init__(
        self,
        *,
        max_in_flight: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        interrupted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`interrupted` tells that waiting is of no use any more; `wake` makes waiters ask it."""
        self._wakeup = Wakeup()
        self._clock = clock
        self._interrupted = interrupted
        now = clock()
        self._requests = Bucket(requests_per_minute, now) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute, now) if tokens_per_minute else None
        self._most = float(max_in_flight)
        self._window = min(self._most, _START_WINDOW)
        self._refused = False
        self._in_flight = 0
        self._rate: float | None = None
        self._rate_set_at = now
        self._next_at = now
        self._cut_at = float("-inf")
        self._latency = 0.0
        self._answers: deque[float] = deque()

    def set_most(self, max_in_flight: int) -> None:
        """Bound the attempts in flight anew. Those under way finish."""
        with self._wakeup.lock:
            # The window opens at once as far as it had, unless a refusal told how far it may.
            grown = self._window >= self._most and not self._refused
            self._most = float(max_in_flight)
            self._window = self._most if grown else min(self._window, self._most)
            self._wakeup.notify()

    @property
    def window(self) -> float:
        """Calls that may be in flight at once, at the moment."""
        return self._window

    @property
    def rate(self) -> float | None:
        """Calls a second, at the moment; None while no refusal told."""
        return self._rate_now(self._clock()) if self._rate is not None else None

    @property
    def counts_tokens(self) -> bool:
        return self._tokens is not None

    def acquire(self, tokens: int = 0) -> Slot | None:
        """Wait for leave to make an attempt of about so many tokens; None when interrupted."""
        return self._wakeup.wait(lambda: self._try(tokens), lambda: self._seconds(tokens))[0]

    async def acquire_async(self, tokens: int = 0) -> Slot | None:
        return (await self._wakeup.wait_async(lambda: self._try(tokens), lambda: self._seconds(tokens)))[0]

    def wake(self) -> None:
        with self._wakeup.lock:
            self._wakeup.notify()

    def answered(self, slot: Slot, *, seconds: float, tokens: int = 0) -> None:
        """The attempt got its answer, of so many tokens, after so many seconds at the provider."""
        with self._wakeup.lock:
            now = self._leave(slot, tokens)
            self._answers.append(now)
            while self._answers and now - self._answers[0] > _MEASURED_SECONDS:
                self._answers.popleft()
            self._latency = seconds if not self._latency else 0.9 * self._latency + 0.1 * seconds
            if self._window < self._most:
                step = 1.0 / (_PROBE * self._window) if self._refused else 1.0
                self._window = min(self._most, self._window + step)
            self._wakeup.notify()

    def refused(self, slot: Slot) -> None:
        """The provider said: too many."""
        with self._wakeup.lock:
            in_flight = self._in_flight
            now = self._leave(slot, 0)
            # Refusals of calls that were already under way belong to the same overload.
            if slot.started > self._cut_at:
                self._cut_at = now
                self._refused = True
                self._window = max(1.0, min(self._window, in_flight) * _CLOSE_TO)
                self._cut_rate(now)
            self._wakeup.notify()

    def failed(self, slot: Slot) -> None:
        """The attempt ended in another error."""
        with self._wakeup.lock:
            self._leave(slot, 0)
            self._wakeup.notify()

    def _try(self, tokens: int) -> tuple[Slot | None] | None:
        if self._interrupted():
            return (None,)
        now = self._clock()
        if self._delay(tokens, now) > 0:
            return None
        if self._requests is not None:
            self._requests.take(1)
        if self._tokens is not None:
            self._tokens.take(tokens)
        self._in_flight += 1
        if self._rate is not None:
            self._next_at = max(self._next_at, now) + 1.0 / self._rate_now(now)
        return (Slot(tokens, now),)

    def _seconds(self, tokens: int) -> float:
        return min(_LONGEST_WAIT_SECONDS, self._delay(tokens, self._clock()))

    def _delay(self, tokens: int, now: float) -> float:
        """Seconds until leave can be given, as far as it is known; 0 is now."""
        if self._in_flight >= max(1, int(self._window)):
            return _LONGEST_WAIT_SECONDS
        delay = self._next_at - now if self._rate is not None else 0.0
        if self._requests is not None:
            delay = max(delay, self._requests.seconds_until(1, now))
        if self._tokens is not None:
            delay = max(delay, self._tokens.seconds_until(tokens, now))
        return delay

    def _leave(self, slot: Slot, tokens: int) -> float:
        self._in_flight -= 1
        if self._tokens is not None:
            self._tokens.take(tokens - slot.tokens)
        return self._clock()

    def _rate_now(self, now: float) -> float:
        """The rate set at the last refusal, grown since."""
        since = now - self._rate_set_at
        fast = max(0.0, since - _FAST_GROWTH_AFTER_SECONDS)
        grown: float = (1 + _GROWTH_PER_SECOND * since) * (1 + _FAST_GROWTH_PER_SECOND) ** min(fast, 100.0)
        return (self._rate or 0.0) * grown

    def _cut_rate(self, now: float) -> None:
        recent = [at for at in self._answers if now - at <= _MEASURED_SECONDS]
        if len(recent) >= _ENOUGH_ANSWERS and now > recent[0]:
            measured = len(recent) / max(now - recent[0], self._latency, 0.05)
            self._rate = measured * _SETTLE_TO
        elif self._rate is not None:
            self._rate = max(_LOWEST_RATE, self._rate_now(now) * _BACK_OFF_TO)
        self._rate_set_at = now
