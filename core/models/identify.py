"""Gives every LM call its identity: a hash of all that decides the answer, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson
import pydantic
from dspy.clients.backend_selection import CLIENT_KEYS
from dspy.lm15 import Request
from dspy.utils.callback import BaseCallback

from .identity import CURRENT_CALL, CallIdentity
from .wire import request_to_json

_NOT_IN_THE_KEY = {*CLIENT_KEYS, "cache"}


class IdentifyCall(BaseCallback):  # type: ignore[misc]
    """A callback of one LM: notes each call's identity for the engine, which runs in the same context.

    dspy swallows what a callback raises, so the note of an earlier call is taken away before anything can
    fail: an engine finds the right identity or none.
    """

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        CURRENT_CALL.set(None)
        CURRENT_CALL.set(identify(instance, inputs))

    def on_lm_end(
        self, call_id: str, outputs: dict[str, Any] | None, exception: BaseException | None = None
    ) -> None:
        CURRENT_CALL.set(None)

    def __deepcopy__(self, memo: object) -> IdentifyCall:
        return self


def identify(lm: Any, inputs: Mapping[str, Any]) -> CallIdentity:
    """The identity of a call of `lm` with these inputs of `dspy.LM.__call__`.

    The key holds what dspy's own cache key holds: model, messages and merged parameters with `rollout_id`,
    `n` and temperature; response classes by their schema; never keys or addresses.
    """
    given = dict(inputs.get("kwargs") or {})
    prompt = inputs.get("prompt")
    request = prompt if isinstance(prompt, Request) else given.pop("request", None)
    if isinstance(request, Request):
        rollout_id = given.get("rollout_id")
        body: dict[str, Any] = {"request": request_to_json(request), "rollout_id": rollout_id}
        return CallIdentity(hash_call(body), rollout_id, request.config.temperature, engine=lm.engine)
    merged = {name: value for name, value in {**lm.kwargs, **given}.items() if name not in _NOT_IN_THE_KEY}
    if merged.get("rollout_id") is None:
        merged.pop("rollout_id", None)
    messages = inputs.get("messages") or [{"role": "user", "content": prompt}]
    body = {"model": lm.model, "model_type": lm.model_type, "messages": messages, **merged}
    return CallIdentity(
        hash_call(body),
        merged.get("rollout_id"),
        merged.get("temperature"),
        n=merged.get("n") or 1,
        engine=lm.engine,
    )


def hash_call(body: Mapping[str, Any]) -> str:
    """SHA-256 of the body as canonical JSON, in hex."""
    try:
        data = orjson.dumps(body, _plain, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and mixed key types, which the fast encoder refuses.
        data = json.dumps(_with_text_keys(body), default=_plain, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def _plain(value: Any) -> Any:
    """A value of a type JSON lacks, by content where it has one and by name where not; never by address."""
    if isinstance(value, type):
        if issubclass(value, pydantic.BaseModel):
            return value.model_json_schema()
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return sorted((str(_plain(item)) if not isinstance(item, str) else item) for item in value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    state = getattr(value, "__dict__", None)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return {"type": kind, "state": state} if state else kind


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(item) for item in value]
    return value
