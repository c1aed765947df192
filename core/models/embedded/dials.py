"""What a provider can do to a caller, dialled in: delays, refusals, broken answers, outages."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal
from urllib.parse import parse_qsl

from dspy import lm15
from rapidfuzz import process

from ...errors import ModelError
from .text import unit_interval

Kind = Literal["student", "teacher", "reflection", "proposer", "judge"]
KINDS: tuple[Kind, ...] = ("student", "teacher", "reflection", "proposer", "judge")
_ALIASES = {"jitter": "latency_jitter"}
_WINDOW_SECONDS = 60.0
MALFORMED = "<<malformed answer, dialled in>>"


@dataclass(frozen=True)
class Dials:
    latency: float = 0.0
    """Seconds each answer takes."""
    latency_jitter: float = 0.0
    """Up to this many seconds more, by hash of the request."""
    rate_limit_rpm: float = 0.0
    """Calls a minute before a rate-limit error; 0 is no limit."""
    error_rate: float = 0.0
    """Share of calls that end in a server error."""
    malformed_rate: float = 0.0
    """Share of requests answered with text that no adapter can parse."""
    outage_after: float = -1.0
    """Calls before every call fails; negative is never."""
    outage_calls: float = 0.0
    """Calls an outage lasts; 0 is until the end."""
    hang_after: float = -1.0
    """Calls before calls stop coming back; negative is never."""
    hang_seconds: float = 3600.0
    """How long a hanging call hangs before it ends in a timeout error."""

    def as_dict(self) -> dict[str, float]:
        """Only what is not at its default."""
        return {
            part.name: getattr(self, part.name)
            for part in fields(self)
            if getattr(self, part.name) != part.default
        }


def parse_model(model: str, dials: Mapping[str, float] | None = None) -> tuple[Kind, Dials]:
    """The kind and the dials of `embedded/student?latency=0.05`; dials given apart win.

    Raises:
        ModelError: an unknown kind or dial (names the nearest known one), or a value that does not fit.
    """
    name, _, query = model.partition("?")
    kind = name.removeprefix("embedded/")
    known = next((part for part in KINDS if part == kind), None)
    if known is None:
        raise ModelError(
            f"unknown embedded model '{name}'", where="model", fix=_nearest(kind, KINDS, "embedded/")
        )
    written: dict[str, object] = dict(parse_qsl(query, keep_blank_values=True))
    written.update(dials or {})
    allowed = [part.name for part in fields(Dials)]
    values: dict[str, float] = {}
    for dial, value in written.items():
        target = _ALIASES.get(dial, dial)
        if target not in allowed:
            raise ModelError(f"unknown dial '{dial}' of {name}", where="dials", fix=_nearest(dial, allowed))
        values[target] = _read_number(dial, value)
    return known, Dials(**values)


def _read_number(dial: str, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    may_be_negative = dial in ("outage_after", "hang_after")
    share = dial in ("error_rate", "malformed_rate")
    if (
        number != number
        or number == float("inf")
        or (number < 0 and not may_be_negative)
        or (share and number > 1)
    ):
        wanted = "a number from 0 to 1" if share else "a number" if may_be_negative else "a number from 0 up"
        raise ModelError(f"dial '{dial}' cannot be {value!r}", where=f"dials.{dial}", fix=f"give {wanted}")
    return number


def _nearest(name: str, known: list[str] | tuple[str, ...], prefix: str = "") -> str:
    found = process.extractOne(name, known, score_cutoff=50)
    guess = f"did you mean '{prefix}{found[0]}'? " if found else ""
    return f"{guess}known: {', '.join(prefix + part for part in known)}"


@dataclass(frozen=True)
class Fate:
    """What becomes of one call."""

    seconds: float = 0.0
    error: Exception | None = None
    malformed: bool = False
    hangs: bool = False


class Faults:
    """Decides each call's fate from the dials, its number and the hash of its request. Thread-safe."""

    def __init__(self, dials: Dials, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.dials = dials
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        self._attempts: Counter[int] = Counter()
        self._quiet = dials == Dials()

    def decide(self, number: int, request_hash: int) -> Fate:
        """The fate of call `number`, from 0. Random failures go by the request and how often it was tried."""
        if self._quiet:
            return Fate()
        dials = self.dials
        seconds = dials.latency + dials.latency_jitter * unit_interval(request_hash, "jitter")
        end = number < dials.outage_after + dials.outage_calls or not dials.outage_calls
        if 0 <= dials.outage_after <= number and end:
            return Fate(seconds, lm15.ServerError("outage dialled in", provider="embedded", status=503))
        if 0 <= dials.hang_after <= number:
            hung = lm15.TimeoutError("hang dialled in", provider="embedded", status=504)
            return Fate(dials.hang_seconds, hung, hangs=True)
        if wait := self._wait_for_rate():
            message = f"{dials.rate_limit_rpm:g} requests a minute dialled in"
            return Fate(0.0, lm15.RateLimitError(message, provider="embedded", status=429, retry_after=wait))
        if (
            dials.error_rate
            and unit_interval(request_hash, "error", self._attempt(request_hash)) < dials.error_rate
        ):
            return Fate(seconds, lm15.ServerError("server error dialled in", provider="embedded", status=500))
        return Fate(seconds, malformed=unit_interval(request_hash, "malformed") < dials.malformed_rate)

    def _attempt(self, request_hash: int) -> int:
        with self._lock:
            self._attempts[request_hash] += 1
            return self._attempts[request_hash]

    def _wait_for_rate(self) -> float:
        """Seconds until the sliding minute has room again; 0 when this call fits, which it then takes up."""
        if not self.dials.rate_limit_rpm:
            return 0.0
        with self._lock:
            now = self._clock()
            while self._recent and self._recent[0] <= now - _WINDOW_SECONDS:
                self._recent.popleft()
            if len(self._recent) < self.dials.rate_limit_rpm:
                self._recent.append(now)
                return 0.0
            return self._recent[0] + _WINDOW_SECONDS - now
