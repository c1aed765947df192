"""The gate every LM call passes first: pause, stop, and caps that are never overshot.

A cap is kept by reserving, before a call, the most it can cost: its prompt at one token a byte (no tokenizer
in use makes more) and its answer at the request's token limit. The reservation is settled to the real cost
after. Where the full limit does not fit, the answer's limit itself is lowered to what usually is enough, and
as far as `Bound.least_output_tokens`: the provider then cannot bill more than was reserved, and the last
dollar is used. Calls that do not fit even so wait for those in flight, whose settlements free room; what can
never fit closes the gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..errors import StopReason, StopRun
from ..recipe import Budget
from .wakeup import Wakeup

CapName = Literal["usd", "calls", "tokens", "minutes"]
WARN_AT = (0.5, 0.8, 0.95)
_DUST = 1e-9
"""Sums of many small floats differ by this much from the exact sum."""


@dataclass(frozen=True, slots=True)
class Spend:
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        return Spend(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spend) -> Spend:
        return Spend(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


@dataclass(frozen=True, slots=True)
class Bound:
    """The most one call can cost."""

    input_tokens: int = 0
    output_tokens: int = 0
    """The request's own limit."""
    enough_output_tokens: int = 0
    """What it is lowered to where it does not fit; equal to it where it may not be lowered."""
    least_output_tokens: int = 0
    """How far it may be lowered for lack of anything better."""
    usd_per_input_token: float = 0.0
    usd_per_output_token: float = 0.0

    def spend(self, output_tokens: int) -> Spend:
        usd = self.input_tokens * self.usd_per_input_token + output_tokens * self.usd_per_output_token
        return Spend(1, self.input_tokens + output_tokens, usd)


NO_BOUND = Bound()


@dataclass(frozen=True, slots=True)
class Reservation:
    held: Spend
    output_limit: int | None = None
    """The answer's token limit, where it had to be lowered."""


@dataclass(frozen=True, slots=True)
class Warn:
    """A cap has been used up to a share that a person wants to know of."""

    cap: CapName
    fraction: float
    spent: float
    limit: float


@dataclass
class _Clock:
    """Seconds a run was active: pauses do not count."""

    now: Callable[[], float]
    before: float = 0.0
    started: float = 0.0
    paused_at: float | None = None
    paused: float = 0.0

    def seconds(self) -> float:
        until = self.paused_at if self.paused_at is not None else self.now()
        return self.before + until - self.started - self.paused


@dataclass
class _State:
    spent: Spend = Spend()
    held: Spend = Spend()
    in_flight: int = 0
    stop: tuple[StopReason, str] | None = None
    warned: set[tuple[CapName, float]] = field(default_factory=set)


class Gate:
    """Pauses, stops and caps all LM calls of a run, over all roles together. For threads and event loops.

    Caps: `usd`; `calls`, the answers a provider produced; `tokens`, input and output; `minutes`, time that
    was not paused.
    `on_warning` is told once each at 50, 80 and 95 percent of a cap, outside of any lock.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        on_warning: Callable[[Warn], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wakeup = Wakeup()
        self._on_warning = on_warning
        self._listeners: list[Callable[[], None]] = []
        self._clock = _Clock(clock, started=clock())
        self._state = _State()
        self._free = True
        """Nothing to look at: not paused, not closed, no deadline. Read without the lock."""
        self._budget = Budget()
        self.set_caps(budget or Budget())

    # -- what a person or the run's process does ------------------------------------------------------

    def set_caps(self, budget: Budget, *, spent: Spend | None = None, seconds: float | None = None) -> None:
        """Set the caps, and what earlier attempts of the run already spent (money, and active seconds)."""
        with self._wakeup.lock:
            # A cap that moved is told of again.
            moved = {
                cap
                for cap in ("usd", "calls", "tokens", "minutes")
                if getattr(budget, cap) != getattr(self._budget, cap)
            }
            self._state.warned = {told for told in self._state.warned if told[0] not in moved}
            self._budget = budget
            if spent is not None:
                self._state.spent = spent
            if seconds is not None:
                self._clock.before = seconds
            self._update()
        self._warn()

    def pause(self) -> None:
        """Start no more calls; those in flight finish."""
        with self._wakeup.lock:
            if self._clock.paused_at is None:
                self._clock.paused_at = self._clock.now()
            self._update()

    def resume(self) -> None:
        with self._wakeup.lock:
            if self._clock.paused_at is not None:
                self._clock.paused += self._clock.now() - self._clock.paused_at
                self._clock.paused_at = None
            self._update()

    def close(self, reason: StopReason, detail: str = "") -> None:
        """Refuse every call from now on with `StopRun`. Stays closed; the first reason stands."""
        with self._wakeup.lock:
            if self._state.stop is None:
                self._state.stop = (reason, detail)
            self._update()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each pause, resume and close: others that make calls wait look again then."""
        with self._wakeup.lock:
            self._listeners.append(listener)

    # -- what it tells --------------------------------------------------------------------------------

    @property
    def budget(self) -> Budget:
        return self._budget

    @property
    def paused(self) -> bool:
        return self._clock.paused_at is not None

    @property
    def closed(self) -> StopRun | None:
        """Why it is closed, as the exception that calls get; None while it is open."""
        stop = self._state.stop
        return StopRun(*stop) if stop else None

    @property
    def over(self) -> bool:
        """Closed, or out of time. Takes no lock: those who wait elsewhere ask it."""
        return self._state.stop is not None or self._seconds_left() == 0.0

    @property
    def spent(self) -> Spend:
        """Settled spend, earlier attempts included."""
        return self._state.spent

    @property
    def in_flight(self) -> int:
        return self._state.in_flight

    @property
    def seconds(self) -> float:
        """Active seconds, earlier attempts included."""
        return self._clock.seconds()

    @property
    def needs_bounds(self) -> bool:
        """Whether calls must say what they can cost at most."""
        return self._budget.usd is not None or self._budget.tokens is not None

    # -- what calls do --------------------------------------------------------------------------------

    def check(self) -> None:
        """Return when calls may go on. Blocks while paused; raises `StopRun` when closed."""
        if not self._free:
            self._wakeup.wait(self._may_pass, self._seconds_left)

    async def check_async(self) -> None:
        if not self._free:
            await self._wakeup.wait_async(self._may_pass, self._seconds_left)

    def reserve(self, bound: Bound = NO_BOUND) -> Reservation:
        """Hold what a call can cost at most. Blocks while paused or while it does not fit yet.

        Raises `StopRun` when closed, and closes the gate itself (`budget`) when it can never fit.
        """
        return self._wakeup.wait(lambda: self._admit(bound), self._seconds_left)

    async def reserve_async(self, bound: Bound = NO_BOUND) -> Reservation:
        return await self._wakeup.wait_async(lambda: self._admit(bound), self._seconds_left)

    def sleep(self, seconds: float) -> None:
        """Wait so long and while paused; `StopRun` as soon as it is closed."""
        self._wakeup.wait(*self._nap(seconds))

    async def sleep_async(self, seconds: float) -> None:
        await self._wakeup.wait_async(*self._nap(seconds))

    def settle(self, reservation: Reservation, spend: Spend) -> None:
        """Replace what was held by what it cost."""
        with self._wakeup.lock:
            self._state.held -= reservation.held
            self._state.spent += spend
            self._state.in_flight -= 1
            if self._state.in_flight == 0:
                self._state.held = Spend()  # sums of floats leave dust behind
            if self._has_caps():
                self._wakeup.notify()
        if self._has_caps():
            self._warn()

    def release(self, reservation: Reservation) -> None:
        """Give back what was held for a call that cost nothing."""
        self.settle(reservation, Spend())

    # -- inside ---------------------------------------------------------------------------------------

    def _nap(self, seconds: float) -> tuple[Callable[[], bool | None], Callable[[], float | None]]:
        due = self._clock.now() + seconds

        def rest() -> float:
            left = self._seconds_left()
            rest = max(0.0, due - self._clock.now())
            return rest if left is None else min(left, rest)

        return lambda: self._may_pass() and (self._clock.now() >= due or None), rest

    def _has_caps(self) -> bool:
        budget = self._budget
        return any(cap is not None for cap in (budget.usd, budget.calls, budget.tokens, budget.minutes))

    def _update(self) -> None:
        self._free = self._state.stop is None and not self.paused and self._budget.minutes is None
        self._wakeup.notify()
        for listener in self._listeners:
            listener()

    def _seconds_left(self) -> float | None:
        if self._budget.minutes is None or self.paused:
            return None
        return max(0.0, self._budget.minutes * 60 - self._clock.seconds())

    def _may_pass(self) -> bool | None:
        """True, or None while paused. Raises when closed or out of time."""
        if self._state.stop is None and self._seconds_left() == 0.0:
            self.close("budget", f"time cap reached: {self._budget.minutes:g} minutes")
        if self._state.stop is not None:
            raise StopRun(*self._state.stop)
        return None if self.paused else True

    def _admit(self, bound: Bound) -> Reservation | None:
        if self._may_pass() is None:
            return None
        state = self._state
        taken = state.spent + state.held
        reservation = Reservation(bound.spend(bound.output_tokens))
        if self._over(taken + reservation.held):
            limit = min(bound.enough_output_tokens, self._room(taken, bound))
            if limit < bound.least_output_tokens or self._over(taken + bound.spend(limit)):
                if cap := self._over(state.spent + bound.spend(bound.least_output_tokens)):
                    self.close("budget", self._describe(cap))
                    raise StopRun(*(state.stop or ("budget", "")))
                return None
            reservation = Reservation(bound.spend(limit), limit)
        state.held += reservation.held
        state.in_flight += 1
        return reservation

    def _room(self, taken: Spend, bound: Bound) -> int:
        """How many output tokens of a call fit into what is left."""
        budget, without = self._budget, taken + bound.spend(0)
        room = bound.output_tokens
        if budget.tokens is not None:
            room = min(room, budget.tokens - without.tokens)
        if budget.usd is not None and bound.usd_per_output_token:
            room = min(room, int((budget.usd - without.usd) / bound.usd_per_output_token))
        return room

    def _over(self, total: Spend) -> CapName | None:
        budget = self._budget
        if budget.usd is not None and total.usd > budget.usd + _DUST:
            return "usd"
        if budget.calls is not None and total.calls > budget.calls:
            return "calls"
        if budget.tokens is not None and total.tokens > budget.tokens:
            return "tokens"
        return None

    def _describe(self, cap: CapName) -> str:
        spent, budget = self._state.spent, self._budget
        if cap == "usd":
            used = f"${spent.usd:.4f} of ${budget.usd:g} spent"
            return f"usd cap reached: {used}, the next call could cost more than is left"
        if cap == "calls":
            return f"calls cap reached: {spent.calls} of {budget.calls}"
        used = f"{spent.tokens} of {budget.tokens} used"
        return f"tokens cap reached: {used}, the next call could take more than is left"

    def _warn(self) -> None:
        due = []
        with self._wakeup.lock:
            spent, budget = self._state.spent, self._budget
            pairs: tuple[tuple[CapName, float, float | None], ...] = (
                ("usd", spent.usd, budget.usd),
                ("calls", spent.calls, budget.calls),
                ("tokens", spent.tokens, budget.tokens),
                ("minutes", self._clock.seconds() / 60, budget.minutes),
            )
            for cap, used, limit in pairs:
                for fraction in WARN_AT if limit else ():
                    if limit and used >= fraction * limit and (cap, fraction) not in self._state.warned:
                        self._state.warned.add((cap, fraction))
                        due.append(Warn(cap, fraction, used, limit))
        if self._on_warning is not None:
            for warning in due:
                self._on_warning(warning)
