"""Answers an ordinary prompt: any task that an adapter of DSPy wrote down."""

from __future__ import annotations

from typing import Any

from .prompt import Prompt
from .reader import Reader, reader_of
from .tools import answer_step, read_trajectory, wants_tool
from .values import Answerer, Draw


def answer(prompt: Prompt, draw: Draw) -> dict[str, Any]:
    """A value for each output field, in the prompt's order. The same prompt and draw give the same values."""
    reader = reader_of(prompt.system, prompt.demo_texts) or Reader(prompt.task, ())
    if wants_tool(prompt.task):
        return answer_step(Answerer(reader, prompt.inputs, draw), prompt.task)
    return Answerer(reader, read_trajectory(prompt.inputs), draw).answer_all()
