"""From a model profile to the engine that answers for it: keys, addresses and thinking in one place."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import dspy
from dspy.lm15 import Reasoning, Request, Response

from ..errors import ModelError
from ..recipe import ModelProfile
from .keys import key_state

_EFFORTS = {"low", "medium", "high", "minimal"}


class InnerLM:
    """dspy's own engine choice (native or LiteLLM) for a real model, one attempt at a time."""

    def __init__(self, lm: dspy.LM) -> None:
        self.lm = lm

    def complete(self, request: Request) -> Response:
        response: Response = self.lm(request)
        return response


def build_inner(profile: ModelProfile) -> InnerLM:
    """The real engine of a profile. Raises `ModelError` where the name, the address or the key is wrong."""
    options: dict[str, Any] = dict(profile.options)
    if profile.api_base:
        if urlsplit(profile.api_base).password:
            raise ModelError(
                "api_base holds a password",
                where=f"the profile of {profile.model}",
                fix="put the key into an environment variable and name it with key_env",
            )
        options["api_base"] = profile.api_base
    state = key_state(profile)
    if profile.key_env:
        if not state.present:
            raise ModelError(
                f"{profile.model} needs a key, and {profile.key_env} is not set",
                where=f"environment variable {profile.key_env}",
                fix=f"export {profile.key_env}=…",
            )
        options["api_key"] = os.environ[profile.key_env]
    elif state.name and not state.present and not profile.api_base:
        raise ModelError(
            f"{profile.model} needs a key, and {state.name} is not set",
            where=f"environment variable {state.name}",
            fix=f"export {state.name}=…, or name another variable with key_env",
        )
    if profile.timeout is not None:
        options["timeout"] = profile.timeout
    try:
        return InnerLM(dspy.LM(profile.model, cache=False, num_retries=0, **options))
    except Exception as error:
        raise ModelError(
            f"{profile.model} cannot be used: {str(error).splitlines()[0]}",
            where=f"the profile of {profile.model}",
            fix="write the model as provider/name, as dspy.LM takes it",
        ) from error


def read_thinking(profile: ModelProfile) -> Reasoning | None:
    """A profile's `thinking` as dspy's own reasoning setting, which each provider's engine translates."""
    thinking = profile.thinking
    if thinking is None or profile.model.startswith("embedded/"):
        return None
    if isinstance(thinking, int):
        return Reasoning(effort="high", thinking_budget=thinking)
    if thinking in ("disabled", "off"):
        return Reasoning(effort="off")
    if thinking in _EFFORTS:
        return Reasoning(effort=thinking)
    raise ModelError(
        f"thinking = {thinking!r} is not known",
        where=f"the profile of {profile.model}",
        fix="use disabled, minimal, low, medium, high, or a number of tokens",
    )
