"""The end of a meter: calls under way are waited for, and those left behind change nothing any more."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import pytest

from core.errors import StopRun
from tests.core.models.metering import CountingEngine, metered


def test_calls_under_way_are_recorded_before_the_counts_are_final(tmp_path: Path) -> None:
    engine = CountingEngine(seconds=0.3)
    meter, lm = metered(tmp_path, engine)
    threads = [threading.Thread(target=lm, args=[f"{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    while engine.calls < 4:
        time.sleep(0.001)
    assert meter.settle(10.0) == 0
    student = meter.snapshot()["student"]
    assert (student["paid"], student["asked"], student["in_flight"]) == (4, 4, 0)
    assert meter.journal.totals()["student"].paid == 4
    with pytest.raises(StopRun):
        lm("later")
    assert meter.snapshot()["student"] == student
    for thread in threads:
        thread.join()
    meter.close()


def test_a_call_left_behind_is_neither_recorded_nor_counted(tmp_path: Path) -> None:
    engine = CountingEngine(seconds=0.5)
    meter, lm = metered(tmp_path, engine)
    lm("first")

    def ask() -> None:
        with contextlib.suppress(StopRun):
            lm("second")

    thread = threading.Thread(target=ask)
    thread.start()
    while engine.calls < 2:
        time.sleep(0.001)
    assert meter.settle(0.05) == 1
    student = meter.snapshot()["student"]
    assert (student["paid"], student["asked"], student["in_flight"]) == (1, 1, 0)
    thread.join()
    assert engine.answers == 2
    assert meter.snapshot()["student"] == student
    assert meter.journal.totals()["student"].paid == 1
    meter.close()
