"""The gate every LM call passes: pause, stop, and caps that hold because cost is reserved before it is made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import StopReason, StopRun
from ..recipe import Budget

WARN_AT = (0.5, 0.8, 0.95)
OnBudget = Callable[[str, float, float, float], None]


@dataclass(frozen=True)
class Amount:
    """What one or more calls cost."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


class Gate:
    """One gate for all roles. Thread-safe.

    A call reserves the most it can cost before it is made and settles what it did cost after. Where a
    reservation does not fit under a cap, it waits for calls in flight to settle lower; where none is in flight,
    the gate closes with the reason `budget`. So spent never passes a cap.
    """

    def __init__(self, caps: Budget | None = None, on_budget: OnBudget | None = None) -> None:
        self._caps = caps or Budget()
        self._on_budget = on_budget
        self._changed = threading.Condition()
        self._paused = False
        self._paused_at = 0.0
        self._paused_seconds = 0.0
        self._closed: tuple[StopReason, str] | None = None
        self._spent = Amount()
        self._reserved = Amount()
        self._in_flight = 0
        self._started = time.monotonic()
        self._warned: set[tuple[str, float]] = set()

    @property
    def closed(self) -> tuple[StopReason, str] | None:
        """Reason and detail once closed."""
        return self._closed

    @property
    def capped(self) -> bool:
        """Whether any amount is capped, so that reservations need an estimate."""
        return any(getattr(self._caps, name) is not None for name in ("usd", "calls", "tokens"))

    @property
    def spent(self) -> Amount:
        return self._spent

    def carry_over(self, spent: Amount) -> None:
        """Count what earlier attempts at this run have spent."""
        with self._changed:
            self._spent += spent

    def pause(self) -> None:
        with self._changed:
            if not self._paused:
                self._paused, self._paused_at = True, time.monotonic()

    def resume(self) -> None:
        with self._changed:
            if self._paused:
                self._paused = False
                self._paused_seconds += time.monotonic() - self._paused_at
            self._changed.notify_all()

    def close(self, reason: StopReason, detail: str = "") -> None:
        """No call starts from now on; the first reason stays."""
        with self._changed:
            if self._closed is None:
                self._closed = (reason, detail)
            self._changed.notify_all()

    def check(self) -> None:
        """Raise `StopRun` once closed."""
        if self._closed is not None:
            raise StopRun(*self._closed)

    def wait_open(self) -> None:
        """Return when calls may start; raises `StopRun` once closed."""
        with self._changed:
            while self._paused and self._closed is None:
                self._changed.wait()
            self.check()

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise `StopRun` when the gate closes."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._closed is None and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self.check()

    def reserve(self, most: Amount, *, alone: bool = False) -> None:
        """Set aside the most a call can cost; `alone` lets it start only when no other is in flight."""
        with self._changed:
            while True:
                while self._paused and self._closed is None:
                    self._changed.wait()
                self._check_deadline()
                self.check()
                short = self._short_of(most)
                if short is None and not (alone and self._in_flight):
                    break
                if short is not None and not self._in_flight:
                    self._closed = ("budget", short)
                    self._changed.notify_all()
                    continue
                self._changed.wait()
            self._reserved += most
            self._in_flight += 1

    def settle(self, reserved: Amount, spent: Amount) -> None:
        """Replace a reservation by what the call did cost."""
        with self._changed:
            self._reserved -= reserved
            self._spent += spent
            self._in_flight -= 1
            due = self._due_warnings()
            self._changed.notify_all()
        for warning in due:
            if self._on_budget is not None:
                self._on_budget(*warning)

    def _limits(self) -> list[tuple[str, float, float, float]]:
        """Cap, limit, spent, reserved."""
        caps, spent, held = self._caps, self._spent, self._reserved
        return [
            (name, float(limit), float(getattr(spent, name)), float(getattr(held, name)))
            for name in ("usd", "calls", "tokens")
            if (limit := getattr(caps, name)) is not None
        ]

    def _short_of(self, most: Amount) -> str | None:
        for name, limit, spent, held in self._limits():
            if spent + held + getattr(most, name) > limit + 1e-12:
                return f"the cap of {limit:g} {name} is reached: {spent:g} spent"
        return None

    def _check_deadline(self) -> None:
        minutes = self._caps.minutes
        if minutes is not None and self._closed is None:
            elapsed = time.monotonic() - self._started - self._paused_seconds
            if elapsed > minutes * 60:
                self._closed = ("budget", f"the cap of {minutes:g} minutes is reached")

    def _due_warnings(self) -> list[tuple[str, float, float, float]]:
        due = []
        for name, limit, spent, _ in self._limits():
            for fraction in WARN_AT:
                if limit > 0 and spent / limit >= fraction and (name, fraction) not in self._warned:
                    self._warned.add((name, fraction))
                    due.append((name, fraction, spent, limit))
        return due
