"""Hands out LMs by role whose every call is gated, journalled and counted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import dspy

from ..errors import ModelError
from ..recipe import Budget, ModelProfile, Role
from ..store.jsonl import JsonlWriter
from .build import build_inner, read_thinking
from .embedded.engine import EmbeddedEngine, build_engine
from .engine import OUTAGE_ERRORS, Answer, AsyncMeteredEngine, Inner, MeteredEngine, SingleFlight
from .gate import Amount, Gate, OnBudget
from .identify import IdentifyCall
from .identity import CallIdentity
from .journal import Journal, Paid
from .ledger import Ledger
from .prices import price_of

_NEAREST: dict[Role, tuple[Role, ...]] = {
    "student": (),
    "teacher": ("student",),
    "reflection": ("proposer", "student"),
    "proposer": ("reflection", "student"),
    "judge": ("student",),
}


class Meter:
    """One per run: gate, journal and ledger, and the LMs of all roles. Without a folder nothing is kept."""

    def __init__(
        self, budget: Budget | None = None, folder: Path | None = None, on_budget: OnBudget | None = None
    ) -> None:
        self.gate = Gate(budget, on_budget)
        self.journal = Journal(folder / "journal.sqlite") if folder else None
        self.ledger = Ledger(JsonlWriter(folder / "ledger.jsonl") if folder else None)
        self._engines: dict[str, Inner] = {}
        self._flight = SingleFlight()
        self._failures = 0
        self._lock = threading.Lock()

    def lms(self, profiles: dict[Role, ModelProfile]) -> dict[Role, dspy.LM]:
        """An LM for every role; a role without a profile shares the nearest one's model."""
        return {role: self.lm(resolve_profile(profiles, role), role) for role in _NEAREST}

    def lm(self, profile: ModelProfile, role: Role) -> dspy.LM:
        """A metered `dspy.LM`. Raises `ModelError` for a model that cannot be used."""
        engine = MeteredEngine(
            self, role, profile, self._inner(profile), price_of(profile), read_thinking(profile)
        )
        settings = {
            name: value
            for name, value in (("temperature", profile.temperature), ("max_tokens", profile.max_tokens))
            if value is not None
        }
        try:
            return dspy.LM(
                profile.model,
                engine=engine,
                async_engine=AsyncMeteredEngine(engine),
                cache=False,
                num_retries=0,
                callbacks=[IdentifyCall()],
                **settings,
            )
        except Exception as error:
            raise ModelError(
                f"{profile.model} cannot be set up: {str(error).splitlines()[0]}",
                where=f"models.{role}",
                fix="correct this profile in compilot.toml",
            ) from error

    def carry_over(self, earlier: dict[str, dict[str, Any]]) -> None:
        """Go on from an earlier attempt: its counts, and what the journal says was paid."""
        if self.journal is None:
            return
        roles = {role: dict(counts) for role, counts in earlier.items()}
        spent = Amount()
        for role, answers, inputs, outputs, usd in self.journal.totals():
            counts = roles.setdefault(role, {})
            counts |= {"paid": answers, "input_tokens": inputs, "output_tokens": outputs, "usd": usd}
            spent += Amount(answers, inputs + outputs, usd or 0.0)
        for counts in roles.values():
            # A killed attempt paid for some calls after it last told its counts.
            counts["asked"] = sum(counts.get(name, 0) for name in ("paid", "joined", "replayed", "errors"))
        self.ledger.carry_over(roles)
        self.gate.carry_over(spent)

    def recall(self, place: tuple[str, int]) -> dict[str, Any] | None:
        return self.journal.get(*place) if self.journal is not None else None

    def join(self, place: tuple[str, int]) -> tuple[bool, Answer]:
        return self._flight.join(place, self.recall)

    def leave(self, place: tuple[str, int], answer: Answer, **outcome: Any) -> None:
        self._flight.leave(place, answer, **outcome)

    def record(
        self, identity: CallIdentity, request: dict[str, Any], response: dict[str, Any], paid: Paid
    ) -> None:
        """Keep a paid answer; a journal that cannot be written closes the gate."""
        if self.journal is not None:
            try:
                self.journal.put(identity.key, identity.index, request, response, paid)
            except BaseException as error:
                self.gate.close("failed", str(error))
                raise
        self.ledger.paid(paid)

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """A call failed for good; so many in a row are an outage, which is never a success."""
        with self._lock:
            self._failures += 1
            if self._failures >= OUTAGE_ERRORS:
                self.gate.close(
                    "failed", f"{self._failures} LM calls failed in a row; the last: {str(error)[:200]}"
                )

    def embedded_calls(self) -> int:
        """How often embedded engines were asked, by their own count."""
        return sum(engine.calls for engine in self._engines.values() if isinstance(engine, EmbeddedEngine))

    def close(self) -> None:
        self.ledger.close()
        if self.journal is not None:
            self.journal.close()

    def _inner(self, profile: ModelProfile) -> Inner:
        """One engine for equal profiles, so that connections and rate limits are shared."""
        key = repr((profile.model, profile.api_base, profile.key_env, profile.dials, profile.options))
        if key not in self._engines:
            embedded = profile.model.startswith("embedded/")
            self._engines[key] = (
                build_engine(profile.model, profile.dials) if embedded else build_inner(profile)
            )
        return self._engines[key]


def resolve_profile(profiles: dict[Role, ModelProfile], role: Role) -> ModelProfile:
    """The profile a role uses: its own, or the nearest one's."""
    for candidate in (role, *_NEAREST[role]):
        if candidate in profiles:
            return profiles[candidate]
    raise ModelError(
        f"no model for the role {role}", where="models.student", fix="add a [models.student] section"
    )

