"""Kills and failing disks under the journal: nothing acknowledged is lost, nothing is paid twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from core.models.journal import Journal

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]

ASK = """
    import sys, threading
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    sys.path.insert(0, "tests/core/models")
    from metering import CountingEngine, metered

    out, lock = sys.stdout, threading.Lock()

    def say(word, text):
        with lock:
            out.write(f"{word} {text}\\n")
            out.flush()

    class Telling(CountingEngine):
        def complete(self, request):
            response = super().complete(request)
            say("asked", request.messages[-1].text)
            return response

    meter, lm = metered(Path(sys.argv[1]), Telling(seconds=0.005), attempt=int(sys.argv[2]))

    def call(number):
        lm(f"{number % 900}")
        say("told", number % 900)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(1000)))
    say("done", "")
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_process_loses_at_most_what_was_in_flight(tmp_path: Path, seed: int) -> None:
    dice, asked, lines = random.Random(seed), Counter[str](), list[str]()
    for attempt in range(1, 12):
        process = start(ASK, str(tmp_path), str(attempt))
        assert process.stdout is not None
        first = process.stdout.readline()
        if attempt < 6:
            time.sleep(dice.uniform(0.01, 0.15))
            process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout]
        process.wait()
        asked.update(line.split()[1] for line in lines if line.startswith("asked"))
        told = {line.split()[1] for line in lines if line.startswith("told")}
        known = Journal(tmp_path / "journal.sqlite")
        assert len(told) <= len(known)
        known_paid = known.totals()["student"].paid if len(known) else 0
        known.close()
        if lines[-1].startswith("done"):
            break
    assert lines[-1].startswith("done")
    kills = attempt - 1
    assert kills >= 3
    assert sum(asked.values()) - 900 <= 8 * kills, "only calls in flight at a kill are asked again"
    assert known_paid == 900


SMALL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    sys.path.insert(0, "tests/core/models")
    from metering import CountingEngine, metered
    from core.errors import StopRun

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    meter, lm = metered(Path(sys.argv[1]), CountingEngine())
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    told = 0
    try:
        for number in range(10_000):
            lm(f"{number}")
            told += 1
    except StopRun as stop:
        print(told, stop.reason, meter.gate.closed is not None, stop.detail)
"""


def test_a_disk_that_takes_no_more_stops_the_run_and_keeps_the_rest(tmp_path: Path) -> None:
    output = start(SMALL_DISK, str(tmp_path)).communicate()[0].split(maxsplit=3)
    told, reason, closed, detail = int(output[0]), output[1], output[2], output[3]
    assert (reason, closed) == ("failed", "True")
    assert "could not be recorded" in detail
    assert told > 20
    journal = Journal(tmp_path / "journal.sqlite")
    assert len(journal) == told
    journal.close()
