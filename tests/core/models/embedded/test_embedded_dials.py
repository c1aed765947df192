"""Delays, refusals and outages happen when and only when dialled in."""

import threading
import time

import dspy
import pytest
from dspy import lm15

from core.errors import ModelError
from core.models.embedded.dials import MALFORMED, Dials, Faults, parse_model
from core.models.embedded.engine import EmbeddedEngine


def test_models_and_dials_are_read_from_the_name():
    assert parse_model("embedded/student") == ("student", Dials())
    assert parse_model("embedded/judge?latency=0.05&jitter=0.01") == (
        "judge",
        Dials(latency=0.05, latency_jitter=0.01),
    )
    assert parse_model("embedded/student?latency=1", {"latency": 2})[1].latency == 2


@pytest.mark.parametrize(
    ("model", "dials", "hint"),
    [
        ("embedded/studnt", {}, "embedded/student"),
        ("embedded/student?latancy=1", {}, "latency"),
        ("embedded/student", {"error_rat": 0.1}, "error_rate"),
        ("embedded/student", {"error_rate": 2}, "0 to 1"),
        ("embedded/student?latency=soon", {}, "number"),
        ("embedded/student", {"latency": -1}, "from 0 up"),
        ("embedded/student", {"latency": float("inf")}, "number"),
    ],
)
def test_what_is_wrong_names_the_fix(model, dials, hint):
    with pytest.raises(ModelError) as caught:
        EmbeddedEngine(model, dials)
    assert hint in str(caught.value)


def test_latency_and_jitter(request_of, route):
    engine = EmbeddedEngine("embedded/student", {"latency": 0.03, "latency_jitter": 0.02})
    began = time.perf_counter()
    engine.complete(request_of(route, {"message": "hello"}))
    assert time.perf_counter() - began >= 0.03


def test_rate_limit_says_when_to_come_back():
    clock = [100.0]
    faults = Faults(Dials(rate_limit_rpm=2), clock=lambda: clock[0])
    assert [faults.decide(number, number).error for number in range(2)] == [None, None]
    refused = faults.decide(2, 2).error
    assert isinstance(refused, lm15.RateLimitError)
    assert refused.status == 429
    assert refused.retry_after == pytest.approx(60)
    clock[0] += 60.0
    assert faults.decide(3, 3).error is None


def test_random_errors_depend_on_the_request_and_its_attempt():
    def fates():
        faults = Faults(Dials(error_rate=0.3))
        return [[faults.decide(0, key).error is not None for _ in range(4)] for key in range(200)]

    first = fates()
    assert first == fates()
    share = sum(map(sum, first)) / 800
    assert 0.2 < share < 0.4
    assert any(tried[0] and not tried[1] for tried in first)


def test_an_outage_begins_and_ends():
    faults = Faults(Dials(outage_after=2, outage_calls=3))
    failed = [isinstance(faults.decide(number, number).error, lm15.ServerError) for number in range(8)]
    assert failed == [False, False, True, True, True, False, False, False]
    forever = Faults(Dials(outage_after=0))
    assert all(forever.decide(number, number).error for number in range(50))


def test_malformed_answers_make_dspy_ask_again_and_then_fail(route):
    engine = EmbeddedEngine("embedded/student?malformed_rate=1")
    lm = dspy.LM("embedded/student", engine=engine, cache=False)
    with (
        dspy.context(lm=lm, adapter=dspy.ChatAdapter()),
        pytest.raises(dspy.utils.exceptions.AdapterParseError) as caught,
    ):
        dspy.Predict(route)(message="hello")
    assert MALFORMED in str(caught.value)
    assert engine.calls == 2


def test_dspy_retries_server_errors_and_reports_outages(route):
    engine = EmbeddedEngine("embedded/student", {"outage_after": 0, "outage_calls": 1})
    lm = dspy.LM("embedded/student", engine=engine, cache=False, num_retries=2)
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
        assert dspy.Predict(route)(message="hello").team
    assert (engine.calls, engine.answers) == (2, 1)
    down = dspy.LM(
        "embedded/student",
        engine=EmbeddedEngine("embedded/student?outage_after=0"),
        cache=False,
        num_retries=0,
    )
    with dspy.context(lm=down, adapter=dspy.ChatAdapter()), pytest.raises(dspy.LMServerError):
        dspy.Predict(route)(message="hello")


def test_a_hanging_call_ends_when_the_engine_is_closed(request_of, route):
    engine = EmbeddedEngine("embedded/student", {"hang_after": 0})
    caught = []

    def call():
        try:
            engine.complete(request_of(route, {"message": "hello"}))
        except lm15.TimeoutError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    engine.close()
    thread.join(5)
    assert len(caught) == 1
