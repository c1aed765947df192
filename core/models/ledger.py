"""What was asked and what was spent, by role, over all attempts of a run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from ..errors import StoreError
from ..recipe import ROLES, Role
from ..store import JsonlWriter, read_jsonl
from .gate import Spend
from .journal import Paid, Totals

_LOG = logging.getLogger("compilot")
_RECORD_EVERY_SECONDS = 1.0


class Asked(msgspec.Struct, kw_only=True):
    """How calls ended that the journal does not hold."""

    joined: int = 0
    replayed: int = 0
    errors: int = 0
    retries: int = 0


class _Account(msgspec.Struct, kw_only=True):
    earlier: Asked = msgspec.field(default_factory=Asked)
    asked: Asked = msgspec.field(default_factory=Asked)
    paid: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    without_usage: int = 0
    latency: float = 0.0
    latency_max: float = 0.0
    in_flight: int = 0
    wasted: int = 0


class Ledger:
    """Counts calls by role. `asked = paid + joined + replayed + errors` holds at every moment.

    `paid`: answers a provider produced. `joined`: equal requests in flight, answered by another's answer.
    `replayed`: answered from the journal. `errors`: calls that failed for good. `retries`: attempts beyond
    the first. Calls the gate refused were not made and are not counted. Thread-safe.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        attempt: int = 1,
        paid: Mapping[str, Totals] | None = None,
        on_failure: Callable[[StoreError], None] | None = None,
    ) -> None:
        """`path` is the run's `ledger.jsonl`; `paid` what the journal says earlier attempts paid for.

        `on_failure` hears when the file cannot be written: no call fails for it, its answer is recorded.
        """
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._accounts: dict[Role, _Account] = {}
        self._books: dict[Role, _Account] | None = None
        """What is told once the run has ended; calls that end later change nothing in it."""
        self._attempt = attempt
        self._recorded_at = 0.0
        self._on_failure = on_failure
        for role, asked in _read_earlier(path, attempt).items():
            self._account(role).earlier = asked
        for name, totals in (paid or {}).items():
            _set_totals(self._account(name), totals)  # type: ignore[arg-type]
        self._log = JsonlWriter(path) if path is not None else None

    def started(self, role: Role) -> None:
        with self._lock:
            self._account(role).in_flight += 1

    def paid(self, call: Paid) -> None:
        with self._lock:
            account = self._landed(call.role)
            account.paid += 1
            _add_cost(account, call)
            account.latency += call.latency
            account.latency_max = max(account.latency_max, call.latency)
        self._record()

    def wasted(self, call: Paid) -> None:
        """An answer that cost money and could not be used; its call goes on."""
        with self._lock:
            account = self._account(call.role)
            account.wasted += 1
            _add_cost(account, call)

    def joined(self, role: Role) -> None:
        with self._lock:
            self._landed(role).asked.joined += 1
        self._record()

    def replayed(self, role: Role) -> None:
        with self._lock:
            self._landed(role).asked.replayed += 1
        self._record()

    def failed(self, role: Role) -> None:
        with self._lock:
            self._landed(role).asked.errors += 1
        self._record()

    def refused(self, role: Role) -> None:
        """The gate let the call not happen."""
        with self._lock:
            self._landed(role)

    def retried(self, role: Role) -> None:
        with self._lock:
            self._account(role).asked.retries += 1

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """By role: asked, paid, joined, replayed, errors, retries, input_tokens (cached ones included),
        cached_input_tokens, output_tokens, usd (None as soon as one answer's price is unknown), usd_known
        (over the answers whose price is known), unpriced, without_usage, latency_seconds (mean),
        latency_max_seconds, in_flight.
        """
        with self._lock:
            accounts = self._told()
            return {role: _show(accounts[role]) for role in ROLES if role in accounts}

    def spent(self) -> Spend:
        """Over all roles; an unknown price counts as nothing."""
        with self._lock:
            accounts = self._accounts.values()
            return Spend(
                sum(account.paid for account in accounts),
                sum(account.input_tokens + account.output_tokens for account in accounts),
                sum(account.usd for account in accounts),
            )

    def wait_for_calls(self, seconds: float) -> int:
        """Wait so long for the calls under way, answered and recorded; gives how many still are."""
        with self._settled:
            self._settled.wait_for(lambda: self._in_flight() <= 0, seconds)
            return self._in_flight()

    def close_books(self, paid: Mapping[str, Totals]) -> None:
        """What is told stays as it is now, with no call under way; `paid` corrects what was paid, by role."""
        with self._lock:
            self._books = {
                role: structs.replace(account, asked=structs.replace(account.asked), in_flight=0)
                for role, account in self._accounts.items()
            }
            for role, account in self._books.items():
                if role in paid:
                    _set_totals(account, paid[role])

    def flush(self) -> None:
        """Write the state of now to `ledger.jsonl`."""
        self._record(now=True)

    def close(self) -> None:
        if self._log is None:
            return
        self.flush()
        try:
            self._log.close()
        except StoreError as error:
            self._note_failure(error)

    def _account(self, role: Role) -> _Account:
        account = self._accounts.get(role)
        if account is None:
            account = self._accounts[role] = _Account()
        return account

    def _landed(self, role: Role) -> _Account:
        """The account of a call that is over."""
        account = self._account(role)
        account.in_flight -= 1
        self._settled.notify_all()
        return account

    def _in_flight(self) -> int:
        return sum(account.in_flight for account in self._accounts.values())

    def _told(self) -> dict[Role, _Account]:
        return self._accounts if self._books is None else self._books

    def _record(self, *, now: bool = False) -> None:
        if self._log is None:
            return
        moment = time.time()
        if not now and moment - self._recorded_at < _RECORD_EVERY_SECONDS:
            return
        self._recorded_at = moment
        with self._lock:
            own = {role: msgspec.to_builtins(account.asked) for role, account in self._told().items()}
        try:
            self._log.append({"t": moment, "attempt": self._attempt, "asked": own, "roles": self.snapshot()})
        except StoreError as error:
            self._note_failure(error)

    def _note_failure(self, error: StoreError) -> None:
        _LOG.error("%s", error)
        if self._on_failure is not None:
            self._on_failure(error)


def _set_totals(account: _Account, totals: Totals) -> None:
    for part in Totals.__struct_fields__:
        setattr(account, part, getattr(totals, part))


def _add_cost(account: _Account, call: Paid) -> None:
    account.input_tokens += call.input_tokens or 0
    account.output_tokens += call.output_tokens or 0
    account.cached_input_tokens += call.cached_input_tokens or 0
    account.usd += call.usd or 0.0
    account.unpriced += call.usd is None
    account.without_usage += call.input_tokens is None


def _show(account: _Account) -> dict[str, Any]:
    earlier, own = account.earlier, account.asked
    joined, replayed, errors = (
        earlier.joined + own.joined,
        earlier.replayed + own.replayed,
        earlier.errors + own.errors,
    )
    return {
        "asked": account.paid + joined + replayed + errors,
        "paid": account.paid,
        "joined": joined,
        "replayed": replayed,
        "errors": errors,
        "retries": earlier.retries + own.retries,
        "input_tokens": account.input_tokens,
        "cached_input_tokens": account.cached_input_tokens,
        "output_tokens": account.output_tokens,
        "usd": None if account.unpriced else account.usd,
        "usd_known": account.usd,
        "unpriced": account.unpriced,
        "without_usage": account.without_usage,
        "latency_seconds": account.latency / account.paid if account.paid else None,
        "latency_max_seconds": account.latency_max,
        "in_flight": account.in_flight,
    }


def _read_earlier(path: Path | None, attempt: int) -> dict[Role, Asked]:
    """What attempts before this one asked, by role: the last line of each."""
    if path is None or not path.exists():
        return {}
    last = {line["attempt"]: line["asked"] for line in read_jsonl(path) if "asked" in line}
    sums: dict[Role, Asked] = {}
    for number, roles in last.items():
        if number == attempt:
            continue
        for role, counts in roles.items():
            asked = msgspec.convert(counts, Asked)
            before = sums.setdefault(role, Asked())
            for part in Asked.__struct_fields__:
                setattr(before, part, getattr(before, part) + getattr(asked, part))
    return sums
