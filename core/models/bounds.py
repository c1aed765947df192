"""The most a request can cost, counted without a tokenizer."""

from __future__ import annotations

import threading
from typing import Any

import orjson
from dspy.lm15 import Request

from ..recipe import ModelProfile
from .gate import Bound
from .prices import bound_price_of, model_entry
from .wire import request_to_json

_TOKENS_AROUND_A_MESSAGE = 16
_TOKENS_AROUND_TOOLS = 1_000
"""Providers add instructions of their own when tools are given."""
_TOKENS_OF_LINKED_MEDIA = 8_192
_ASSUMED_OUTPUT_LIMIT = 16_384
"""Where neither the request nor the metadata has one; it is then set on the request."""
_ENOUGH_ANSWERS = 10
_ENOUGH_BEFORE_THAT = 1_024
_LEAST = 64
_ROOM = 4


class OutputLimits:
    """How long answers of one model in one role may get, and how long they were."""

    def __init__(self, profile: ModelProfile, *, keeps_limit: bool) -> None:
        known = model_entry(profile.model).get("max_output_tokens")
        self._most = known if isinstance(known, int) and known > 0 else _ASSUMED_OUTPUT_LIMIT
        self._keeps_limit = keeps_limit
        self._lock = threading.Lock()
        self._answers = 0
        self._longest = 0
        # Providers count thinking into the limit, and refuse limits below the thinking budget.
        self._thinking = profile.thinking if isinstance(profile.thinking, int) else 0

    def observe(self, output_tokens: int | None) -> None:
        with self._lock:
            self._answers += 1
            self._longest = max(self._longest, output_tokens or 0)

    def of(self, request: Request) -> tuple[int, int, int]:
        """The limit of this request's answer; what it is lowered to where that is too much; and at worst."""
        limit = request.config.max_tokens or self._most
        if not self._keeps_limit:
            return limit, limit, limit
        with self._lock:
            least = max(_LEAST, _ROOM * self._longest)
            enough = _ROOM * least if self._answers >= _ENOUGH_ANSWERS else max(least, _ENOUGH_BEFORE_THAT)
        return limit, min(limit, enough + self._thinking), min(limit, least + self._thinking)


def bound_call(request: Request, profile: ModelProfile, limits: OutputLimits) -> Bound:
    """The most a call can cost: a token for every byte of the prompt, and the whole output limit."""
    inputs = count_input_bound(request)
    price = bound_price_of(profile, inputs)
    limit, enough, least = limits.of(request)
    return Bound(
        input_tokens=inputs,
        output_tokens=limit,
        enough_output_tokens=enough,
        least_output_tokens=least,
        usd_per_input_token=price.input / 1_000_000 if price else 0.0,
        usd_per_output_token=price.output / 1_000_000 if price else 0.0,
    )


def count_input_bound(request: Request) -> int:
    """An upper bound on a prompt's tokens: no tokenizer in use makes more tokens than there are bytes.

    Media given by address count as a large image each; media given as data by their bytes.
    """
    data = request_to_json(request)
    tokens = _bytes_of(data.get("system")) + _TOKENS_AROUND_A_MESSAGE
    for message in data.get("messages", []):
        tokens += _bytes_of(message.get("parts")) + _TOKENS_AROUND_A_MESSAGE
    if data.get("tools"):
        tokens += len(orjson.dumps(data["tools"], option=orjson.OPT_NON_STR_KEYS)) + _TOKENS_AROUND_TOOLS
    schema = (data.get("config") or {}).get("response_format")
    return tokens + (len(orjson.dumps(schema, option=orjson.OPT_NON_STR_KEYS)) if schema else 0)


def _bytes_of(parts: Any) -> int:
    if not parts:
        return 0
    if isinstance(parts, str):
        return len(parts.encode())
    total = 0
    for part in parts:
        text = part.get("text")
        if part.get("type") == "text" and text is not None:
            total += len(text.encode())
        else:
            linked = part.get("url") or part.get("file_id")
            total += len(orjson.dumps(part, option=orjson.OPT_NON_STR_KEYS))
            total += _TOKENS_OF_LINKED_MEDIA if linked else 0
    return total
