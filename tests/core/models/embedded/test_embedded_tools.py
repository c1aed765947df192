"""ReAct programs run: a tool is chosen by its description, and the answer is what it observed."""

import dspy
import pytest

from core.models.embedded.engine import EmbeddedEngine
from core.models.embedded.tools import read_tools


def get_weather(city: str, days: int = 1) -> str:
    """Look up the weather forecast of a city."""
    return f"Sunny in {city}"


def find_order(order_id: str) -> str:
    """Find an order by its number and give its delivery state."""
    return f"Order {order_id} is on its way"


def broken(name: str) -> str:
    """Look up the weather forecast of a city by radio."""
    raise ValueError("no radio")


def run(adapter, tools, question):
    lm = dspy.LM("embedded/student", engine=EmbeddedEngine("embedded/student"), cache=False)
    with dspy.context(lm=lm, adapter=adapter):
        return dspy.ReAct("question -> answer", tools=tools, max_iters=5)(question=question)


@pytest.mark.parametrize("adapter", [dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter])
def test_the_fitting_tool_answers(adapter):
    found = run(adapter(), [get_weather, find_order], "What is the delivery state of my order AB-1234?")
    assert found.trajectory["tool_name_0"] == "find_order"
    assert found.trajectory["tool_args_0"] == {"order_id": "AB-1234"}
    assert found.trajectory["tool_name_1"] == "finish"
    assert found.answer == "Order AB-1234 is on its way"


def test_a_failing_tool_is_followed_by_the_next():
    found = run(
        dspy.ChatAdapter(), [broken, get_weather], "What weather forecast by radio does the city Oslo have?"
    )
    assert [found.trajectory[f"tool_name_{at}"] for at in range(3)] == ["broken", "get_weather", "finish"]
    assert found.answer == "Sunny in Oslo"


def test_tools_are_read_as_dspy_lists_them():
    react = dspy.ReAct("question -> answer", tools=[get_weather, lambda x: x])
    tools = {tool.name: tool for tool in read_tools(react.react.signature.instructions)}
    assert set(tools) >= {"get_weather", "finish"}
    assert set(tools["get_weather"].arguments) == {"city", "days"}
