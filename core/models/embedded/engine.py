"""The engine behind `dspy.LM("embedded/…")`: answers from the prompt alone, offline. Not a language model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from dspy.lm15 import Message, Request, Response, Usage, response_to_events

from ..identity import CURRENT_CALL
from .dials import MALFORMED, Fate, Faults, parse_model
from .prompt import read_prompt, system_text, turns_of
from .propose import write_answers, write_plain
from .render import render
from .student import answer
from .text import CHARACTERS_PER_TOKEN, count_tokens, hash_parts
from .values import Draw

DESCRIPTION = (
    "Not a large language model: a small in-context learner that knows only its prompt. It compares words "
    "with the demonstrations and rules shown to it, and writes such rules when an optimizer asks it to. "
    "Free, offline, and the same request always gets the same answer."
)


class EmbeddedEngine:
    """A `dspy.LM` engine that answers from its prompt alone. Thread-safe.

    The same request gets the same answer: without a temperature the likeliest, with one a draw by hash of
    the request, temperature, rollout id and completion index (`core.models.identity` carries the last two).

    Raises (from `complete`): the errors of `dspy.lm15` that the dials ask for.
    """

    keeps_output_limit = True
    """An answer is cut at the request's `max_tokens`, as a provider's is."""

    def __init__(self, model: str, dials: Mapping[str, float] | None = None) -> None:
        self.model = model
        self.kind, self.dials = parse_model(model, dials)
        self._faults = Faults(self.dials)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._calls = 0
        self._answers = 0

    @property
    def calls(self) -> int:
        """How often it was asked, failures included."""
        return self._calls

    @property
    def answers(self) -> int:
        """How often it answered."""
        return self._answers

    def describe(self) -> str:
        dialled = ", ".join(f"{name} {value:g}" for name, value in self.dials.as_dict().items())
        return f"embedded/{self.kind}: {DESCRIPTION}" + (f" Dialled in: {dialled}." if dialled else "")

    def complete(self, request: Request) -> Response:
        fate = self._begin(request)
        if fate.seconds:
            self._closed.wait(fate.seconds)
        return self._finish(request, fate)

    def stream(self, request: Request) -> Iterator[Any]:
        yield from response_to_events(self.complete(request))

    def close(self) -> None:
        """Ends waiting calls. The engine holds nothing else."""
        self._closed.set()

    def dump_state(self) -> dict[str, Any]:
        return {"model": self.model, "dials": self.dials.as_dict()}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> EmbeddedEngine:
        return cls(state["model"], state.get("dials"))

    def _begin(self, request: Request) -> Fate:
        with self._lock:
            number = self._calls
            self._calls += 1
        return self._faults.decide(number, _request_hash(request)) if self.dials.as_dict() else Fate()

    def _finish(self, request: Request, fate: Fate) -> Response:
        if fate.error is not None:
            raise fate.error
        system, turns = system_text(request), turns_of(request)
        text = MALFORMED if fate.malformed else answer_text(system, turns, _draw_of(request))
        longest = CHARACTERS_PER_TOKEN * (request.config.max_tokens or len(text))
        cut = len(text) > longest
        text = text[:longest]
        with self._lock:
            self._answers += 1
        characters = len(system) + sum(len(turn) for _, turn in turns)
        usage = Usage(input_tokens=count_tokens(characters), output_tokens=count_tokens(len(text)))
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(text),
            finish_reason="length" if cut else "stop",
            usage=usage,
        )


class AsyncEmbeddedEngine:
    """The same engine for async calls; shares its counters and dials with the one it wraps."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self.engine = engine

    async def complete(self, request: Request) -> Response:
        fate = self.engine._begin(request)
        if fate.seconds:
            await asyncio.sleep(fate.seconds)
        return self.engine._finish(request, fate)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        for event in response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        self.engine.close()

    def dump_state(self) -> dict[str, Any]:
        return self.engine.dump_state()

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> AsyncEmbeddedEngine:
        return cls(EmbeddedEngine.load_state(state))


def answer_text(system: str, turns: Sequence[tuple[str, str]], draw: Draw) -> str:
    """The answer to a system message and (role, text) turns."""
    prompt = read_prompt(system, turns)
    if prompt is None:
        return write_plain("\n\n".join([system, *(text for _, text in turns)]).strip())
    values = write_answers(prompt, draw)
    return render(prompt.task, values if values is not None else answer(prompt, draw))


def _draw_of(request: Request) -> Draw:
    identity = CURRENT_CALL.get()
    temperature = request.config.temperature or 0.0
    if temperature <= 0:
        return Draw()
    rollout, index = (identity.rollout_id, identity.index) if identity is not None else (None, 0)
    return Draw(temperature, (rollout, index, request.config.seed, temperature))


def _request_hash(request: Request) -> int:
    return hash_parts(system_text(request), *turns_of(request), *_draw_of(request).salt)
