"""The dspy callback that notes the identity of an LM call for the engine that will serve it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback

from .identity import CURRENT_CALL, CallIdentity

_SECRET = ("api_key", "api_base", "base_url", "headers", "extra_headers")


class IdentifyCall(BaseCallback):
    """Sits on an LM, and on its copies: `rollout_id` and `n` never reach an engine in the request."""

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        CURRENT_CALL.set(None)
        given = dict(inputs)
        given.update(given.pop("kwargs", None) or {})
        merged = {**instance.kwargs, **{name: value for name, value in given.items() if value is not None}}
        merged.pop("cache", None)
        CURRENT_CALL.set(
            CallIdentity(
                key=hash_call({"model": instance.model, **merged}),
                rollout_id=merged.get("rollout_id"),
                temperature=merged.get("temperature"),
                n=merged.get("n") or 1,
            )
        )


def hash_call(call: dict[str, Any]) -> str:
    """Hash of everything that decides an answer, as dspy's own cache computes it."""
    try:
        key: str = dspy.cache.cache_key(call, ignored_args_for_cache_key=list(_SECRET))
    except TypeError:
        # An explicit Request or another object that dspy's cache cannot hash.
        text = json.dumps({k: v for k, v in call.items() if k not in _SECRET}, sort_keys=True, default=repr)
        key = hashlib.sha256(text.encode()).hexdigest()
    return key
