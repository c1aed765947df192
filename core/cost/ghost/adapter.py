"""The adapter of a dry run: answers in typed values at once, without writing or reading a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dspy

from ...recipe import Role
from .engine import GhostEngine
from .ghost import Ghost, Sample


class GhostAdapter(dspy.ChatAdapter):  # type: ignore[misc]  # dspy is untyped for mypy
    """Stands in dspy's adapter's place: what reaches it would have reached an LM, `n` times for n answers.

    `make_adapter` makes one. The ghost is the class's own, because dspy makes adapters of the class that is
    set, without arguments (`dspy.Refine`).
    """

    _ghost: Ghost

    def __call__(
        self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        settings: Mapping[str, Any] = {**getattr(lm, "kwargs", {}), **lm_kwargs}
        wanted = int(settings.get("n") or settings.get("num_generations") or 1)
        role = role_of(lm)
        self._ghost.count(role, wanted)
        rollout_id, temperature = settings.get("rollout_id"), settings.get("temperature")
        given = {name: value for name, value in inputs.items() if name in signature.input_fields}
        return [
            self._ghost.answer(role, signature, demos, given, Sample(rollout_id, temperature, index))
            for index in range(wanted)
        ]

    async def acall(
        self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return self(lm, lm_kwargs, signature, demos, inputs)


def make_adapter(ghost: Ghost) -> GhostAdapter:
    """The adapter that asks this ghost."""
    bound: type[GhostAdapter] = type("GhostAdapter", (GhostAdapter,), {"_ghost": ghost})
    return bound()


def role_of(lm: Any) -> Role:
    """The role of a ghost's LM; what the user's code made for itself counts as the student."""
    engine = getattr(lm, "engine", None)
    return engine.role if isinstance(engine, GhostEngine) else "student"
