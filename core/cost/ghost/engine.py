"""The engine of a dry run's LMs, for calls that come without the ghost's adapter: text prompts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, Usage, response_to_events

from ...models.build import build_lm
from ...models.embedded.prompt import read_prompt, system_text, turns_of
from ...models.embedded.render import render
from ...models.identify import IdentifyCall
from ...models.identity import CURRENT_CALL
from ...models.roles import fill_roles
from ...recipe import ModelProfile, Role
from .ghost import Ghost, Sample


class GhostEngine:
    """Answers one role's text prompts. Copies are the same engine, as an LM's copies ask the same model."""

    supports_function_calling = False
    supports_reasoning = False
    supports_response_schema = True

    def __init__(self, ghost: Ghost, role: Role) -> None:
        self._ghost = ghost
        self.role = role

    def complete(self, request: Request) -> Response:
        self._ghost.count(self.role)
        text = self._text(request)
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(text),
            finish_reason="stop",
            usage=Usage(input_tokens=0, output_tokens=0),
        )

    def stream(self, request: Request) -> Iterator[Any]:
        yield from response_to_events(self.complete(request))

    def close(self) -> None:
        """A ghost holds nothing."""

    def dump_state(self) -> dict[str, Any]:
        """What is written with a program; a dry run throws it away."""
        return {"role": self.role}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> GhostEngine:
        raise TypeError("a ghost answers in its own dry run only")

    def __deepcopy__(self, memo: object) -> GhostEngine:
        return self

    def __copy__(self) -> GhostEngine:
        return self

    def _text(self, request: Request) -> str:
        system, turns = system_text(request), turns_of(request)
        identity = CURRENT_CALL.get()
        sample = Sample(temperature=request.config.temperature)
        if identity is not None and identity.engine is self:
            sample = Sample(identity.rollout_id, identity.temperature, identity.index)
            identity.index += 1
        prompt = read_prompt(system, turns)
        if prompt is None:
            return self._ghost.write_directly(self.role, "\n".join([system, *(t for _, t in turns)]), sample)
        return render(prompt.task, self._ghost.answer_text_prompt(self.role, prompt, sample))


class AsyncGhostEngine:
    """The same engine for async calls."""

    def __init__(self, engine: GhostEngine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Response:
        return self._engine.complete(request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        for event in response_to_events(self._engine.complete(request)):
            yield event

    async def aclose(self) -> None:
        """A ghost holds nothing."""

    def dump_state(self) -> dict[str, Any]:
        return self._engine.dump_state()

    def __deepcopy__(self, memo: object) -> AsyncGhostEngine:
        return self

    def __copy__(self) -> AsyncGhostEngine:
        return self


def build_ghost_lms(ghost: Ghost, profiles: Mapping[Role, ModelProfile]) -> dict[Role, dspy.LM]:
    """An LM for every role that looks like the recipe's and asks nobody but the ghost; needs no key."""
    lms = {}
    for role, profile in fill_roles(profiles).items():
        engine = GhostEngine(ghost, role)
        lms[role] = build_lm(profile, engine, AsyncGhostEngine(engine), [IdentifyCall()])
    return lms


def replace_lms(program: dspy.Module, ghost: Ghost) -> list[str]:
    """Put ghosts in the place of LMs that the program brings along; gives their models' names.

    They count as the student: the program asks them while it runs.
    """
    found: dict[int, dspy.LM] = {}
    for module in [program, *[part for _, part in program.named_sub_modules()]]:
        for name, value in list(vars(module).items()):
            if isinstance(value, dspy.BaseLM) and not isinstance(getattr(value, "engine", None), GhostEngine):
                if id(value) not in found:
                    found[id(value)] = build_ghost_lms(
                        ghost, {"student": ModelProfile(model=f"ghost/{value.model}")}
                    )["student"]
                setattr(module, name, found[id(value)])
    return [lm.model.removeprefix("ghost/") for lm in found.values()]
