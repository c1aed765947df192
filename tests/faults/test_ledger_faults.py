"""A ledger that cannot be written: no answer paid for is lost or miscounted, and the run ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import StopRun
from core.models import ledger
from tests.core.models.metering import CountingEngine, metered

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full"),
]


def test_a_full_disk_under_the_ledger_ends_the_run_and_fails_no_call(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ledger, "_RECORD_EVERY_SECONDS", 0.0)
    engine = CountingEngine(seconds=0.005)
    meter, lm = metered(tmp_path, engine)
    assert meter.ledger._log is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, meter.ledger._log._descriptor)
    os.close(full)
    told = 0
    with pytest.raises(StopRun) as caught:
        for number in range(2000):
            lm(f"{number}")
            told += 1
    assert caught.value.reason == "failed"
    assert "the counts of calls could not be recorded" in caught.value.detail
    assert "ledger.jsonl" in caught.value.detail
    student = meter.snapshot()["student"]
    assert told == engine.answers == student["paid"] == student["asked"] > 0
    assert (student["errors"], student["in_flight"]) == (0, 0)
    assert meter.journal.totals()["student"].paid == told
    meter.close()
