"""Prompts as DSPy's own adapters write them, and small data sets of made-up words."""

import random
from typing import Any, Literal

import dspy
import pytest
from dspy.lm15 import Config, Message, Request

from core.models.embedded.prompt import Prompt, read_prompt

ADAPTERS = {"chat": dspy.ChatAdapter, "json": dspy.JSONAdapter, "xml": dspy.XMLAdapter}
TEAMS = ("billing", "shipping", "account")
CUES = {
    "billing": ["refund", "invoice", "charged", "receipt", "fee"],
    "shipping": ["parcel", "courier", "delivery", "tracking", "customs"],
    "account": ["password", "login", "username", "profile", "locked"],
}
_FILLER_TEXT = "hello please since monday our office again could someone look thanks yesterday still really"
FILLER = _FILLER_TEXT.split()


class Route(dspy.Signature):
    """Route the message to a team."""

    message: str = dspy.InputField()
    team: Literal["billing", "shipping", "account"] = dspy.OutputField()


@pytest.fixture
def route() -> type[dspy.Signature]:
    return Route


def make_rows(count: int, seed: int) -> list[dspy.Example]:
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        team = rng.choice(TEAMS)
        words = rng.sample(CUES[team], 2) + [rng.choice(FILLER) for _ in range(rng.randint(5, 9))]
        rng.shuffle(words)
        rows.append(dspy.Example(message=" ".join(words) + ".", team=team).with_inputs("message"))
    return rows


@pytest.fixture
def rows():
    return make_rows


def build_messages(
    signature: type[dspy.Signature], inputs: dict[str, Any], demos: list[Any] = (), adapter: str = "chat"
) -> list[dict[str, str]]:
    return ADAPTERS[adapter]().format(signature, [dict(demo) for demo in demos], dict(inputs))


def build_prompt(
    signature: type[dspy.Signature], inputs: dict[str, Any], demos: list[Any] = (), adapter: str = "chat"
) -> Prompt:
    messages = build_messages(signature, inputs, demos, adapter)
    turns = [(message["role"], message["content"]) for message in messages[1:]]
    prompt = read_prompt(messages[0]["content"], turns)
    assert prompt is not None
    return prompt


@pytest.fixture
def prompt_of():
    return build_prompt


def build_request(messages: list[dict[str, str]], **config: Any) -> Request:
    roles = {"user": Message.user, "assistant": Message.assistant}
    return Request(
        model="student",
        system=messages[0]["content"],
        messages=tuple(roles[message["role"]](message["content"]) for message in messages[1:]),
        config=Config(**config),
    )


@pytest.fixture
def request_of():
    def build(signature, inputs, demos=(), adapter="chat", **config):
        return build_request(build_messages(signature, inputs, demos, adapter), **config)

    return build
