"""Which tool to call next, for `dspy.ReAct`: by the words that its description shares with the request."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .extract import spans
from .learner import choose
from .prompt import Task
from .text import GRAMMAR, distinct_words
from .values import Answerer

_FIELDS = ("next_thought", "next_tool_name", "next_tool_args")
_FINISH = "finish"
_TRAJECTORY = "trajectory"
_TOOL = re.compile(
    r"^\(\d+\) (\w+)(?:, whose description is <desc>(.*?)</desc>)?\.? It takes arguments (\{.*\})\.$",
    re.MULTILINE,
)
_CALLED = re.compile(r"(?:\[\[ ## tool_name_\d+ ## \]\]|<tool_name_\d+>)\s*(\w+)")
_OBSERVED = re.compile(
    r"(?:\[\[ ## observation_\d+ ## \]\]|<observation_\d+>)\n?(.*?)(?=\n*\[\[ ## |</observation_\d+>|\Z)",
    re.DOTALL,
)
_FAILED = "Execution error in "
_FINISHED = "Completed."


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    arguments: Mapping[str, Mapping[str, Any]]
    """JSON schemas by argument."""


def wants_tool(task: Task) -> bool:
    """Whether a task is one step of `dspy.ReAct`."""
    return set(_FIELDS) <= set(task.output_names) and _TRAJECTORY in task.input_names


def read_tools(instruction: str) -> list[Tool]:
    """The tools that an instruction lists."""
    tools = []
    for found in _TOOL.finditer(instruction):
        try:
            arguments = ast.literal_eval(found.group(3))
        except (ValueError, SyntaxError):
            arguments = {}
        tools.append(
            Tool(found.group(1), found.group(2) or "", arguments if isinstance(arguments, dict) else {})
        )
    return tools


def answer_step(answerer: Answerer, task: Task) -> dict[str, Any]:
    """The next thought, tool and arguments. Finishes when a tool has answered, or all have been tried."""
    asked = {name: text for name, text in answerer.inputs.items() if name != _TRAJECTORY}
    past = answerer.inputs.get(_TRAJECTORY, "")
    called = set(_CALLED.findall(past))
    answered = any(not text.strip().startswith(_FAILED) for text in _OBSERVED.findall(past))
    tools = read_tools(task.instruction)
    left = [tool for tool in tools if tool.name != _FINISH and tool.name not in called]
    if answered or not left:
        values: dict[str, Any] = {
            "next_thought": "What is needed has been observed."
            if answered
            else "No other tool is left to try.",
            "next_tool_name": _FINISH,
            "next_tool_args": {},
        }
    else:
        tool = left[_best(answerer, left, asked)]
        values = {
            "next_thought": f"{tool.name} fits the request best.",
            "next_tool_name": tool.name,
            "next_tool_args": _arguments(answerer, tool, asked),
        }
    return {name: values.get(name, "") for name in task.output_names}


def _best(answerer: Answerer, tools: list[Tool], asked: Mapping[str, str]) -> int:
    """The tool whose name and description share most words with the request; demonstrations count as well."""
    wanted = {word for text in asked.values() for word in distinct_words(text)} - GRAMMAR
    said = [distinct_words(f"{tool.name.replace('_', ' ')} {tool.description}") - GRAMMAR for tool in tools]
    names = tuple(tool.name for tool in tools)
    learnt = answerer.reader.label_model(("next_tool_name",), names).judge(asked).scores
    scores = []
    for words, score in zip(said, learnt, strict=True):
        shared = wanted & words
        scores.append(score + sum(2.0 / sum(word in other for other in said) for word in shared))
    return choose(scores, answerer.draw.temperature, answerer.seed, "tool")


def _arguments(answerer: Answerer, tool: Tool, asked: Mapping[str, str]) -> dict[str, Any]:
    """A value for each argument without a default."""
    return {
        name: _argument(answerer, name, schema, asked)
        for name, schema in tool.arguments.items()
        if "default" not in schema
    }


def _argument(answerer: Answerer, name: str, schema: Mapping[str, Any], asked: Mapping[str, str]) -> Any:
    path = ("next_tool_args", name)
    if schema.get("type", "string") != "string" or "enum" in schema or answerer.reader.seen(path):
        return answerer.answer_value(schema, path, schema.get("$defs", {}))
    if name in asked:
        return asked[name]
    text = next(iter(asked.values()), "")
    return next((span.text for span in spans(text, (1,)) if _stands_out(span.text, text)), text)


def _stands_out(word: str, text: str) -> bool:
    """Whether a word looks like a name or a number: digits, or a capital that does not open the text."""
    return any(c.isdigit() for c in word) or (
        word[:1].isupper() and len(word) > 1 and not text.lstrip().startswith(word)
    )


def read_trajectory(inputs: Mapping[str, str]) -> Mapping[str, str]:
    """The inputs with what the last useful tool answered in place of the whole trajectory, and in front."""
    found = [text.strip() for text in _OBSERVED.findall(inputs.get(_TRAJECTORY, ""))]
    useful = [text for text in found if text not in ("", _FINISHED)]
    return (
        {_TRAJECTORY: useful[-1], **{k: v for k, v in inputs.items() if k != _TRAJECTORY}}
        if useful
        else inputs
    )
