"""The engine behind `dspy.LM`: deterministic, counted, saved and loaded, sync and async."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context

import dspy
import pytest
from dspy.lm15 import Message, Request

from core.models.embedded.engine import AsyncEmbeddedEngine, EmbeddedEngine
from core.models.identity import CURRENT_CALL, CallIdentity


@pytest.fixture
def engine():
    return EmbeddedEngine("embedded/student")


def complete(engine, request, rollout_id=None, index=0):
    token = CURRENT_CALL.set(CallIdentity("k", rollout_id, request.config.temperature, index=index))
    try:
        return engine.complete(request).text
    finally:
        CURRENT_CALL.reset(token)


def test_the_same_request_gets_the_same_answer(engine, request_of, route, rows):
    request = request_of(route, {"message": "please look"}, rows(4, 1), temperature=1.0)
    assert len({complete(engine, request, 3) for _ in range(5)}) == 1
    assert complete(EmbeddedEngine("embedded/student"), request, 3) == complete(engine, request, 3)


def test_answers_are_the_same_in_another_process():
    code = (
        "from core.models.embedded.engine import answer_text; from core.models.embedded.values import Draw;"
        "system = open(0).read();"
        "texts = [f'[[ ## message ## ]]\\nhello {word} you' for word in ('a', 'a.', 'a b', 'a, b!')];"
        "turns = [[('user', text)] for text in texts];"
        "print([answer_text(system, turn, Draw(1.0, (7,))) for turn in turns])"
    )
    signature = dspy.Signature("message -> team: Literal['a', 'b', 'c', 'd', 'e']")
    system = dspy.ChatAdapter().format(signature, [], {})[0]["content"]
    answers = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=system,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert len(set(answers.pop().split("', '"))) > 1


def test_rollouts_and_completions_differ_at_a_temperature_only(engine, request_of, route):
    warm = request_of(route, {"message": "please look"}, temperature=1.0)
    assert len({complete(engine, warm, rollout) for rollout in range(20)}) == 3
    assert len({complete(engine, warm, 1, index) for index in range(20)}) == 3
    cold = request_of(route, {"message": "please look"})
    assert len({complete(engine, cold, rollout) for rollout in range(20)}) == 1


def test_sampling_leans_to_what_the_prompt_says(engine, request_of, route, rows):
    request = request_of(route, {"message": "refund of the invoice fee"}, rows(60, 1), temperature=1.0)
    drawn = Counter("billing" in complete(engine, request, rollout) for rollout in range(60))
    assert drawn[True] > 45


def test_it_works_without_an_identity(engine, request_of, route):
    def ask():
        assert CURRENT_CALL.get() is None
        return engine.complete(request_of(route, {"message": "hi"}, temperature=1.0))

    assert Context().run(ask).text


def test_calls_are_counted_over_threads(engine, request_of, route):
    request = request_of(route, {"message": "hi"})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: engine.complete(request), range(200)))
    assert (engine.calls, engine.answers) == (200, 200)


def test_usage_is_a_quarter_of_the_characters(engine, request_of, route):
    request = request_of(route, {"message": "hi"})
    response = engine.complete(request)
    characters = len(request.system) + len(request.messages[0].text)
    assert response.usage.input_tokens == -(-characters // 4)
    assert response.usage.output_tokens == -(-len(response.text) // 4)


def test_a_plain_text_prompt_is_answered(engine):
    assert engine.complete(Request(model="m", messages=(Message.user("Say something."),))).text


def test_a_program_with_its_lm_is_saved_and_loaded(engine, route, tmp_path):
    program = dspy.Predict(route)
    program.set_lm(dspy.LM("embedded/student", engine=EmbeddedEngine("embedded/student", {"latency": 0.001})))
    program.save(tmp_path / "program.json")
    loaded = dspy.Predict(route)
    loaded.load(tmp_path / "program.json", allow_unsafe_lm_state=True)
    assert loaded.lm.engine.dials.latency == 0.001
    assert loaded(message="hi").team


def test_async_calls_share_counter_and_answers(engine, request_of, route):
    request = request_of(route, {"message": "hi"})
    pair = AsyncEmbeddedEngine(engine)
    answers = asyncio.run(_both(pair, request))
    assert {response.text for response in answers} == {engine.complete(request).text}
    assert engine.calls == 3


async def _both(pair, request):
    return await asyncio.gather(pair.complete(request), pair.complete(request))


def test_streams_add_up_to_the_answer(engine, request_of, route):
    request = request_of(route, {"message": "hi"})
    events = list(engine.stream(request))
    text = "".join(
        event.delta.text for event in events if event.type == "delta" and hasattr(event.delta, "text")
    )
    assert text == engine.complete(request).text
    assert events[0].type == "start"
    assert events[-1].type == "end"


def test_async_programs_run(engine, route):
    lm = dspy.LM("embedded/student", engine=engine, async_engine=AsyncEmbeddedEngine(engine), cache=False)
    with dspy.context(lm=lm):
        assert asyncio.run(dspy.Predict(route).acall(message="hi")).team


def test_it_says_that_it_is_no_language_model():
    described = EmbeddedEngine("embedded/teacher", {"latency": 0.5}).describe()
    assert "Not a large language model" in described
    assert "latency 0.5" in described
