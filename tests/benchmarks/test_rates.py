"""Calls under a provider's limits: the pace found from its refusals beside a fixed crowd of threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import dspy
import pytest

from core.models.meter import Meter
from core.recipe import ModelProfile
from tests.support.openai_server import Behaviour, OpenAIServer

pytestmark = pytest.mark.benchmark
THREADS = 32
SECONDS = 20.0
LATENCY = 0.2
LIMITS = {
    "30 requests a second": (Behaviour(latency=LATENCY, per_second=30, burst=5), 30.0),
    "6 requests at once": (Behaviour(latency=LATENCY, max_in_flight=6), 6 / LATENCY),
}


class Measured(NamedTuple):
    per_second: float
    """Answers a second, after the first three seconds."""
    refused: float
    """Part of the requests that were answered 429."""


@pytest.mark.parametrize("limit", LIMITS)
def test_adaptive_pace_beside_a_fixed_crowd(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    behaviour, ideal = LIMITS[limit]
    adaptive = measure_adaptive(behaviour, tmp_path)
    fixed = measure_fixed(behaviour)
    with capsys.disabled():
        print(f"\n{limit}: ideal {ideal:.0f}/s")
        for name, found in (("adaptive", adaptive), (f"fixed {THREADS} threads", fixed)):
            share = found.per_second / ideal
            told = f"{found.per_second:5.1f}/s, {share:.0%} of ideal, {found.refused:.1%} refused"
            print(f"  {name:<18} {told}")
    assert adaptive.per_second >= 0.85 * ideal
    assert adaptive.refused < 0.05


def measure_adaptive(behaviour: Behaviour, folder: Path) -> Measured:
    with OpenAIServer(behaviour) as server, Meter.open(folder, num_threads=THREADS) as meter:
        profile = ModelProfile(model="openai/gpt-4o-mini", api_base=server.url, retries=20)
        return drive(server, meter.lm(profile, "student"))


def measure_fixed(behaviour: Behaviour) -> Measured:
    with OpenAIServer(behaviour) as server:
        lm = dspy.LM("openai/gpt-4o-mini", api_base=server.url, api_key="sk-none", cache=False, num_retries=3)
        return drive(server, lm)


def drive(server: OpenAIServer, lm: dspy.LM) -> Measured:
    """Ask on all threads for a while."""
    end = time.monotonic() + SECONDS
    start = time.monotonic() + 3.0

    def ask(thread: int) -> None:
        number = 0
        while time.monotonic() < end:
            # Refused more often than it may retry: the next question, as a program would go on.
            with suppress(dspy.LMError):
                lm(f"text {thread} {number}")
            number += 1

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ask, range(THREADS)))
    answers = sum(start <= at <= end for at in server.answered_at)
    return Measured(answers / (end - start), server.statuses[429] / max(1, sum(server.statuses.values())))
