from __future__ import annotations

from pathlib import Path

from core.models.journal import Totals
from core.models.ledger import Ledger
from core.store import read_jsonl
from tests.core.models.metering import paid


def test_every_end_of_a_call_is_counted_by_role() -> None:
    ledger = Ledger()
    for _ in range(6):
        ledger.started("student")
    ledger.paid(paid(usd=0.25, latency=1.0))
    ledger.paid(paid(usd=0.25, latency=3.0))
    ledger.joined("student")
    ledger.replayed("student")
    ledger.retried("student")
    ledger.failed("student")
    ledger.refused("student")
    ledger.started("judge")
    student = ledger.snapshot()["student"]
    assert student["asked"] == 5 == sum(student[part] for part in ("paid", "joined", "replayed", "errors"))
    assert (student["retries"], student["errors"], student["in_flight"]) == (1, 1, 0)
    assert (student["input_tokens"], student["output_tokens"], student["usd"]) == (20, 10, 0.5)
    assert (student["latency_seconds"], student["latency_max_seconds"]) == (2.0, 3.0)
    assert ledger.snapshot()["judge"]["in_flight"] == 1


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    ledger = Ledger()
    ledger.started("student")
    ledger.paid(paid(usd=0.5))
    ledger.started("student")
    ledger.paid(paid(usd=None))
    student = ledger.snapshot()["student"]
    assert (student["usd"], student["usd_known"], student["unpriced"]) == (None, 0.5, 1)
    assert ledger.spent().usd == 0.5


def test_attempts_of_one_run_add_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path, attempt=1)
    for _ in range(3):
        first.started("student")
    first.paid(paid())
    first.replayed("student")
    first.failed("student")
    first.close()
    second = Ledger(path, attempt=2, paid={"student": Totals(paid=1, input_tokens=10, usd=0.5)})
    second.started("student")
    second.joined("student")
    student = second.snapshot()["student"]
    assert (student["asked"], student["paid"], student["joined"]) == (4, 1, 1)
    assert (student["replayed"], student["errors"], student["input_tokens"]) == (1, 1, 10)
    second.close()
    third = Ledger(path, attempt=3, paid={"student": Totals(paid=1)})
    assert third.snapshot()["student"]["asked"] == 4
    third.close()
    assert [line["attempt"] for line in read_jsonl(path)][-1] == 3
