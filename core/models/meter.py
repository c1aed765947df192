"""Measures every LM call of a run: one journal, one gate and one ledger behind all its LMs."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import dspy

from ..errors import StopRun, StoreError
from ..recipe import Budget, ModelProfile, Role
from .build import build_lm, build_source, completer_of, fingerprint_of
from .engine import Answer, AsyncMeteredEngine, MeteredEngine
from .gate import Gate, Warn
from .identify import IdentifyCall, hash_call
from .journal import Journal, Paid
from .ledger import Ledger
from .prices import price_of
from .rates import Pace
from .secrets import redact
from .singleflight import SingleFlight
from .sources import source_of

_LOG = logging.getLogger("compilot")
NoticeKind = Literal["identity", "outage", "unpriced"]


class Notice(NamedTuple):
    """Something about calls that a person should know."""

    kind: NoticeKind
    role: Role
    text: str


class Meter:
    """Makes the LMs of a run. Their calls share the gate's caps, the journal's answers and the ledger.

    `num_threads` bounds the calls in flight to one model; `on_notice` hears what a person should know.
    """

    def __init__(
        self,
        journal: Journal,
        gate: Gate,
        ledger: Ledger,
        *,
        num_threads: int = 8,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        self.journal = journal
        self.gate = gate
        self.ledger = ledger
        self.flights: SingleFlight[tuple[str, int], Answer] = SingleFlight()
        self._num_threads = num_threads
        self._on_notice = on_notice
        self._lock = threading.Lock()
        self._paces: dict[tuple[Any, ...], Pace] = {}
        self._identify = IdentifyCall()
        self._adopted: list[Any] = []
        self._unpriced: list[tuple[str, Role]] = []

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        budget: Budget | None = None,
        num_threads: int = 8,
        attempt: int = 1,
        seconds: float = 0.0,
        on_warning: Callable[[Warn], None] | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> Meter:
        """The meter of a run folder: its `journal.sqlite` and `ledger.jsonl`, going on where earlier attempts
        stopped. `seconds` is how long those were active, for the cap on minutes."""
        journal = Journal(folder / "journal.sqlite")
        gate = Gate(on_warning=on_warning)

        def on_failure(error: StoreError) -> None:
            gate.close(
                "failed",
                f"the counts of calls could not be recorded: {error.what}. See to {error.where}, "
                "then resume the run",
            )

        ledger = Ledger(
            folder / "ledger.jsonl", attempt=attempt, paid=journal.totals(), on_failure=on_failure
        )
        gate.set_caps(budget or Budget(), spent=ledger.spent(), seconds=seconds)
        return cls(journal, gate, ledger, num_threads=num_threads, on_notice=on_notice)

    def lm(self, profile: ModelProfile, role: Role) -> dspy.LM:
        """The LM of a profile, metered in `role`.

        Raises `ModelError` for an unknown provider, a missing key, or settings the model cannot take.
        """
        source = build_source(profile, where=f"models.{role}")
        engine = MeteredEngine(
            self,
            role,
            profile,
            source,
            self._pace(profile, (profile.model, profile.api_base, profile.key_env)),
            fingerprint=fingerprint_of(profile),
            prepare=completer_of(profile),
        )
        self._note_price(profile, role)
        return build_lm(profile, engine, AsyncMeteredEngine(engine), [self._identify], where=f"models.{role}")

    def adopt(self, lm: Any, role: Role) -> dspy.LM:
        """A metered copy of an LM that the user's own code built; it is asked behind the copy.

        An LM that is metered already is given back as it is. Model, parameters and callbacks stay.
        """
        if isinstance(getattr(lm, "engine", None), MeteredEngine):
            return lm
        source = source_of(lm)
        profile = ModelProfile(model=lm.model, retries=max(lm.num_retries, 0))
        address = lm.kwargs.get("api_base") or lm.kwargs.get("base_url")
        number = self._number_of(lm)
        engine = MeteredEngine(
            self,
            role,
            profile,
            source,
            self._pace(profile, (profile.model, address, number)),
            fingerprint=hash_call({"address": address, "engine": number})[:16] if address or number else "",
        )
        self._note_price(profile, role)
        return build_lm(
            profile,
            engine,
            AsyncMeteredEngine(engine),
            [*lm.callbacks, self._identify],
            adopted=lm,
        )

    def set_caps(self, budget: Budget) -> None:
        """Hold the run to other caps from now on; a new one on dollars tells what it cannot count."""
        capped = self.gate.budget.usd is not None
        self.gate.set_caps(budget)
        if not capped:
            for model, role in self._unpriced:
                self._warn_unpriced(model, role)

    def set_threads(self, num_threads: int) -> int:
        """Bound the calls in flight to one model anew; gives the bound that holds now, which is at most the
        number of threads the run began with, since it has no more to make calls with."""
        with self._lock:
            bound = min(num_threads, self._num_threads)
            for pace in self._paces.values():
                pace.set_most(bound)
        return bound

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """The ledger, by role."""
        return self.ledger.snapshot()

    def settle(self, seconds: float) -> int:
        """Refuse further calls and wait so long for those under way, whose answers are paid for; gives how
        many were left behind.

        The counts stay as they are from then on, and where calls were left behind, nothing more is recorded:
        what was paid is what the journal holds.
        """
        self.gate.close("stopped", "the run has ended")
        left, recorded = self.ledger.wait_for_calls(seconds), {}
        if left > 0:
            self.journal.seal()
            try:
                recorded = self.journal.totals()
            except sqlite3.Error as error:
                _LOG.error("the journal cannot be read at the run's end: %s", error)
        self.ledger.close_books(recorded)
        return max(left, 0)

    def close(self) -> None:
        """Refuse further calls, write the ledger out and close the journal."""
        self.gate.close("stopped", "the run has ended")
        self.ledger.close()
        self.journal.close()

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def record(self, paid: Paid) -> None:
        """An answer, on disk and in the ledger. A disk that refuses closes the gate."""
        try:
            self.journal.write(paid)
        except StopRun as stop:
            self.gate.close(stop.reason, stop.detail)
            raise
        self.ledger.paid(paid)

    def record_waste(self, paid: Paid) -> None:
        try:
            self.journal.write_waste(paid)
        except StopRun as stop:
            self.gate.close(stop.reason, stop.detail)
            raise
        self.ledger.wasted(paid)

    def notice(self, kind: NoticeKind, role: Role, text: str) -> None:
        text = redact(text)
        _LOG.warning("%s", text)
        if self._on_notice is not None:
            self._on_notice(Notice(kind, role, text))

    def _pace(self, profile: ModelProfile, place: tuple[Any, ...]) -> Pace:
        """One pace for all LMs that share a provider's limits."""
        with self._lock:
            pace = self._paces.get(place)
            if pace is None:
                pace = self._paces[place] = Pace(
                    max_in_flight=self._num_threads,
                    requests_per_minute=profile.requests_per_minute,
                    tokens_per_minute=profile.tokens_per_minute,
                    interrupted=lambda: self.gate.over,
                )
                self.gate.subscribe(pace.wake)
            return pace

    def _number_of(self, lm: Any) -> int:
        """Counts the engine objects adopted so far: two of them may answer equal requests differently. A run
        that adopts the same ones in the same order finds its recorded answers again."""
        engine = getattr(lm, "engine", None)
        thing = lm if engine is None else engine
        if isinstance(thing, str):
            return 0
        with self._lock:
            known = next((place for place, other in enumerate(self._adopted, 1) if other is thing), None)
            if known is None:
                self._adopted.append(thing)
                known = len(self._adopted)
            return known

    def _note_price(self, profile: ModelProfile, role: Role) -> None:
        if price_of(profile) is None:
            self._unpriced.append((profile.model, role))
            self._warn_unpriced(profile.model, role)

    def _warn_unpriced(self, model: str, role: Role) -> None:
        budget = self.gate.budget
        if budget.usd is None:
            return
        others = [name for name in ("calls", "tokens", "minutes") if getattr(budget, name) is not None]
        held = f"only the caps on {', '.join(others)} hold it" if others else "no other cap is set"
        self.notice(
            "unpriced",
            role,
            f"the price of {model} is unknown, so the usd cap does not count its calls; {held}. "
            f"Give a price in models.{role}.price, or cap calls or tokens",
        )
