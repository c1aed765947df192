"""From a model profile to what answers its calls, and to the LM that a program is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import dspy
import msgspec
from dspy.clients.backend_selection import CLIENT_KEYS
from dspy.clients.engines import LM15Engine
from dspy.lm15 import LM15Error, Request, Response, RouterConfig, request_from_openai_chat
from dspy.utils.exceptions import LMError

from ..errors import ModelError
from ..recipe import ModelProfile
from .embedded.engine import AsyncEmbeddedEngine, EmbeddedEngine
from .identify import hash_call
from .profiles import check_profile
from .secrets import find_key, is_local, strip_credentials
from .sources import EngineSource, ProviderSource, Source
from .thinking import reasoning_of

_CONSTRUCTION = ("model_type", "use_developer_role", "finetuning_model", "launch_kwargs", "train_kwargs")
_DIALS_THAT_CHANGE_ANSWERS = ("malformed_rate",)
_NO_KEY = "local"
"""Sent to servers on this machine that were given no key of their own: a real one is not theirs to see."""


def build_source(profile: ModelProfile, *, where: str = "models") -> Source:
    """What answers a profile's calls, one attempt a call.

    Raises `ModelError` for what `check_profile` finds, for a missing key, and for settings that the model's
    provider cannot take.
    """
    if profile.model.startswith("embedded/"):
        engine = EmbeddedEngine(profile.model, profile.dials)
        return EngineSource(engine, AsyncEmbeddedEngine(engine))
    check_profile(profile, where=where)
    client: dict[str, Any] = {name: value for name, value in profile.options.items() if name in CLIENT_KEYS}
    if profile.api_base:
        client["api_base"] = profile.api_base
    if profile.timeout:
        client["timeout"] = profile.timeout
    key = find_key(profile)
    if key is not None:
        client["api_key"] = key
    elif is_local(profile.api_base):
        client["api_key"] = _NO_KEY
    with _told_as_model_error(profile, where):
        lm = dspy.LM(
            profile.model,
            model_type=profile.options.get("model_type", "chat"),
            cache=False,
            num_retries=0,
            **client,
        )
        source = ProviderSource(lm)
        _check_settings(profile, source, where)
    return source


def build_lm(
    profile: ModelProfile,
    engine: Any,
    async_engine: Any,
    callbacks: Sequence[Any],
    *,
    adopted: Any = None,
    where: str = "models",
) -> dspy.LM:
    """The LM in front of an engine: the profile's parameters, or those of the LM that is adopted."""
    if adopted is not None:
        parameters = {name: value for name, value in adopted.kwargs.items() if name not in CLIENT_KEYS}
        longest = parameters.pop("max_completion_tokens", None)
        parameters.setdefault("max_tokens", longest)
        parameters["model_type"] = adopted.model_type
        parameters["use_developer_role"] = getattr(adopted, "use_developer_role", False)
    else:
        parameters = {
            **{name: value for name, value in profile.options.items() if name not in CLIENT_KEYS},
            "temperature": profile.temperature,
            "max_tokens": profile.max_tokens,
        }
    with _told_as_model_error(profile, where):
        return dspy.LM(
            profile.model,
            cache=False,
            num_retries=0,
            callbacks=list(callbacks),
            engine=engine,
            async_engine=async_engine,
            **parameters,
        )


def completer_of(profile: ModelProfile) -> Callable[[Request], Request]:
    """Adds what the profile says about thinking to a request that says nothing about it itself."""
    reasoning = reasoning_of(profile)
    if reasoning is None:
        return lambda request: request

    def complete(request: Request) -> Request:
        if request.config.reasoning is not None:
            return request
        return dataclasses.replace(request, config=dataclasses.replace(request.config, reasoning=reasoning))

    return complete


def fingerprint_of(profile: ModelProfile) -> str:
    """Tells apart equal calls that go to different places, or with settings that a call does not show."""
    parts: dict[str, Any] = {
        "api_base": profile.api_base,
        "thinking": profile.thinking,
        **{name: value for name, value in profile.options.items() if name in CLIENT_KEYS},
        **{name: profile.dials[name] for name in _DIALS_THAT_CHANGE_ANSWERS if name in profile.dials},
    }
    told = {name: value for name, value in parts.items() if value is not None}
    return hash_call(told)[:16] if told else ""


def dump_profile(profile: ModelProfile) -> dict[str, Any]:
    """A profile as JSON, fit to be stored."""
    data: dict[str, Any] = msgspec.to_builtins(profile)
    if profile.api_base:
        data["api_base"] = strip_credentials(profile.api_base)
    return data


class ProfileEngine:
    """A profile's engine without a meter: what the LM of a saved program becomes where it is loaded."""

    def __init__(self, profile: ModelProfile) -> None:
        self.profile = profile
        self._source = build_source(profile)
        self._complete = completer_of(profile)

    def complete(self, request: Request) -> Response:
        return self._source.complete(self._complete(request))

    def dump_state(self) -> dict[str, Any]:
        return {"profile": dump_profile(self.profile)}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> ProfileEngine:
        return cls(msgspec.convert(state["profile"], ModelProfile))


class AsyncProfileEngine:
    """The same for async calls."""

    def __init__(self, profile: ModelProfile) -> None:
        self.profile = profile
        self._source = build_source(profile)
        self._complete = completer_of(profile)

    async def complete(self, request: Request) -> Response:
        return await self._source.complete_async(self._complete(request))

    def dump_state(self) -> dict[str, Any]:
        return {"profile": dump_profile(self.profile)}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> AsyncProfileEngine:
        return cls(msgspec.convert(state["profile"], ModelProfile))


def _check_settings(profile: ModelProfile, source: ProviderSource, where: str) -> None:
    """Find out now, offline, what every call would be refused for."""
    body = {
        name: value
        for name, value in profile.options.items()
        if name not in CLIENT_KEYS
        and name not in _CONSTRUCTION
        and name != "prompt_cache"
        and value is not None
    }
    if profile.temperature is not None:
        body["temperature"] = profile.temperature
    try:
        request = request_from_openai_chat(
            {"model": profile.model, "messages": [{"role": "user", "content": "hello"}], **body}
        )
    except (LM15Error, ValueError, TypeError) as error:
        raise ModelError(
            f"{profile.model} cannot be given these options: {error}",
            where=f"{where}.options",
            fix="take out the option; dspy's own names are temperature, max_tokens, top_p, stop, seed, …",
        ) from error
    reasoning = reasoning_of(profile, where=where)
    if reasoning is None or source.provider is None:
        return
    request = dataclasses.replace(request, config=dataclasses.replace(request.config, reasoning=reasoning))
    planner = LM15Engine(RouterConfig(env={}), model_type=profile.options.get("model_type", "chat"))
    try:
        plan = planner.plan(request)
    finally:
        planner.close()
    for change in getattr(plan, "adaptations", plan) or ():
        if change.field.startswith("config.reasoning"):
            raise ModelError(
                f"{profile.model} cannot think as asked (thinking = {profile.thinking!r}): {change.reason}",
                where=f"{where}.thinking",
                fix="use another effort (minimal, low, medium, high), or leave thinking out",
            )


class _told_as_model_error:
    """Says what dspy or lm15 refuses as an error for a person."""

    def __init__(self, profile: ModelProfile, where: str) -> None:
        self._model = profile.model
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, (LMError, LM15Error, ValueError, TypeError, ImportError)):
            return
        message = getattr(error, "message", "") or str(error)
        raise ModelError(
            f"{self._model} cannot be used like this: {message.strip().partition(chr(10))[0]}",
            where=self._where,
            fix="check the model's name and its settings in compilot.toml",
        ) from error
