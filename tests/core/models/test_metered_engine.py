"""What a program's calls meet: identity, replay, joining, caps, retries, outages."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import dspy
import pydantic
import pytest
from dspy import lm15
from dspy.lm15 import Message, Request

from core.errors import StopRun
from core.models.identify import identify
from core.models.identity import CURRENT_CALL
from core.models.meter import Meter, Notice
from core.recipe import Budget, ModelProfile, Price
from tests.core.models.metering import CountingEngine, lm_of, metered

FREE_RETRIES = ModelProfile(model="test/model", retries=2)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.retries._BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr("core.models.retries._RATE_LIMIT_BACKOFF_SECONDS", 0.001)


def counts(meter: Meter, role: str = "student") -> dict[str, int]:
    names = ("asked", "paid", "joined", "replayed", "errors", "retries", "in_flight")
    return {name: meter.snapshot()[role][name] for name in names}


# -- equal calls are paid once --------------------------------------------------------------------------


def test_an_equal_call_is_replayed(tmp_path: Path) -> None:
    engine = CountingEngine()
    meter, lm = metered(tmp_path, engine)
    assert lm("one") == lm("one")
    assert lm("two") != lm("one")
    assert engine.calls == 2
    assert counts(meter) == {
        "asked": 4, "paid": 2, "joined": 0, "replayed": 2, "errors": 0, "retries": 0, "in_flight": 0,
    }  # fmt: skip


def test_what_decides_an_answer_is_in_its_key(tmp_path: Path) -> None:
    engine = CountingEngine()
    _, lm = metered(tmp_path, engine)
    different = [
        lm("x"),
        lm("x", temperature=0.5),
        lm("x", temperature=0.5, rollout_id=1),
        lm("x", temperature=0.5, rollout_id=2),
        lm.copy(rollout_id=3, temperature=0.5)("x"),
        lm("x", max_tokens=7),
    ]
    assert len({answer[0] for answer in different}) == len(different) == engine.calls
    assert lm.copy(temperature=0.5, rollout_id=2)("x") == different[3]
    assert lm("x", rollout_id=None) == different[0]


def test_completions_of_one_call_are_apart(tmp_path: Path) -> None:
    engine = CountingEngine()
    meter, lm = metered(tmp_path, engine)
    three = lm("x", n=3, temperature=1.0)
    assert len(set(three)) == 3
    assert lm("x", n=3, temperature=1.0) == three
    assert engine.calls == 3
    assert counts(meter)["asked"] == 6
    meter.close()
    again, lm = metered(tmp_path, CountingEngine(fail=lambda number: RuntimeError("asked again")))
    assert lm("x", n=3, temperature=1.0) == three
    again.close()


def test_equal_calls_in_flight_are_joined(tmp_path: Path) -> None:
    engine = CountingEngine(seconds=0.2)
    meter, lm = metered(tmp_path, engine)
    with ThreadPoolExecutor(8) as threads:
        answers = {answer[0] for answer in threads.map(lm, ["same"] * 8)}
    assert len(answers) == 1
    assert engine.calls == 1
    told = counts(meter)
    assert told["asked"] == 8
    assert (told["paid"], told["joined"] + told["replayed"]) == (1, 7)


@pytest.mark.parametrize("threads", [1, 8])
def test_the_ledger_equals_the_engines_own_count(tmp_path: Path, threads: int) -> None:
    flaky = lambda number: lm15.ServerError("busy") if number % 7 == 3 else None  # noqa: E731
    engine = CountingEngine(fail=flaky)
    meter, lm = metered(tmp_path, engine, profile=ModelProfile(model="test/model", retries=9))
    texts = [f"text {number % 60}" for number in range(300)]
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda text: lm(text)[0], texts))
    by_text = {text: {answer for asked, answer in zip(texts, answers) if asked == text} for text in texts}
    assert all(len(found) == 1 for found in by_text.values())
    told = counts(meter)
    assert told["paid"] == engine.answers == 60
    assert engine.calls == told["paid"] + told["retries"]
    assert told["asked"] == 300


def test_a_reopened_journal_pays_nothing_twice(tmp_path: Path) -> None:
    engine = CountingEngine()
    meter, lm = metered(tmp_path, engine)
    first = [lm(f"text {number}") for number in range(20)]
    # No close: a killed process does not tidy up.
    again, lm = metered(tmp_path, engine, attempt=2)
    assert [lm(f"text {number}") for number in range(25)][:20] == first
    assert engine.calls == 25
    assert set(engine.by_text.values()) == {1}
    assert counts(again)["paid"] == 25
    assert counts(again)["replayed"] >= 20
    again.close()
    meter.close()


def test_roles_share_answers_and_keep_their_own_accounts(tmp_path: Path) -> None:
    engine = CountingEngine()
    meter, student = metered(tmp_path, engine)
    teacher = lm_of(meter, engine, role="teacher")
    assert student("x") == teacher("x")
    assert engine.calls == 1
    assert counts(meter, "student")["paid"] == 1
    assert counts(meter, "teacher") | {"asked": 1, "replayed": 1} == counts(meter, "teacher")


# -- identity ---------------------------------------------------------------------------------------------


def test_the_engine_behind_sees_the_identity(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Looking(CountingEngine):
        def complete(self, request: Request) -> Any:
            call = CURRENT_CALL.get()
            assert call is not None
            seen.append((call.rollout_id, call.temperature, call.index))
            return super().complete(request)

    _, lm = metered(tmp_path, Looking())
    lm("x", n=2, rollout_id=5, temperature=0.7)
    assert seen == [(5, 0.7, 0), (5, 0.7, 1)]
    assert CURRENT_CALL.get() is None


def test_an_explicit_request_is_identified(tmp_path: Path) -> None:
    engine = CountingEngine()
    _, lm = metered(tmp_path, engine)
    request = Request(model=lm.model, messages=(Message.user("hello"),))
    assert lm(request).message.text == lm(request).message.text
    assert engine.calls == 1
    lm(request, rollout_id=1)
    assert engine.calls == 2


def test_keys_ignore_secrets_and_name_schemas() -> None:
    class Shape(pydantic.BaseModel):
        kind: Literal["a", "b"]

    lm = dspy.LM("openai/gpt-4o-mini", api_key="sk-one", cache=False)
    other = dspy.LM("openai/gpt-4o-mini", api_key="sk-two", cache=False)
    inputs = {"prompt": "x", "messages": None, "kwargs": {"response_format": Shape, "cache": True}}
    assert identify(lm, inputs).key == identify(other, inputs).key
    without = {"prompt": "x", "messages": None, "kwargs": {}}
    assert identify(lm, inputs).key != identify(lm, without).key
    asked = {"prompt": None, "messages": [{"role": "user", "content": "x"}], "kwargs": {}}
    assert identify(lm, asked).key == identify(lm, without).key
    huge = {"prompt": "x", "messages": None, "kwargs": {"seed": 1 << 70, "f": print, "s": {"b", "a"}}}
    assert identify(lm, huge).key == identify(other, huge).key


def test_a_call_whose_callback_failed_never_takes_anothers_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, notices = CountingEngine(), list[Notice]()
    _, lm = metered(tmp_path, engine, on_notice=notices.append)
    first = lm("one")
    monkeypatch.setattr("core.models.identify.identify", lambda lm, inputs: 1 / 0)
    assert lm("two") != first
    assert lm("two") == lm("two")
    assert [notice.kind for notice in notices] == ["identity"]
    assert engine.by_text == Counter(one=1, two=1)


# -- copies -------------------------------------------------------------------------------------------------


def test_copies_stay_metered(tmp_path: Path) -> None:
    engine = CountingEngine()
    meter, lm = metered(tmp_path, engine)
    program = dspy.Predict("question -> answer")
    program.set_lm(lm)
    copies = [
        lm.copy(temperature=0.3),
        copy.deepcopy(lm),
        copy.copy(lm),
        pickle.loads(pickle.dumps(lm)),
        program.deepcopy().lm,
    ]
    for number, other in enumerate(copies):
        other(f"text {number}")
    assert counts(meter)["paid"] == len(copies) == engine.calls


def test_an_lm_is_saved_without_secrets_and_loads_elsewhere(tmp_path: Path) -> None:
    meter = Meter.open(tmp_path)
    lm = meter.lm(ModelProfile(model="embedded/student", temperature=0.5), "student")
    state = lm.dump_state()
    assert state["engine"]["state"]["profile"] == {"model": "embedded/student", "temperature": 0.5}
    loaded = dspy.LM.load_state(state, allow_custom_lm_class=True)
    assert loaded("hello")
    assert loaded.dump_state()["engine"]["state"]["profile"] == state["engine"]["state"]["profile"]
    meter.close()


# -- pause, stop, caps --------------------------------------------------------------------------------------


def test_a_closed_gate_refuses_replays_too(tmp_path: Path) -> None:
    meter, lm = metered(tmp_path, CountingEngine())
    lm("x")
    meter.gate.close("stopped", "by a person")
    for _ in range(3):
        with pytest.raises(StopRun):
            lm("x")
    told = counts(meter)
    assert (told["asked"], told["in_flight"]) == (1, 0)


def test_stop_run_passes_through_dspys_own_threads(tmp_path: Path) -> None:
    meter, lm = metered(tmp_path, CountingEngine(), budget=Budget(calls=5))
    program = dspy.Predict("question -> answer")
    rows = [dspy.Example(question=f"q{number}", answer="a").with_inputs("question") for number in range(50)]
    evaluate = dspy.Evaluate(
        devset=rows, metric=lambda row, pred, trace=None: 1.0, num_threads=8, display_progress=False
    )
    with dspy.context(lm=lm), pytest.raises(StopRun) as caught:
        evaluate(program)
    assert caught.value.reason == "budget"
    deadline = time.monotonic() + 10
    while counts(meter)["paid"] < 5 and time.monotonic() < deadline:
        time.sleep(0.01)  # calls in flight when the gate closed come home after Evaluate has given up
    assert counts(meter)["paid"] == 5


@pytest.mark.parametrize("threads", [1, 8, 32])
def test_a_dollar_cap_holds_over_roles_and_threads(tmp_path: Path, threads: int) -> None:
    """400 input bytes at most, 30,000 output tokens allowed, some 20 used: the cap is used, never passed."""
    cheap = ModelProfile(model="test/cheap", price=Price(input=1.0, output=4.0), max_tokens=30_000, retries=0)
    dear = ModelProfile(model="test/dear", price=Price(input=10.0, output=40.0), max_tokens=30_000, retries=0)
    engine = CountingEngine(output_tokens=lambda text: 5 + hash(text) % 30, input_tokens=8)
    meter, student = metered(tmp_path, engine, budget=Budget(usd=0.2), profile=cheap, num_threads=threads)
    reflection = lm_of(meter, engine, role="reflection", profile=dear)

    def work(number: int) -> None:
        try:
            for turn in range(10_000):
                (reflection if turn % 10 == 0 else student)(f"{number} {turn}")
        except StopRun as stop:
            assert stop.reason == "budget"

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    spent = sum(role["usd"] for role in meter.snapshot().values())
    assert spent == pytest.approx(meter.gate.spent.usd)
    assert 0.18 <= spent <= 0.2
    meter.close()


def test_an_answer_cut_by_the_budget_is_asked_for_again_or_ends_the_run(tmp_path: Path) -> None:
    """The first ten answers are short; the budget then lowers the limit, and a long one does not fit it."""
    engine = CountingEngine(output_tokens=lambda text: 900 if text == "long" else 10, input_tokens=4)
    profile = ModelProfile(model="test/model", max_tokens=1000, retries=0)
    meter, lm = metered(tmp_path, engine, budget=Budget(tokens=1100), profile=profile)
    for number in range(12):
        lm(f"{number}")
    with pytest.raises(StopRun) as caught:
        lm("long")
    assert caught.value.reason == "budget"
    assert meter.gate.spent.tokens <= 1100
    assert engine.limits[0] == 1000
    assert engine.limits[-2] == 256
    assert 256 < (engine.limits[-1] or 0) < 900
    assert counts(meter)["paid"] == 12
    assert meter.journal.totals()["student"].output_tokens > 120 + 2 * 256
    meter.close()


def test_unknown_usage_is_charged_in_full(tmp_path: Path) -> None:
    engine = CountingEngine(input_tokens=None)
    profile = ModelProfile(model="test/model", max_tokens=100, price=Price(input=1.0, output=1.0), retries=0)
    meter, lm = metered(tmp_path, engine, budget=Budget(tokens=1000), profile=profile)
    with pytest.raises(StopRun):
        for number in range(100):
            lm(f"{number}")
    assert engine.calls <= 9
    student = meter.snapshot()["student"]
    assert student["usd"] is None
    assert student["without_usage"] == student["paid"]


def test_a_dollar_cap_on_an_unknown_price_is_told(tmp_path: Path) -> None:
    notices: list[Notice] = []
    meter = Meter.open(tmp_path, budget=Budget(usd=1.0, calls=9), on_notice=notices.append)
    meter.adopt(dspy.LM("nobody/knows", engine=CountingEngine(), cache=False), "student")
    assert notices[0].kind == "unpriced"
    assert "nobody/knows" in notices[0].text
    assert "calls" in notices[0].text
    meter.close()


def test_a_dollar_cap_that_comes_later_is_told_once(tmp_path: Path) -> None:
    notices: list[Notice] = []
    meter = Meter.open(tmp_path, budget=Budget(calls=9), on_notice=notices.append)
    meter.adopt(dspy.LM("nobody/knows", engine=CountingEngine(), cache=False), "student")
    assert not notices
    meter.set_caps(Budget(usd=1.0))
    assert [notice.kind for notice in notices] == ["unpriced"]
    assert "no other cap is set" in notices[0].text
    meter.set_caps(Budget(usd=2.0))
    assert len(notices) == 1
    meter.close()


# -- errors -------------------------------------------------------------------------------------------------


def test_transient_errors_are_retried_and_counted(tmp_path: Path) -> None:
    engine = CountingEngine(fail=lambda number: lm15.RateLimitError("slow down") if number < 2 else None)
    meter, lm = metered(tmp_path, engine)
    lm("x")
    told = counts(meter)
    assert (told["paid"], told["retries"], told["errors"], engine.calls) == (1, 2, 0, 3)


def test_lasting_errors_reach_the_caller_as_dspys_own(tmp_path: Path) -> None:
    engine = CountingEngine(fail=lambda number: lm15.ContextLengthError("too long"))
    meter, lm = metered(tmp_path, engine)
    with pytest.raises(dspy.ContextWindowExceededError):
        lm("x")
    told = counts(meter)
    assert (told["asked"], told["errors"], told["retries"], engine.calls) == (1, 1, 0, 1)


def test_retries_are_bounded(tmp_path: Path) -> None:
    engine = CountingEngine(fail=lambda number: lm15.ServerError("down"))
    meter, lm = metered(tmp_path, engine)
    with pytest.raises(dspy.LMServerError):
        lm("x")
    assert engine.calls == 3
    assert counts(meter)["errors"] == 1


def test_an_outage_ends_the_run_as_failed(tmp_path: Path) -> None:
    notices: list[Notice] = []
    engine = CountingEngine(fail=lambda number: lm15.ServerError("down") if number >= 10 else None)
    profile = ModelProfile(model="test/model", retries=0)
    _meter, lm = metered(tmp_path, engine, profile=profile, on_notice=notices.append)
    failed = 0
    with pytest.raises(StopRun) as caught:
        for number in range(100):
            try:
                lm(f"{number}")
            except dspy.LMServerError:
                failed += 1
    assert (failed, caught.value.reason) == (20, "failed")
    assert "does not answer" in caught.value.detail
    assert "ServerError: down" in caught.value.detail
    assert [notice.kind for notice in notices] == ["outage"]
    assert engine.calls == 30


def test_a_wrong_key_ends_the_run_soon(tmp_path: Path) -> None:
    engine = CountingEngine(fail=lambda number: lm15.AuthError("wrong key"))
    _meter, lm = metered(tmp_path, engine)
    with pytest.raises(StopRun):
        for number in range(100):
            try:
                lm(f"{number}")
            except dspy.LMAuthError:
                continue
    assert engine.calls == 3


def test_some_errors_among_answers_are_no_outage(tmp_path: Path) -> None:
    engine = CountingEngine(fail=lambda number: lm15.InvalidRequestError("no") if number % 2 else None)
    meter, lm = metered(tmp_path, engine)
    for number in range(100):
        try:
            lm(f"{number}")
        except dspy.LMInvalidRequestError:
            continue
    assert meter.gate.closed is None
    assert counts(meter)["errors"] == 50


def test_keys_in_error_messages_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-4711-value")
    error = lm15.InvalidRequestError("you sent canary-4711-value and sk-abcdefghijklmnop")
    _, lm = metered(tmp_path, CountingEngine(fail=lambda number: error))
    with pytest.raises(dspy.LMInvalidRequestError) as caught:
        lm("x")
    assert "canary" not in str(caught.value)
    assert "sk-abc" not in str(caught.value)


def test_a_disk_that_refuses_stops_the_run(tmp_path: Path) -> None:
    meter, lm = metered(tmp_path, CountingEngine())
    lm("before")
    meter.journal._writer.execute("PRAGMA query_only=ON")
    with pytest.raises(StopRun) as caught:
        lm("after")
    assert caught.value.reason == "failed"
    assert "could not be recorded" in caught.value.detail
    with pytest.raises(StopRun):
        lm("before")
    assert counts(meter)["paid"] == 1


def test_waiting_to_retry_ends_when_the_run_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.models.retries._BACKOFF_SECONDS", 600.0)
    monkeypatch.setattr("core.models.retries._LONGEST_BACKOFF_SECONDS", 600.0)
    asked, stopped = threading.Event(), threading.Event()

    def fail(number: int) -> Exception:
        asked.set()
        return lm15.ServerError("down")

    meter, lm = metered(tmp_path, CountingEngine(fail=fail))

    def call() -> None:
        with pytest.raises(StopRun):
            lm("x")
        stopped.set()

    threading.Thread(target=call, daemon=True).start()
    assert asked.wait(5)
    meter.gate.close("stopped")
    assert stopped.wait(5)


# -- async --------------------------------------------------------------------------------------------------


async def test_async_calls_are_the_same_calls(tmp_path: Path) -> None:
    engine = CountingEngine(seconds=0.05)
    meter, lm = metered(tmp_path, engine)
    answers = await asyncio.gather(*(lm.acall(f"text {number % 4}") for number in range(16)))
    assert len({answer[0] for answer in answers}) == 4 == engine.calls
    told = counts(meter)
    assert (told["asked"], told["paid"], told["in_flight"]) == (16, 4, 0)
    assert lm("text 1") == await lm.acall("text 1")
    assert engine.calls == 4


async def test_a_cancelled_asker_hands_over(tmp_path: Path) -> None:
    engine = CountingEngine(seconds=0.2)
    meter, lm = metered(tmp_path, engine)
    first = asyncio.ensure_future(lm.acall("x"))
    await asyncio.sleep(0.05)
    second = asyncio.ensure_future(lm.acall("x"))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await asyncio.wait_for(second, 5))[0].endswith("to x")
    told = counts(meter)
    assert (told["asked"], told["paid"], told["in_flight"]) == (1, 1, 0)


async def test_async_calls_wait_in_a_pause_and_stop(tmp_path: Path) -> None:
    meter, lm = metered(tmp_path, CountingEngine())
    meter.gate.pause()
    waiting = asyncio.ensure_future(lm.acall("x"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    meter.gate.resume()
    await asyncio.wait_for(waiting, 5)
    meter.gate.close("stopped")
    with pytest.raises(StopRun):
        await lm.acall("y")


async def test_streaming_programs_get_their_answer(tmp_path: Path) -> None:
    class Formatted(CountingEngine):
        def complete(self, request: Request) -> Any:
            response = super().complete(request)
            text = "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]"
            return lm15.Response(
                id=None, model=request.model, message=Message.assistant(text), finish_reason="stop",
                usage=response.usage,
            )  # fmt: skip

    meter, lm = metered(tmp_path, Formatted())
    program = dspy.streamify(dspy.Predict("question -> answer"))
    with dspy.context(lm=lm):
        last = [part async for part in program(question="x")][-1]
    assert last.answer == "yes"
    assert counts(meter)["paid"] == 1
