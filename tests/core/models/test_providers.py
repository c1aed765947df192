"""dspy's own engines behind the meter, over real HTTP to a loopback server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import dspy
import pydantic
import pytest

from core.models.journal import read_calls
from core.models.meter import Meter
from core.recipe import Budget, ModelProfile
from tests.support.openai_server import Behaviour, OpenAIServer

KEY = "sk-canary-0123456789abcdef"


class Person(pydantic.BaseModel):
    name: str
    kind: Literal["cat", "dog"]


class Extract(dspy.Signature):  # type: ignore[misc]
    text: str = dspy.InputField()
    person: Person = dspy.OutputField()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-local-servers-00")
    monkeypatch.setattr("core.models.retries._BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr("core.models.retries._RATE_LIMIT_BACKOFF_SECONDS", 0.01)


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Meter]:
    with Meter.open(tmp_path) as opened:
        yield opened


def profile(server: OpenAIServer, **more: Any) -> ModelProfile:
    values: dict[str, Any] = {"model": "openai/gpt-4o-mini", "api_base": server.url, "retries": 2, **more}
    return ModelProfile(**values)


def test_a_program_runs_and_is_billed(meter: Meter) -> None:
    text = "[[ ## answer ## ]]\nblue\n\n[[ ## completed ## ]]"
    usage = {
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 400},
    }  # fmt: skip
    with OpenAIServer(Behaviour(answer=lambda body: text, usage=lambda body, text: usage)) as server:
        lm = meter.lm(profile(server, temperature=0.3, max_tokens=50), "student")
        with dspy.context(lm=lm):
            assert dspy.Predict("question -> answer")(question="sky?").answer == "blue"
    assert server.requests[0]["temperature"] == 0.3
    assert server.requests[0]["model"] == "gpt-4o-mini"
    student = meter.snapshot()["student"]
    assert (student["input_tokens"], student["cached_input_tokens"], student["output_tokens"]) == (
        1000,
        400,
        100,
    )
    assert student["usd"] == pytest.approx((600 * 0.15 + 400 * 0.075 + 100 * 0.6) / 1e6)
    call = read_calls(meter.journal.path, with_text=True)[0]
    assert "sky?" in call.prompt[-1][1]
    assert "blue" in call.answer


def test_structured_outputs_survive(meter: Meter) -> None:
    def answer(body: dict[str, Any]) -> str:
        assert body["response_format"]["type"] == "json_schema"
        return json.dumps({"person": {"name": "Tom", "kind": "cat"}})

    with OpenAIServer(Behaviour(answer=answer)) as server:
        lm = meter.lm(profile(server), "student")
        with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
            first = dspy.Predict(Extract)(text="Tom purrs")
            again = dspy.Predict(Extract)(text="Tom purrs")
    assert first.person == again.person == Person(name="Tom", kind="cat")
    assert len(server.requests) == 1


def test_tool_calls_survive_and_replay(meter: Meter) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Bern"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    with OpenAIServer(Behaviour(answer=lambda body: message)) as server:
        lm = meter.lm(profile(server), "student")
        assert lm.supports_function_calling
        first, again = lm("weather?", tools=tools), lm("weather?", tools=tools)
    assert first == again
    assert first[0]["tool_calls"][0]["function"]["arguments"] == '{"city": "Bern"}'
    assert len(server.requests) == 1


def test_thinking_reaches_the_wire(meter: Meter) -> None:
    with OpenAIServer() as server:
        meter.lm(profile(server, model="openai/gpt-5.1", thinking="low"), "reflection")("hello")
        meter.lm(profile(server, model="openai/gpt-5.1", thinking="disabled"), "student")("hello")
        meter.lm(profile(server, thinking="disabled"), "judge")("hello")
    assert [body.get("reasoning_effort") for body in server.requests] == ["low", "none", None]


def test_keys_go_to_whom_they_are_meant(meter: Meter, tmp_path: Path) -> None:
    with OpenAIServer() as server:
        meter.lm(profile(server), "student")("one")
        meter.lm(profile(server, key_env="TEST_KEY"), "judge")("two")
    assert server.authorizations == ["Bearer local", f"Bearer {KEY}"]
    meter.ledger.flush()
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY.encode() not in stored


@pytest.mark.parametrize("fault", ["error", "malformed", "cut", "hang", "refuse_limit"])
def test_faults_of_a_moment_are_retried(meter: Meter, fault: Any) -> None:
    behaviour = Behaviour(fault=lambda number: fault if number == 0 else None, hang_seconds=20, retry_after=0)
    with OpenAIServer(behaviour) as server:
        lm = meter.lm(profile(server, timeout=0.3), "student")
        assert lm("hello") == ["hello"]
    student = meter.snapshot()["student"]
    assert (student["paid"], student["retries"], student["errors"]) == (1, 1, 0)


def test_a_wrong_key_is_told_without_the_key(meter: Meter) -> None:
    with OpenAIServer(Behaviour(fault=lambda number: "unauthorized")) as server:
        lm = meter.lm(profile(server, key_env="TEST_KEY"), "student")
        with pytest.raises(dspy.LMAuthError) as caught:
            lm("hello")
    assert KEY not in str(caught.value)
    assert meter.snapshot()["student"]["errors"] == 1


def test_an_answer_without_usage_costs_the_unknown(meter: Meter) -> None:
    with OpenAIServer(Behaviour(fault=lambda number: "no_usage")) as server:
        meter.lm(profile(server), "student")("hello")
    student = meter.snapshot()["student"]
    assert (student["usd"], student["without_usage"], student["paid"]) == (None, 1, 1)


def test_a_cap_lowers_the_limit_on_the_wire(tmp_path: Path) -> None:
    with OpenAIServer() as server, Meter.open(tmp_path, budget=Budget(tokens=3000)) as meter:
        lm = meter.lm(profile(server, max_tokens=16_000), "student")
        lm("hello")
    assert server.requests[0]["max_completion_tokens"] == 1024


def test_callbacks_history_and_usage_see_one_call(meter: Meter) -> None:
    seen: list[str] = []

    class Watching(dspy.utils.callback.BaseCallback):  # type: ignore[misc]
        def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            seen.append(call_id)

    with OpenAIServer() as server:
        lm = meter.lm(profile(server), "student")
        with dspy.context(callbacks=[Watching()], lm=lm), dspy.track_usage() as tracker:
            lm("hello")
    assert len(seen) == len(lm.history) == 1
    assert tracker.get_total_tokens()["openai/gpt-4o-mini"]["prompt_tokens"] == 9


def test_an_lm_of_the_users_own_is_adopted(meter: Meter) -> None:
    with OpenAIServer() as server:
        own = dspy.LM("openai/gpt-4o-mini", api_base=server.url, api_key=KEY, temperature=0.2, max_tokens=77)
        lm = meter.adopt(own, "judge")
        assert meter.adopt(lm, "student") is lm
        assert lm("hello") == lm("hello") == ["hello"]
        assert own.kwargs["api_key"] == KEY
    assert (server.requests[0]["temperature"], server.requests[0]["max_completion_tokens"]) == (0.2, 77)
    assert server.authorizations == [f"Bearer {KEY}"]
    assert KEY not in json.dumps(lm.dump_state())
    assert meter.snapshot()["judge"]["paid"] == 1


def test_a_dummy_lm_is_adopted(meter: Meter) -> None:
    lm = meter.adopt(dspy.utils.DummyLM([{"answer": "one"}, {"answer": "two"}]), "student")
    with dspy.context(lm=lm):
        predict = dspy.Predict("question -> answer")
        assert [predict(question=q).answer for q in ("a", "b", "a")] == ["one", "two", "one"]


async def test_async_calls_reach_the_provider(meter: Meter) -> None:
    import asyncio

    with OpenAIServer(Behaviour(latency=0.1)) as server:
        lm = meter.lm(profile(server), "student")
        answers = await asyncio.gather(*(lm.acall(f"text {number}") for number in range(8)))
    assert server.peak_in_flight > 1
    assert [answer[0] for answer in answers] == [f"text {number}" for number in range(8)]
    assert len(server.requests) == 8


def test_a_rate_limited_server_is_asked_at_its_pace(tmp_path: Path) -> None:
    behaviour = Behaviour(latency=0.02, per_second=40, burst=4)
    with OpenAIServer(behaviour) as server, Meter.open(tmp_path, num_threads=32) as meter:
        lm = meter.lm(profile(server, retries=9), "student")
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(lambda number: lm(f"text {number}"), range(120)))
    assert server.statuses[200] == 120
    assert server.statuses[429] <= 40, "a fixed crowd of 32 is refused about as often as it is answered"


@pytest.mark.slow
def test_models_that_dspy_asks_through_litellm(meter: Meter) -> None:
    with OpenAIServer() as server:
        lm = meter.lm(profile(server, model="fireworks_ai/some-model", temperature=0.1), "student")
        assert lm("hello") == ["hello"]
        with pytest.raises(dspy.LMError):
            server.behaviour.fault = lambda number: "unauthorized"
            lm("other")
    student = meter.snapshot()["student"]
    assert (student["paid"], student["errors"], student["usd"]) == (1, 1, None)
    assert student["input_tokens"] == 9
